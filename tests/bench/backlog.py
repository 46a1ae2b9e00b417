"""A million messages that wait: memory stays flat, and they drain as fast as a few do.

The small case and the first part of the large one are drained with the same worker; the rest is
purged. `BACKLOG=n` in the environment makes it smaller.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.traffic import Message, Outgoing
from flowctl.services.control import Control
from tests.bench.race.marks import Marks, rate
from tests.cluster import Cluster, until
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer

LARGE = int(os.environ.get("BACKLOG", "1_000_000"))
DRAINED = 20_000
TOGETHER = 5_000
WORK = Path(__file__).parent / "race"
RECIPE = """
version: 1
network: deep
processors:
  p:
    source: {{path: {here}, module: work}}
    env: {{RACE_MARKS: {marks}}}
    sockets: {{mark: mark}}
"""
Rows = list[tuple[str, Any, str]]


def measure(home: Path) -> Rows:
    """Measure on both brokers."""
    rows: Rows = []
    home.chmod(0o755)
    for name in ("embedded", "RabbitMQ + Postgres"):
        folder = home / name.partition(" ")[0]
        folder.mkdir()
        with ExitStack() as stack:
            rows += _measured(stack, name, folder)
    return rows


def _measured(stack: ExitStack, name: str, home: Path) -> Rows:
    urls: dict[str, str] = {}
    server: RabbitServer | None = None
    if name != "embedded":
        server, postgres = RabbitServer(), PostgresServer(careful=True)
        for each in (server, postgres):
            stack.callback(each.close)
            each.start()
        urls = {"broker": server.url, "state": postgres.url}
    cluster = Cluster(home, env={"FLOWCTL_NETWORK": "deep"}, **urls)
    stack.callback(cluster.stop)
    control = stack.enter_context(cluster.start().control())
    marks = Marks(home / "marks")
    file = home / "recipe.yaml"
    file.write_text(RECIPE.format(here=WORK, marks=marks.path))
    cluster.flowctl("apply", str(file), "-y")
    cluster.flowctl("call", "p.mark", "1")
    return _drained(name, cluster, control, marks, server)


def _drained(
    name: str, cluster: Cluster, control: Control, marks: Marks, server: RabbitServer | None
) -> Rows:
    few, many = [], []
    _fill(cluster, control, DRAINED, marks)
    _drain(cluster, marks)
    for _ in range(2):
        _fill(cluster, control, DRAINED, marks)
        few.append(_drain(cluster, marks))
    before = _memory(cluster, server)
    _fill(cluster, control, LARGE, marks)
    full = _memory(cluster, server)
    for _ in range(2):
        cluster.flowctl("pause", "deep/p", "--wait")
        marks.clear()
        many.append(_drain(cluster, marks))
    after = _memory(cluster, server)
    cluster.flowctl("pause", "deep/p", "--wait")
    # Not by the command: that keeps what it purges for a day, so that it can be undone.
    control.broker.purge("deep.p.mark")
    rows: Rows = [
        (f"{name}: drained calls/s, {DRAINED:,} queued", max(few), ""),
        (f"{name}: drained calls/s, {LARGE:,} queued", max(many), ""),
        (f"{name}: of the small case, %", 100 * max(many) / max(few), ">= 90"),
    ]
    for who in before:
        rows.append((f"{name}: {who} before, MB", before[who], ""))
        rows.append((f"{name}: {who} with all queued, MB", full[who], ""))
        rows.append((f"{name}: {who} while draining, MB", after[who], "flat"))
    print(f"  {name} measured", flush=True)
    return rows


def _fill(cluster: Cluster, control: Control, count: int, marks: Marks) -> None:
    cluster.flowctl("pause", "deep/p", "--wait")
    for _ in range(0, count, TOGETHER):
        ids = [new_id() for _ in range(TOGETHER)]
        control.broker.publish(
            [
                Outgoing(
                    queue="deep.p.mark", message=Message(id=CallId(i), run_id=RunId(i), body=b"1")
                )
                for i in ids
            ],
            timeout=300,
        )
    marks.clear()


def _drain(cluster: Cluster, marks: Marks) -> float:
    cluster.flowctl("resume", "deep/p")
    until(lambda: marks.path.stat().st_size >= 8 * DRAINED, "calls drain", timeout=300)
    return rate(marks.moments()[:DRAINED])


def _memory(cluster: Cluster, server: RabbitServer | None) -> dict[str, float]:
    """Return the memory of everything that runs, in MB, shared pages divided."""
    groups: dict[str, list[psutil.Process]] = {"flowctl": cluster.processes()}
    if server is not None:
        groups["RabbitMQ"] = [psutil.Process(server.pid)]
    return {
        who: sum(each.memory_full_info().pss for each in group) / 1e6
        for who, group in groups.items()
    }
