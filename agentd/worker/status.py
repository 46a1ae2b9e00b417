"""The status file: how a worker tells its agent that it lives, and how it is."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from flowctl.model.states import WorkerStatus


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    pid: int
    status: WorkerStatus
    executors: int = 0
    """Executors that serve."""
    busy: int = 0
    reason: str = ""
    generation: int = 0
    restarts: int = 0
    calls: int = 0
    """Calls that ended since the start."""
    failed: int = 0
    at: float = 0.0
    """Monotonic seconds of this machine."""
    executor_pids: tuple[int, ...] = ()


def write_status(path: str, status: Status) -> None:
    """Put the status in place in one step, so that a reader never sees half of it."""
    target = Path(path)
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    aside.write_bytes(msgspec.json.encode(status))
    aside.replace(target)


def read_status(path: str) -> Status | None:
    """Return what the file says, or None where there is none that can be read."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
