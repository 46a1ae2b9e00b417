"""Crash windows with names, so that a test can end a process in exactly one of them.

`FLOWCTL_FAILPOINT=after_commit:kill` ends the process with SIGKILL when it first passes the point
`after_commit`; `after_commit:kill:5` at the fifth pass. Without the variable a pass costs one
comparison.
"""

from __future__ import annotations

import os
import signal

_WANTED = os.environ.get("FLOWCTL_FAILPOINT", "")
_passes: dict[str, int] = {}

POINTS = (
    "worker.executed",  # ran, nothing recorded
    "worker.committed",  # recorded, nothing published
    "worker.published",  # published and confirmed, nothing acknowledged
    "worker.acked",  # acknowledged, the outbox still says unsent
    "worker.joined",  # a join took its values, nothing ran
    "worker.claimed",  # a long call is held by a lease, its delivery is not acknowledged
    "scheduler.fired",  # a fire is in the outbox, not published
    "scheduler.placed",  # a plan is on record, nobody told
    "agent.journaled",  # a worker is about to be spawned
    "agent.spawned",  # a worker runs, its pid is not on record
)
"""Every point that exists; a test walks them all."""


def reach(point: str) -> None:
    """End this process here if the environment asks for it."""
    if not _WANTED or not _WANTED.startswith(point + ":"):
        return
    _passes[point] = _passes.get(point, 0) + 1
    _, action, *nth = _WANTED.split(":")
    if action == "kill" and _passes[point] == int(nth[0] if nth else 1):
        os.kill(os.getpid(), signal.SIGKILL)
