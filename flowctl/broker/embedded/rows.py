"""What the embedded broker does with its rows, each act inside a transaction that is open already.

The counters of a queue are kept here and nowhere else: every function that moves a message between
ready, held and delayed counts it, and `Transaction.flush` writes the sums.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded.file import DELAYED, READY
from flowctl.broker.embedded.wire import mark
from flowctl.errors import NotFound

SWEEP = 1000
"""How many due or expired messages one transaction handles."""


class QueueRow(Struct, kw_only=True):
    """A queue as this transaction sees it."""

    id: int
    spec: QueueSpec
    ready: int


class Posted(Struct, frozen=True, kw_only=True):
    """A message on its way in, encoded already."""

    queue: str
    message_id: str
    properties: bytes
    body: bytes
    delay: float


class Claimed(Struct, frozen=True, kw_only=True):
    """A message that was handed to a session."""

    id: int
    queue: str
    deliveries: int
    properties: bytes
    body: bytes


class Transaction:
    """One open transaction and what has to happen when it ends."""

    def __init__(self, connection: sqlite3.Connection, now: float, uptime: float) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.now = now
        """Seconds of the calendar, for what must outlive a restart of the machine."""
        self.uptime = uptime
        """Seconds that only grow, the same in all processes, for leases."""
        self.touched: set[int] = set()
        """Queues whose consumers should look: something came, or will."""
        self.next_due: float | None = None
        """The earliest moment of what was delayed here."""
        self.awake = 0
        """The session of this process: it sees for itself what was touched."""
        self.after: list[Callable[[], object]] = []
        """What to do once it is committed."""
        self._queues: dict[str, QueueRow | None] = {}
        self._counts: dict[str, Counter[int]] = {"ready": Counter(), "unacked": Counter()}
        self._counts["delayed"] = Counter()
        self._next_id = 0

    def queue(self, name: str) -> QueueRow | None:
        """Return the queue of that name, or None."""
        if name not in self._queues:
            self._queues[name] = _read_queue(self, name)
        return self._queues[name]

    def find(self, name: str) -> QueueRow:
        """Return the queue of that name.

        Raises:
            NotFound: there is none.
        """
        found = self.queue(name)
        if found is None:
            raise NotFound("queue", name)
        return found

    def forget(self) -> None:
        """Read queues again when they are asked for: one was made or deleted."""
        self._queues.clear()

    def count(self, what: str, queue: int, number: int) -> None:
        """Add to a counter of a queue."""
        self._counts[what][queue] += number

    def take_ids(self, number: int) -> range:
        """Return that many fresh ids, which are also places at the end of any queue."""
        if not self._next_id:
            self._next_id = self.execute("SELECT next_id FROM counter").fetchone()[0]
        first = self._next_id
        self._next_id += number
        return range(first, self._next_id)

    def plan(self, moment: float | None) -> None:
        """Remember that something will be due at this moment."""
        if moment is not None and (self.next_due is None or moment < self.next_due):
            self.next_due = moment

    def flush(self) -> None:
        """Write the counters."""
        for what, sums in self._counts.items():
            changes = [(number, queue) for queue, number in sums.items() if number]
            sums.clear()
            if changes:
                self.executemany(f"UPDATE queue SET {what} = {what} + ? WHERE id = ?", changes)
        if self._next_id:
            self.execute("UPDATE counter SET next_id = ?", (self._next_id,))


def make_queue(tx: Transaction, spec: QueueSpec) -> None:
    """Make a queue that is not there."""
    tx.execute(
        "INSERT INTO queue (name, ttl, max_length, dead_letter) VALUES (?, ?, ?, ?)",
        (spec.name, spec.ttl, spec.max_length, spec.dead_letter),
    )
    tx.forget()


def insert(tx: Transaction, posted: Sequence[Posted]) -> dict[str, str]:
    """Put messages into their queues; return id and reason of those that were refused."""
    refused: dict[str, str] = {}
    accepted: list[tuple[Posted, QueueRow]] = []
    for item in posted:
        row = tx.queue(item.queue)
        if row is None:
            refused[item.message_id] = "unroutable"
        elif item.delay <= 0 and 0 < row.spec.max_length <= row.ready:
            refused[item.message_id] = "full"
        else:
            accepted.append((item, row))
            row.ready += item.delay <= 0
    _write(tx, accepted)
    return refused


def claim(tx: Transaction, session: int, number: int, wanted: int, turn: int) -> list[Claimed]:
    """Hand up to `wanted` messages to a consumer, an equal share of each queue, oldest first."""
    queues = tx.execute(
        "SELECT q.id, q.name FROM consumer c JOIN queue q ON q.id = c.queue"
        " WHERE c.session = ? AND c.number = ? AND q.ready > 0 ORDER BY q.id",
        (session, number),
    ).fetchall()
    turn = turn % len(queues) if queues else 0
    queues = queues[turn:] + queues[:turn]
    claimed: list[Claimed] = []
    while queues and wanted:
        share = max(1, wanted // len(queues))
        left = []
        for queue in queues:
            got = _claim_from(tx, session, queue, min(share, wanted))
            claimed += got
            wanted -= len(got)
            if len(got) == share:
                left.append(queue)
        queues = left
    return claimed


def settle(tx: Transaction, session: int, ids: Sequence[int]) -> None:
    """Remove messages that this session has done."""
    gone = tx.execute(
        "DELETE FROM message WHERE +owner = ? AND id IN (SELECT value FROM json_each(?))"
        " RETURNING id, queue",
        (session, as_json(ids)),
    ).fetchall()
    _count_each(tx, "unacked", gone, -1)
    drop_content(tx, gone)


def release(tx: Transaction, session: int, ids: Sequence[int]) -> None:
    """Give messages of this session back to their places."""
    back = tx.execute(
        f"UPDATE message SET owner = {READY}"
        " WHERE +owner = ? AND id IN (SELECT value FROM json_each(?)) RETURNING id, queue",
        (session, as_json(ids)),
    ).fetchall()
    _count_back(tx, back)


def release_all(tx: Transaction, session: int) -> None:
    """Give back everything that this session holds."""
    back = tx.execute(
        f"UPDATE message SET owner = {READY} WHERE owner = ? RETURNING id, queue", (session,)
    ).fetchall()
    _count_back(tx, back)


def ripen(tx: Transaction) -> None:
    """Do what time demands: delayed messages become ready, expired ones move."""
    # The indexes are named: left to itself, SQLite reads everything that waits, at each claim.
    due = tx.execute(
        "SELECT id, queue FROM message INDEXED BY message_due"
        f" WHERE owner = {DELAYED} AND ready_at <= ?"
        " ORDER BY ready_at, id LIMIT ?",
        (tx.now, SWEEP),
    ).fetchall()
    if due:
        _promote(tx, due)
    expired = tx.execute(
        "SELECT m.id, m.queue, c.properties, c.body"
        " FROM message m INDEXED BY message_expiry JOIN content c ON c.id = m.id"
        f" WHERE m.owner = {READY} AND m.expires_at <= ? ORDER BY m.expires_at, m.id LIMIT ?",
        (tx.now, SWEEP),
    ).fetchall()
    for row in expired:
        _expire(tx, *row)
    tx.flush()


def next_moment(connection: sqlite3.Connection) -> float | None:
    """Return when `ripen` has something to do next, in seconds of the calendar."""
    row = connection.execute(
        f"SELECT min(ready_at) FROM message INDEXED BY message_due WHERE owner = {DELAYED}"
        " UNION ALL SELECT min(expires_at) FROM message INDEXED BY message_expiry"
        f" WHERE owner = {READY} AND expires_at IS NOT NULL"
    ).fetchall()
    return min((moment for (moment,) in row if moment is not None), default=None)


def _read_queue(tx: Transaction, name: str) -> QueueRow | None:
    row = tx.execute(
        "SELECT id, ttl, max_length, dead_letter, ready FROM queue WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    spec = QueueSpec(name=name, ttl=row[1], max_length=row[2], dead_letter=row[3])
    return QueueRow(id=row[0], spec=spec, ready=row[4])


def _write(tx: Transaction, accepted: Sequence[tuple[Posted, QueueRow]]) -> None:
    messages: list[tuple[Any, ...]] = []
    ids = tx.take_ids(len(accepted))
    for place, (item, row) in zip(ids, accepted, strict=True):
        if item.delay > 0:
            owner, ready_at, expires_at = DELAYED, tx.now + item.delay, None
        else:
            owner, ready_at, expires_at = READY, None, _expiry(tx, row.spec)
        messages.append((place, row.id, owner, place, item.message_id, ready_at, expires_at))
        tx.plan(ready_at or expires_at)
    contents = [
        (place, item.properties, item.body) for place, (item, _) in zip(ids, accepted, strict=True)
    ]
    for (queue, owner), number in Counter((row[1], row[2]) for row in messages).items():
        tx.count("ready" if owner == READY else "delayed", queue, number)
        tx.touched.add(queue)
    tx.executemany(
        "INSERT INTO message (id, queue, owner, seq, message_id, ready_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        messages,
    )
    tx.executemany("INSERT INTO content VALUES (?, ?, ?)", contents)


def _expiry(tx: Transaction, spec: QueueSpec) -> float | None:
    return tx.now + spec.ttl if spec.ttl else None


def _claim_from(
    tx: Transaction, session: int, queue: tuple[int, str], wanted: int
) -> list[Claimed]:
    rows = tx.execute(
        "SELECT m.id, m.deliveries, c.properties, c.body FROM message m"
        f" JOIN content c ON c.id = m.id WHERE m.owner = {READY} AND m.queue = ?"
        " ORDER BY m.seq, m.id LIMIT ?",
        (queue[0], wanted),
    ).fetchall()
    if not rows:
        return []
    tx.execute(
        "UPDATE message SET owner = ?, deliveries = deliveries + 1"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (session, as_json([row[0] for row in rows])),
    )
    tx.count("ready", queue[0], -len(rows))
    tx.count("unacked", queue[0], len(rows))
    return [
        Claimed(id=row[0], queue=queue[1], deliveries=row[1], properties=row[2], body=row[3])
        for row in rows
    ]


def _promote(tx: Transaction, due: Sequence[tuple[int, int]]) -> None:
    # They join the end of their queue, in the order of their times.
    places = zip(tx.take_ids(len(due)), due, strict=True)
    tx.executemany(
        f"UPDATE message SET owner = {READY}, ready_at = NULL, seq = ?, expires_at ="
        " (SELECT CASE WHEN ttl > 0 THEN ? + ttl END FROM queue WHERE id = message.queue)"
        " WHERE id = ?",
        [(place, tx.now, row) for place, (row, _) in places],
    )
    _count_each(tx, "delayed", due, -1)
    _count_each(tx, "ready", due, 1)
    tx.touched |= {queue for _, queue in due}


def _expire(tx: Transaction, row: int, queue: int, properties: bytes, body: bytes) -> None:
    name, dead_letter = tx.execute(
        "SELECT name, dead_letter FROM queue WHERE id = ?", (queue,)
    ).fetchone()
    if not dead_letter:
        discard(tx, [row])
        return
    if tx.queue(dead_letter) is None:
        make_queue(tx, QueueSpec(name=dead_letter))
    marked = mark(properties, body, reason="expired", origin=name)
    tx.execute("UPDATE content SET properties = ? WHERE id = ?", (marked, row))
    transfer(tx, [row], queue, tx.find(dead_letter))


def transfer(tx: Transaction, rows: Sequence[int], source: int, goal: QueueRow) -> None:
    """Move these ready messages to the end of another queue."""
    places = zip(tx.take_ids(len(rows)), rows, strict=True)
    expires_at = _expiry(tx, goal.spec)
    tx.executemany(
        "UPDATE message SET queue = ?, seq = ?, expires_at = ?, deliveries = 0 WHERE id = ?",
        [(goal.id, place, expires_at, row) for place, row in places],
    )
    tx.count("ready", source, -len(rows))
    tx.count("ready", goal.id, len(rows))
    goal.ready += len(rows)
    tx.touched.add(goal.id)


def discard(tx: Transaction, rows: Sequence[int]) -> int:
    """Remove these ready messages and return how many there were."""
    gone = tx.execute(
        "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, queue",
        (as_json(rows),),
    ).fetchall()
    _count_each(tx, "ready", gone, -1)
    drop_content(tx, gone)
    return len(gone)


def drop_content(tx: Transaction, gone: Sequence[tuple[int, int]]) -> None:
    """Remove what belongs to messages (id, queue) that are gone."""
    ids = as_json([row for row, _ in gone])
    tx.execute("DELETE FROM content WHERE id IN (SELECT value FROM json_each(?))", (ids,))


def _count_back(tx: Transaction, back: Sequence[tuple[int, int]]) -> None:
    _count_each(tx, "unacked", back, -1)
    _count_each(tx, "ready", back, 1)
    tx.touched |= {queue for _, queue in back}


def _count_each(tx: Transaction, what: str, rows: Iterable[tuple[int, int]], sign: int) -> None:
    for queue, number in Counter(queue for _, queue in rows).items():
        tx.count(what, queue, sign * number)


def as_json(values: Sequence[int] | Sequence[str]) -> str:
    """Return values as one parameter that `json_each` takes apart."""
    return msgspec.json.encode(values).decode()
