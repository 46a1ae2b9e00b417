"""The whole daemon with a real database and real processes; only the workers are stand-ins."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from flowctl.model.states import AgentStatus, DeploymentStatus, Desired
from flowctl.model.work import Resize
from tests.hosts import DEPLOYMENT, PATIENCE, SPEC, Host

pytestmark = pytest.mark.process


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


def test_a_deployment_is_served_and_everything_is_on_record(host: Host) -> None:
    host.start("--cpus", "2", "--label", "disk=ssd")
    host.place()
    pid = host.runs()
    assert host.living() == [pid]
    (agent,) = host.store.fleet.agents()
    assert (agent.status, agent.cpus, agent.labels) == (AgentStatus.RUNNING, 2, {"disk": "ssd"})
    assert agent.resources.memory_total > 0
    (worker,) = host.store.fleet.workers()
    assert (worker.name, worker.deployment) == ("h1.shop.parse.worker.1", DEPLOYMENT)
    assert worker.executors == 2
    host.until(lambda: host.store.fleet.workers()[0].memory > 0)
    host.until(lambda: host.store.fleet.agent("h1").sentence == "1 worker serves 2 cpus")


def test_a_killed_worker_comes_back(host: Host) -> None:
    host.start()
    host.place()
    pid = host.runs()
    os.kill(pid, signal.SIGKILL)
    host.until(lambda: host.living() and host.living() != [pid])
    (new,) = host.living()
    worker = host.until(lambda: next((w for w in host.store.fleet.workers() if w.pid == new), None))
    assert worker.restarts == 1
    assert host.runs() == new


def test_workers_outlive_a_killed_agent_and_are_found_again(host: Host) -> None:
    host.start()
    host.place()
    pid = host.runs()
    host.kill()
    host.start()
    host.until(lambda: host.store.fleet.agent("h1").pid == host.agents[-1].pid)
    assert host.runs() == pid
    assert host.living() == [pid]
    host.request(Desired.STOPPED)
    host.until(host.is_in(DeploymentStatus.STOPPED))
    assert host.living() == []
    assert host.store.fleet.workers() == []


def test_whenever_the_agent_is_killed_there_is_one_worker_in_the_end(host: Host) -> None:
    """Deaths at random moments, from before the first spawn on."""
    chance = random.Random(7)
    never = Event()
    host.start()
    host.place()
    for _ in range(8):
        never.wait(chance.uniform(0.0, 1.2))
        host.kill()
        host.start()
        assert len(host.living()) <= 1
    pid = host.runs()
    assert host.living() == [pid]


@pytest.mark.parametrize("point", ["agent.journaled", "agent.spawned"])
def test_killed_in_the_middle_of_a_start_there_is_one_worker_in_the_end(
    host: Host, point: str
) -> None:
    agent = host.start(FLOWCTL_FAILPOINT=f"{point}:kill")
    host.place()
    assert agent.wait(PATIENCE) == -signal.SIGKILL
    before = host.living()
    assert len(before) == (point == "agent.spawned")
    host.start()
    pid = host.runs()
    assert host.living() == [pid] == (before or [pid])


def test_a_change_of_the_code_replaces_the_worker_and_more_cpus_do_not(host: Host) -> None:
    from msgspec.structs import replace

    host.start()
    host.place()
    pid = host.runs()
    processor = host.store.flows.processor("parse", "shop")
    spec = replace(processor.spec, source=replace(SPEC.source, code="def up(x):\n    return 2\n"))
    host.store.flows.rewrite("shop", "parse", spec, receipt=processor.receipt)
    host.until(lambda: host.living() and pid not in host.living())
    (new,) = host.living()
    assert host.runs() == new
    step = Resize(network="shop", processor="parse", agent="h1", deployment=DEPLOYMENT, cpus=1)
    assert host.store.fleet.place([step], term=None) == []
    host.until(host.is_in(DeploymentStatus.UPDATING))
    assert host.living() == [new]


def test_removed_means_gone(host: Host) -> None:
    host.start()
    host.place()
    host.runs()
    host.request(Desired.REMOVED)
    host.until(lambda: host.store.fleet.deployments() == [])
    assert host.living() == []
    assert host.store.fleet.workers() == []


def test_a_crash_loop_is_told_with_the_last_words(host: Host) -> None:
    host.start(manner="crash")
    host.place()
    host.until(host.is_in(DeploymentStatus.ERROR))
    reason = host.deployment().reason
    assert reason.startswith("crash loop: 5 exits in 5 minutes; worker exited with code 3")
    assert reason.endswith("boom")


def test_an_import_error_is_the_deployments_and_the_worker_stays(host: Host) -> None:
    host.start(manner="broken")
    host.place()
    host.until(host.is_in(DeploymentStatus.ERROR))
    assert host.deployment().reason == "ImportError: nope"
    assert len(host.living()) == 1


@pytest.mark.slow
def test_a_hung_worker_is_replaced(host: Host) -> None:
    host.start()
    host.place()
    pid = host.runs()
    os.kill(pid, signal.SIGSTOP)
    host.until(lambda: host.living() and pid not in host.living())
    assert host.runs() != pid


def test_sigterm_leaves_the_workers(host: Host) -> None:
    agent = host.start()
    host.place()
    pid = host.runs()
    agent.terminate()
    assert "leaving; the workers go on" in host.ends()
    assert host.living() == [pid]
    assert host.store.fleet.agent("h1").status is AgentStatus.RUNNING


def test_sigterm_ends_the_workers_where_that_was_asked_for(host: Host) -> None:
    agent = host.start("--stop-workers")
    host.place()
    host.runs()
    agent.terminate()
    host.ends()
    assert host.living() == []
    assert host.store.fleet.agent("h1").status is AgentStatus.STOPPED
    assert host.store.fleet.workers() == []
    run = host.settings.paths.run
    assert {path.name for path in run.iterdir()} == {"agentd-h1", "agentd-h1.lock"}
    assert list((run / "agentd-h1").iterdir()) == []


def test_a_second_sigterm_waits_for_nobody(host: Host) -> None:
    agent = host.start("--stop-workers", manner="stubborn")
    host.place()
    host.runs()
    agent.terminate()
    host.until(host.is_in(DeploymentStatus.STOPPING))
    agent.terminate()
    host.ends()
    assert host.living() == []


def test_an_agent_that_is_asked_to_stop_says_goodbye(host: Host) -> None:
    host.start()
    host.place()
    host.runs()
    host.store.fleet.request_agent("h1", Desired.STOPPED)
    host.ends()
    assert host.living() == []
    assert host.store.fleet.agent("h1").status is AgentStatus.STOPPED


def test_a_second_agent_of_the_name_is_refused(host: Host) -> None:
    first = host.start()
    host.until(lambda: host.store.fleet.agents() != [])
    host.start()
    said = host.ends(expected=1)
    assert f'an agent "h1" runs here already, with pid {first.pid}' in said
    assert "--name" in said


def test_a_database_without_a_schema_is_waited_for(tmp_path: Path) -> None:
    host = Host(tmp_path, migrated=False)
    try:
        host.start()
        host.until(lambda: "flowctl db migrate" in host.log.read_text())
        host.prepare()
        host.place()
        host.runs()
    finally:
        host.close()


@pytest.mark.parametrize(
    "options",
    [
        ("--cpus", "0"),
        ("--label", "nonsense"),
        ("--name", "no/slash"),
        ("--port", "x"),
        ("--port", "70000"),
        ("--interval", "nan"),
    ],
)
def test_options_that_cannot_be_used_are_told(host: Host, options: tuple[str, str]) -> None:
    assert host.start(*options).wait(PATIENCE) in {1, 2}
    said = host.log.read_text()
    assert options[1] in said or "must be" in said
    assert "Traceback" not in said


def test_health_is_told_over_http(host: Host) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host.start("--port", str(port))
    host.place()
    host.runs()

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return dict(json.load(answer))

    host.until(lambda: ask()["sentence"] == "1 worker serves 2 cpus")
    assert ask()["status"] == "green"
    assert host.store.fleet.agent("h1").port == port


def _read_until(listener: socket.socket, word: str) -> list[str]:
    words: list[str] = []
    while word not in words:
        words += listener.recv(4096).decode().splitlines()
    return words


def test_systemd_hears_from_it(host: Host) -> None:
    address = str(host.settings.paths.run / "notify")
    listening: AbstractContextManager[socket.socket] = socket.socket(
        socket.AF_UNIX, socket.SOCK_DGRAM
    )
    with listening as listener:
        listener.bind(address)
        listener.settimeout(PATIENCE)
        agent = host.start(NOTIFY_SOCKET=address, WATCHDOG_USEC="30000000")
        assert _read_until(listener, "READY=1")
        assert _read_until(listener, "STATUS=no deployments")
        assert _read_until(listener, "WATCHDOG=1")
        agent.terminate()
        assert _read_until(listener, "STOPPING=1")
        host.ends()
