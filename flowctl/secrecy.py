"""What keeps a daemon's memory and environment, which hold passwords, from other programs."""

from __future__ import annotations

import ctypes

_PR_SET_DUMPABLE = 4


def hide() -> None:
    """Keep other processes of the same user from reading or tracing this one, and it from dumps.

    It holds until the process executes another program, so children that do are not hidden. The
    superuser sees everything.
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
