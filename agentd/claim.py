"""Only one agent of a name runs in a home: a lock that the kernel gives back whatever happens."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from flowctl.errors import Conflict


def claim(path: Path, name: str) -> int:
    """Take the lock file for the life of this process; return its descriptor.

    Raises:
        Conflict: another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(number, 32).decode(errors="replace").strip()
        os.close(number)
        raise Conflict(
            f'an agent "{name}" runs here already, with pid {holder or "unknown"}',
            remedy="give this one another --name, or stop the other",
        ) from error
    os.ftruncate(number, 0)
    os.pwrite(number, str(os.getpid()).encode(), 0)
    return number
