"""The door to measurements: what this host has, and what the workers use of it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from flowctl.model.fleet import Resources

CPUS = psutil.cpu_count() or 1


def hostname() -> str:
    """Return the name of this host."""
    return socket.gethostname()


def measure_host(folder: Path) -> Resources:
    """Return the use of this host since the last call; the disk is the one that holds `folder`."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(folder))
    return Resources(
        cpus=CPUS,
        cpu_percent=psutil.cpu_percent(),
        load=os.getloadavg()[0],
        memory_total=memory.total,
        memory_available=memory.available,
        disk_total=disk.total,
        disk_free=disk.free,
    )


class Meter:
    """Measures groups of processes; it remembers them: cpu use is a difference of two looks."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, psutil.Process]] = {}

    def measure(self, group: str, pids: Iterable[int]) -> tuple[float, int]:
        """Return cpu percent (100 is one cpu) since the last look and resident bytes, summed."""
        before, known = self._known.get(group, {}), dict[int, psutil.Process]()
        cpu, memory = 0.0, 0
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = before.get(pid) or psutil.Process(pid)
                with process.oneshot():
                    cpu += process.cpu_percent()
                    memory += process.memory_info().rss
                known[pid] = process
        self._known[group] = known
        return cpu, memory

    def forget(self, group: str) -> None:
        """Forget a group that is gone."""
        self._known.pop(group, None)
