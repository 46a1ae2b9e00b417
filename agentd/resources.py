"""The door to measurements: what this host has, and what the workers use of it."""

from __future__ import annotations

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
    """Measures processes; it remembers them, because cpu use is a difference of two looks."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def measure(self, pids: Iterable[int]) -> tuple[float, int]:
        """Return cpu percent (100 is one cpu) since the last look and resident bytes, summed."""
        cpu, memory = 0.0, 0
        for pid in pids:
            try:
                process = self._known.setdefault(pid, psutil.Process(pid))
                with process.oneshot():
                    cpu += process.cpu_percent()
                    memory += process.memory_info().rss
            except psutil.Error:
                self._known.pop(pid, None)
        return cpu, memory

    def keep(self, pids: Iterable[int]) -> None:
        """Forget all other processes."""
        wanted = set(pids)
        self._known = {pid: known for pid, known in self._known.items() if pid in wanted}
