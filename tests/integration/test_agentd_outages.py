"""An agent whose database dies, hangs and comes back: nothing stops, and nobody has to help."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.process, pytest.mark.postgres]


@pytest.fixture
def host(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Host]:
    host = Host(tmp_path, state=postgres_server.database())
    yield host
    host.close()


def test_workers_are_kept_without_the_database(host: Host, postgres_server: PostgresServer) -> None:
    host.start()
    host.place()
    pid = host.runs()
    postgres_server.kill()
    try:
        host.until(lambda: "no state database" in host.log.read_text())
        assert host.living() == [pid]
        os.kill(pid, signal.SIGKILL)
        host.until(lambda: host.living() and host.living() != [pid])
    finally:
        postgres_server.start()
    (new,) = host.living()
    host.until(lambda: [worker.pid for worker in host.store.fleet.workers()] == [new])
    host.until(lambda: host.store.fleet.agent("h1").sentence == "1 worker serves 2 cpus")
    assert host.living() == [new]


def test_an_agent_that_starts_without_the_database_keeps_what_runs(
    host: Host, postgres_server: PostgresServer
) -> None:
    host.start()
    host.place()
    pid = host.runs()
    host.kill()
    postgres_server.stop()
    try:
        host.start()
        host.until(lambda: "is ours again" in host.log.read_text())
        host.until(lambda: "no state database" in host.log.read_text())
        assert host.living() == [pid]
    finally:
        postgres_server.start()
    host.until(lambda: host.store.fleet.agent("h1").pid == host.agents[-1].pid)
    assert host.runs() == pid
