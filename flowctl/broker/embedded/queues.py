"""What is done to the queues of the embedded broker, rather than through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded.file import READY
from flowctl.broker.embedded.rows import (
    Transaction,
    as_json,
    discard,
    drop_content,
    make_queue,
    transfer,
)
from flowctl.errors import PublishFailed, QueueMismatch

CHUNK = 10_000
"""Messages that one transaction removes, so that others are not kept waiting."""

SHRINK = 1000
"""Pages that one transaction gives back."""


def declare(tx: Transaction, specs: Iterable[QueueSpec]) -> None:
    """Make the queues that are missing.

    Raises:
        QueueMismatch: some exist with other arguments; all others were made.
    """
    wrong: list[str] = []
    for spec in specs:
        row = tx.queue(spec.name)
        if row is None:
            make_queue(tx, spec)
        elif row.spec != spec:
            wrong.append(f'"{spec.name}" ({_difference(row.spec, spec)})')
    if wrong:
        name = wrong[0].split('"')[1]
        raise QueueMismatch(
            f"queue {', '.join(wrong)} exists with other arguments",
            remedy="stop the processor that reads it for a moment: the scheduler then replaces it; "
            f"or move its messages away (flowctl queue move {name} OTHER) and delete it",
        )


def declare_missing(tx: Transaction, specs: Iterable[QueueSpec]) -> None:
    """Make the queues that are missing and leave the others as they are."""
    for spec in specs:
        if tx.queue(spec.name) is None:
            make_queue(tx, spec)


def purge(tx: Transaction, name: str) -> int:
    """Remove up to `CHUNK` ready messages of a queue and return how many."""
    return discard(tx, _choose(tx, tx.find(name).id, None, CHUNK))


def remove(tx: Transaction, name: str, message_id: str) -> bool:
    """Remove one ready message, the oldest of that id."""
    return discard(tx, _choose(tx, tx.find(name).id, [message_id], 1)) > 0


def move(tx: Transaction, source: str, target: str, ids: Sequence[str] | None, limit: int) -> int:
    """Move ready messages to the end of another queue and return how many.

    Raises:
        PublishFailed: the target is full; what had room was moved.
    """
    origin, goal = tx.find(source), tx.find(target)
    if origin.id == goal.id:
        return 0
    chosen = _choose(tx, origin.id, ids, limit or -1)
    room = len(chosen)
    if goal.spec.max_length:
        room = max(0, min(room, goal.spec.max_length - goal.ready))
    transfer(tx, chosen[:room], origin.id, goal)
    if room < len(chosen):
        raise PublishFailed(dict.fromkeys(_names(tx, chosen[room:]), "full"))
    return room


def delete(tx: Transaction, name: str, if_empty: bool) -> bool:
    """Delete a queue; False if it is not there, or holds messages and must not."""
    row = tx.queue(name)
    if row is None:
        return False
    held = tx.execute("SELECT ready + unacked + delayed FROM queue WHERE id = ?", (row.id,))
    if held.fetchone()[0] and if_empty:
        return False
    gone = tx.execute("DELETE FROM message WHERE queue = ? RETURNING id, queue", (row.id,))
    drop_content(tx, gone.fetchall())
    tx.execute("DELETE FROM queue WHERE id = ?", (row.id,))
    tx.forget()
    return True


def shrink(tx: Transaction) -> None:
    """Give some of the space that the file does not use back to the disk."""
    # However many are asked for: sqlite3 gives up after the first page, as it brings no row.
    for _ in range(SHRINK):
        tx.execute("PRAGMA incremental_vacuum(1)")


def _difference(found: QueueSpec, wanted: QueueSpec) -> str:
    fields = ("ttl", "max_length", "dead_letter")
    pairs = [(name, getattr(found, name), getattr(wanted, name)) for name in fields]
    return ", ".join(f"{name} is {a!r}, wanted {b!r}" for name, a, b in pairs if a != b)


def _names(tx: Transaction, rows: Sequence[int]) -> list[str]:
    found = tx.execute(
        "SELECT message_id FROM message WHERE id IN (SELECT value FROM json_each(?))",
        (as_json(rows),),
    )
    return [row[0] for row in found.fetchall()]


def _choose(tx: Transaction, queue: int, ids: Sequence[str] | None, limit: int) -> list[int]:
    named = "" if ids is None else " AND message_id IN (SELECT value FROM json_each(?))"
    values = () if ids is None else (as_json(ids),)
    rows = tx.execute(
        f"SELECT id FROM message WHERE owner = {READY} AND queue = ?{named}"
        " ORDER BY seq, id LIMIT ?",
        (queue, *values, limit),
    )
    return [row[0] for row in rows.fetchall()]
