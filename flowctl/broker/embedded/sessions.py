"""Who consumes from an embedded broker, and how others see at once that one of them is gone.

A session holds a locked file beside the database: the kernel frees the lock when the process dies,
whatever killed it. A process that hangs keeps its lock, so there is a lease as well. Sleeping
sessions are woken through datagram sockets that are named after them.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from flowctl.broker.embedded.rows import Transaction, release_all
from flowctl.model.ids import new_id

LEASE = 10.0
"""Seconds after which a session that did not renew is taken for hung."""
RENEW = 3.0

NEWS = b"n"
"""To a session: something came into a queue of yours."""


class Session(Struct, frozen=True, kw_only=True):
    """A session as others see it."""

    id: int
    lease_until: float


class Presence:
    """The proof that this session lives: its locked file and its socket."""

    def __init__(self, path: Path) -> None:
        folder = sessions_folder(path)
        folder.mkdir(mode=0o700, exist_ok=True)
        # Random, so that it means nobody else in a file that was put in this one's place.
        self.id = int(new_id()[:15], 16) + 1
        self._file = lock_file(path, self.id)
        self._lock = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(_address(self.id))

    def close(self) -> None:
        """Leave no trace."""
        self.socket.close()
        self._file.unlink(missing_ok=True)
        os.close(self._lock)


class Bell:
    """Wakes sessions."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, sessions: Iterable[int], word: bytes = NEWS) -> None:
        """Wake these sessions; one that is gone, or has not heard the last ring yet, is skipped."""
        for session in sessions:
            with suppress(OSError):
                self._socket.sendto(word, _address(session))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def sessions_folder(path: Path) -> Path:
    """Return the folder of the locked files."""
    return path.with_name(path.name + ".sessions")


def lock_file(path: Path, session: int) -> Path:
    """Return the file that this session keeps locked while it lives."""
    return sessions_folder(path) / f"{session:x}.lock"


def is_dead(path: Path, session: int) -> bool:
    """Tell whether the process of this session is gone."""
    try:
        lock = os.open(lock_file(path, session), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def sessions(connection: sqlite3.Connection) -> list[Session]:
    """Return all sessions on record."""
    rows = connection.execute("SELECT id, lease_until FROM session").fetchall()
    return [Session(id=row[0], lease_until=row[1]) for row in rows]


def enter(tx: Transaction, session: int, name: str) -> None:
    """Put a session on record."""
    tx.execute(
        "INSERT INTO session (id, name, pid, lease_until) VALUES (?, ?, ?, ?)",
        (session, name, os.getpid(), tx.uptime + LEASE),
    )


def renew(tx: Transaction, session: int) -> bool:
    """Renew the lease; False if others took the session for dead."""
    changed = tx.execute(
        "UPDATE session SET lease_until = ? WHERE id = ?", (tx.uptime + LEASE, session)
    )
    return changed.rowcount > 0


def is_present(tx: Transaction, session: int) -> bool:
    """Tell whether this session is on record."""
    return tx.execute("SELECT 1 FROM session WHERE id = ?", (session,)).fetchone() is not None


def leave(tx: Transaction, session: int) -> None:
    """Strike a session from the record and give back what it holds."""
    release_all(tx, session)
    tx.execute("DELETE FROM consumer WHERE session = ?", (session,))
    tx.execute("DELETE FROM session WHERE id = ?", (session,))


def bury(tx: Transaction, path: Path, ids: Sequence[int]) -> None:
    """Give back what dead sessions held."""
    for session in ids:
        leave(tx, session)
        tx.after.append(partial(lock_file(path, session).unlink, missing_ok=True))


def follow(tx: Transaction, session: int, number: int, queues: Iterable[int]) -> None:
    """Put on record that a consumer takes from these queues."""
    tx.executemany(
        "INSERT OR IGNORE INTO consumer VALUES (?, ?, ?)",
        [(session, number, queue) for queue in queues],
    )


def unfollow(tx: Transaction, session: int, number: int, queues: Iterable[int]) -> None:
    """Put on record that a consumer takes from these queues no more."""
    tx.executemany(
        "DELETE FROM consumer WHERE session = ? AND number = ? AND queue = ?",
        [(session, number, queue) for queue in queues],
    )


def lost_queues(connection: sqlite3.Connection, session: int) -> list[int]:
    """Return the ids of queues that this session takes from and that were deleted."""
    rows = connection.execute(
        "SELECT DISTINCT c.queue FROM consumer c LEFT JOIN queue q ON q.id = c.queue"
        " WHERE c.session = ? AND q.id IS NULL",
        (session,),
    )
    return [row[0] for row in rows.fetchall()]


def has_work(connection: sqlite3.Connection, session: int) -> bool:
    """Tell whether a queue that this session takes from holds ready messages."""
    row = connection.execute(
        "SELECT 1 FROM consumer c JOIN queue q ON q.id = c.queue"
        " WHERE c.session = ? AND q.ready > 0 LIMIT 1",
        (session,),
    ).fetchone()
    return row is not None


def sleepers(tx: Transaction) -> list[int]:
    """Return the other sessions that take from the queues that this transaction touched."""
    if not tx.touched:
        return []
    rows = tx.execute(
        "SELECT DISTINCT session FROM consumer"
        " WHERE queue IN (SELECT value FROM json_each(?)) AND session != ?",
        (msgspec.json.encode(list(tx.touched)).decode(), tx.awake),
    )
    return [row[0] for row in rows.fetchall()]


def _address(session: int) -> bytes:
    return b"\0flowctl-broker-%x" % session
