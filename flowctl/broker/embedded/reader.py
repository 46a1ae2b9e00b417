"""What the embedded broker can tell without changing anything: depths, names, waiting messages."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from flowctl.broker.base import Depth
from flowctl.broker.embedded.file import READY, inode, open_file, translated
from flowctl.broker.embedded.wire import show
from flowctl.errors import NotFound
from flowctl.model.traffic import Message

T = TypeVar("T")


class Reader:
    """One connection for short reads of all threads; it never holds a transaction open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `read` returns for a connection to the present file."""
        with self._lock, translated(self._path):
            return read(self._connect())

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._disconnect()

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and inode(self._path) != self._inode:
            self._disconnect()
        if self._connection is None:
            self._connection = open_file(self._path)
            self._inode = inode(self._path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_depth(connection: sqlite3.Connection, queues: Iterable[str]) -> dict[str, Depth]:
    """Return how much these queues hold."""
    names = msgspec.json.encode(list(queues)).decode()
    rows = connection.execute(
        "SELECT name, ready, unacked, (SELECT count(*) FROM consumer WHERE queue = queue.id)"
        " FROM queue WHERE name IN (SELECT value FROM json_each(?))",
        (names,),
    )
    return {row[0]: Depth(ready=row[1], unacked=row[2], consumers=row[3]) for row in rows}


def read_queues(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all queues, sorted."""
    return [row[0] for row in connection.execute("SELECT name FROM queue ORDER BY name")]


def read_ready(
    connection: sqlite3.Connection, queue: str, limit: int, offset: int
) -> list[Message]:
    """Return ready messages of a queue, oldest first.

    Raises:
        NotFound: there is no such queue.
    """
    found = connection.execute("SELECT id FROM queue WHERE name = ?", (queue,)).fetchone()
    if found is None:
        raise NotFound("queue", queue)
    rows = connection.execute(
        "SELECT c.properties, c.body FROM message m JOIN content c ON c.id = m.id"
        f" WHERE m.owner = {READY} AND m.queue = ? ORDER BY m.seq, m.id LIMIT ? OFFSET ?",
        (found[0], limit, offset),
    )
    return [show(properties, body) for properties, body in rows]
