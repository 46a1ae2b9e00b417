"""The same over RabbitMQ and Postgres, with two agents: the core of it, and an agent that is lost."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.clock import SystemClock
from flowctl.model.states import AgentStatus
from tests.cluster import Cluster, until
from tests.servers.rabbitmq import PASSWORD
from tests.stage import STEPS, Stage, stage

pytestmark = [pytest.mark.process, pytest.mark.rabbit, pytest.mark.postgres]

PAIR = """
def pair(a, b): return a + b
def spread(n): yield from range(n)
def gathered(values): return values
"""


@pytest.fixture(scope="module")
def cluster(
    rabbit_url: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path_factory.mktemp("servers"), state=postgres_url, broker=rabbit_url, agents=2, cpus=6,
        schedulers=2,
        env={
            "FLOWCTL_LEASE_TTL": "4", "FLOWCTL_LEASE_RENEW": "1", "FLOWCTL_SUSPECT_AFTER": "3",
            "FLOWCTL_LOST_AFTER": "6", "FLOWCTL_CLAIM_AFTER": "1", "FLOWCTL_CLAIM_LEASE": "4",
        },
    )  # fmt: skip
    try:
        yield made.start()
    finally:
        made.stop()


def placed(net: Stage) -> Counter[str]:
    """Return how many cpus each agent serves."""
    found: Counter[str] = Counter()
    for each in net.control.store.fleet.deployments(net.name):
        found[each.agent] += each.cpus
    return found


def test_a_flow_over_two_agents_scales_and_loses_nothing(cluster: Cluster) -> None:
    with stage(cluster, "wide") as net:
        net.apply(
            {"a": net.coded(STEPS, "step", cpus=4), "b": net.coded(STEPS, "step", cpus=2)},
            ["a.step -> b.step"],
        )
        assert set(placed(net)) == {"a1", "a2"}
        net.send("a.step", list(range(300)))
        net.say("scale", "a=1", "b=4", "--wait", "--timeout", "60s")
        net.send("a.step", list(range(300, 600)))
        net.say("scale", "a=0", "--wait", "--timeout", "60s")
        net.say("scale", "a=5", "--wait", "--timeout", "60s")
        found = net.settled("b.step", 600)
        assert sorted(net.value(call.id) for call in found) == list(range(600))
        assert Counter(net.executions()) == Counter({str(n): 2 for n in range(600)})


def test_kills_in_the_middle_of_calls(cluster: Cluster) -> None:
    with stage(cluster, "killed") as net:
        net.apply({"a": net.coded(STEPS, "gated", cpus=2)})
        ids = net.send("a.gated", [1, 2])
        net.await_executions(2)
        for pid in net.pids("a").values():
            os.kill(pid, signal.SIGKILL)
        net.await_executions(4)
        (executor, *_) = net.executors("a")
        os.kill(executor, signal.SIGKILL)
        cluster.daemons["a1"].kill()
        cluster.daemons["s1"].kill()
        net.await_executions(5)
        net.open_gate()
        assert net.values(ids) == [1, 2]
        assert len(net.calls("a.gated")) == 2


def test_joins_and_gathers(cluster: Cluster) -> None:
    with stage(cluster, "met") as net:
        net.apply(
            {"a": net.coded(STEPS + PAIR, "step", "gated", "pair", "spread", "gathered", cpus=2)},
            [
                {"from": "a.step", "to": "a.pair", "argument": "a"},
                {"from": "a.gated", "to": "a.pair", "argument": "b"},
                {"from": "a.spread", "to": "a.gathered", "gather": "a.spread"},
            ],
        )
        net.open_gate()
        net.send("a.step", list(range(20)))
        net.send("a.gated", list(range(20)))
        assert [net.value(call.id) for call in net.settled("a.pair", 20)]
        assert len(net.settled("a.pair", 20)) == 20
        net.send("a.spread", [50])
        (gathered,) = net.settled("a.gathered", 1)
        assert net.value(gathered.id) == list(range(50))


def test_what_a_lost_agent_served_is_served_by_the_other(cluster: Cluster) -> None:
    with stage(cluster, "moved") as net:
        net.apply({"a": net.coded(STEPS, "gated", cpus=1)})
        (home,) = placed(net)
        ids = net.send("a.gated", [1])
        net.await_executions(1)
        pids = [cluster.daemons[home].process.pid, *net.pids("a").values()]
        cluster.daemons[home].abandon()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        del cluster.daemons[home]

        def lost() -> bool:
            return net.control.store.fleet.agent(home).status is AgentStatus.LOST

        until(lost, "the agent counts as lost")
        assert home in net.say("ls", "agents")
        until(lambda: set(placed(net)) == {"a1", "a2"} - {home}, "its place is taken")
        net.await_executions(2)
        net.open_gate()
        assert net.values(ids) == [1]
        cluster.start_agent(home)
        until(lambda: not lost(), "it is back")
        assert net.values(net.send("a.gated", [3])) == [3]


def test_no_password_is_shown_anywhere(cluster: Cluster) -> None:
    shown = cluster.flowctl("config", "view") + cluster.flowctl("info") + cluster.flowctl("doctor")
    assert PASSWORD not in shown
    logs = cluster.settings.paths.logs.rglob("*.log")
    assert not [log for log in logs if PASSWORD in log.read_text(errors="replace")]
    for process in cluster.processes():
        assert PASSWORD not in " ".join(process.cmdline())


def test_logs_of_other_hosts_are_merged(cluster: Cluster, tmp_path: Path) -> None:
    """Whoever reads them has a folder of logs elsewhere, as on another host."""
    elsewhere = cluster.env | {"FLOWCTL_LOGS": str(tmp_path)}
    with stage(cluster, "loud") as net:
        net.apply({"a": net.coded("def cry(n): print('cry number', n)", "cry", cpus=2)})
        net.ended(net.send("a.cry", [1, 2, 3]))

        def cries(env: dict[str, str]) -> list[str]:
            words = ["-n", "loud", "logs", "--grep", "cry number", "-o", "jsonl"]
            lines = cluster.invoke(*words, env=env).stdout.splitlines()
            return sorted(json.loads(line)["text"] for line in lines)

        wanted = [f"cry number {n}" for n in (1, 2, 3)]
        assert cries(elsewhere) == cries(cluster.env) == wanted
        said = cluster.invoke("logs", "--limit", "0", "-o", "jsonl", env=elsewhere).stdout
        sources = {json.loads(line)["source"] for line in said.splitlines()}
        assert {"a1", "a2"} <= sources

        command = [
            sys.executable,
            "-m",
            "flowctl",
            "logs",
            "-f",
            "--grep",
            "leading in",
            "-o",
            "jsonl",
        ]
        with subprocess.Popen(command, env=elsewhere, stdout=subprocess.PIPE) as follower:
            assert follower.stdout is not None
            until(lambda: select.select([follower.stdout], [], [], 0)[0], "a line comes")
            assert json.loads(follower.stdout.readline())["source"] in {"s1", "s2"}
            follower.terminate()
            follower.communicate(timeout=60)
        until(lambda: not net.control.store.asks.live(SystemClock().now()), "nobody asks any more")
