"""What flowctl costs when nothing happens."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psutil

from tests.cluster import Cluster, until

SECONDS = 20.0
RECIPE = """
version: 1
network: idle
processors:
  p:
    source: {code: "def f(x): return x"}
    sockets: {f: f}
"""


def measure(home: Path) -> list[tuple[str, Any, str]]:
    """Watch a cluster of one worker with one executor for a while."""
    cluster = Cluster(home, cpus=1)
    (home / "recipe.yaml").write_text(RECIPE)
    try:
        cluster.start()
        cluster.flowctl("apply", str(home / "recipe.yaml"), "-y")
        cluster.flowctl("call", "p.f", "1")
        with cluster.control() as control:
            worker = until(lambda: cluster.workers(control), "a worker")[0]
        watched = {
            "agentd": [psutil.Process(cluster.daemons["a1"].process.pid)],
            "schedulerd": [psutil.Process(cluster.daemons["s1"].process.pid)],
            "worker + executor": family(worker.pid),
        }
        return [row for name, group in watched.items() for row in figures(name, group)]
    finally:
        cluster.stop()


def family(pid: int) -> list[psutil.Process]:
    """Return a process with its descendants."""
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]


def figures(name: str, group: list[psutil.Process]) -> list[tuple[str, Any, str]]:
    """Return cpu (percent of one) and memory (MB, shared pages divided) of some processes."""
    before = sum(sum(process.cpu_times()[:2]) for process in group)
    threading.Event().wait(SECONDS)
    after = sum(sum(process.cpu_times()[:2]) for process in group)
    memory = sum(process.memory_full_info().pss for process in group)
    return [
        (f"{name}, % of a cpu", 100 * (after - before) / SECONDS, "<= 1"),
        (f"{name}, MB", memory / 1e6, "<= 60"),
    ]
