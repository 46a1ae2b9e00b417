"""What the functions noted, and what follows from it (pure, but for reading the file)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from tests.cluster import until

WARM = 0.1
"""The first part of a run does not count: connections and windows open then."""


class Marks:
    """The file of one system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        path.chmod(0o666)

    def clear(self) -> None:
        """Forget what was noted."""
        self.path.open("wb").close()

    def await_(self, count: int, width: int = 8, timeout: float = 300.0) -> None:
        """Wait until so many calls noted something."""
        until(
            lambda: self.path.stat().st_size >= count * width,
            f"{count} calls noted in {self.path.name}",
            timeout=timeout,
        )

    def moments(self) -> list[int]:
        """Return when the calls ran, in nanoseconds, in order."""
        found = self.path.read_bytes()
        return sorted(struct.unpack(f"<{len(found) // 8}Q", found))

    def naps(self) -> list[Nap]:
        """Return when the naps began and ended, and in which process."""
        return [Nap(*each) for each in struct.iter_unpack("<QQQ", self.path.read_bytes())]


class Nap(NamedTuple):
    """One call of `nap`, in nanoseconds."""

    began: int
    ended: int
    pid: int


def rate(moments: list[int]) -> float:
    """Return calls a second, without the first part of the run."""
    first = int(len(moments) * WARM)
    return (len(moments) - 1 - first) / (moments[-1] - moments[first]) * 1e9


def makespan(naps: list[Nap]) -> float:
    """Return the seconds from the first beginning to the last end."""
    return (max(nap.ended for nap in naps) - min(nap.began for nap in naps)) / 1e9


def idle(naps: list[Nap], servers: int) -> float:
    """Return the seconds that servers were idle while there was something that had not begun."""
    first, last = min(nap.began for nap in naps), max(nap.began for nap in naps)
    busy = sum(max(0, min(nap.ended, last) - nap.began) for nap in naps)
    return (servers * (last - first) - busy) / 1e9
