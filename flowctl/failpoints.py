"""Crash windows with names, so that a test can end a process in exactly one of them.

`FLOWCTL_FAILPOINT=after_commit:kill` ends the process with SIGKILL when it first passes the point
`after_commit`; `after_commit:kill:5` at the fifth pass; `after_commit:kill:5:/tmp/done` does so in
one process only, the first that can create that file. Without the variable a pass costs one comparison.
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
    "plug.renamed",  # it has its new name, nothing of its old queue has moved
    "trash.recorded",  # a purge is on record, nothing has moved
    "trash.moved",  # purged messages are in the trash, the journal does not say so
    "trash.returned",  # they are back, the journal says they are in the trash
    "agent.journaled",  # a worker is about to be spawned
    "agent.spawned",  # a worker runs, its pid is not on record
)
"""Every point that exists; a test walks them all."""


def reach(point: str) -> None:
    """End this process here if the environment asks for it."""
    if not _WANTED or not _WANTED.startswith(point + ":"):
        return
    _passes[point] = _passes.get(point, 0) + 1
    _, action, nth, once, *_ = [*_WANTED.split(":", 3), "", ""]
    if action == "kill" and _passes[point] == int(nth or 1) and _is_first(once):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_first(file: str) -> bool:
    try:
        return not file or bool(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
