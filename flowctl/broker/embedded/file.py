"""The file of the embedded broker: its tables, how it is opened, and what its errors mean.

One SQLite file in WAL mode, used by any number of processes of one machine.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowctl.errors import BrokerUnavailable

VERSION = 1
BUSY = 1.0
"""Seconds that one attempt waits for another process's transaction; attempts are repeated."""

READY = 0
"""`message.owner` of a message that waits for a consumer; above it is the id of a session."""
DELAYED = -1
"""`message.owner` of a message whose time has not come."""

_OPENING = threading.Lock()
_HANGS = "look for a process that hangs while it holds the file"

_TABLES = """
CREATE TABLE counter (next_id INTEGER NOT NULL);
INSERT INTO counter VALUES (1);
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    ttl REAL NOT NULL,
    max_length INTEGER NOT NULL,
    dead_letter TEXT NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,
    unacked INTEGER NOT NULL DEFAULT 0,
    delayed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0,
    ready_at REAL,
    expires_at REAL
);
CREATE INDEX message_place ON message (owner, queue, seq);
CREATE INDEX message_due ON message (ready_at) WHERE owner = -1;
CREATE INDEX message_expiry ON message (expires_at) WHERE owner = 0 AND expires_at IS NOT NULL;
CREATE TABLE content (id INTEGER PRIMARY KEY, properties BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    pid INTEGER NOT NULL,
    lease_until REAL NOT NULL
);
CREATE TABLE consumer (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    PRIMARY KEY (session, number, queue)
) WITHOUT ROWID;
CREATE INDEX consumer_queue ON consumer (queue);
"""


def open_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the broker's file, which is made when it is missing.

    Raises:
        BrokerUnavailable: the file cannot be made, opened or understood.
    """
    with translated(path), _OPENING:
        _make_private(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into ours.

    Raises:
        BrokerUnavailable: the file cannot be used now.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    except OSError as error:
        remedy = _HANGS if isinstance(error, TimeoutError) else ""
        said = error.strerror or str(error)
        raise BrokerUnavailable(f"embedded broker {path}: {said}", remedy=remedy) from error


def unavailable(path: Path, error: sqlite3.Error) -> BrokerUnavailable:
    """Return our error for one of SQLite's."""
    remedy = {
        sqlite3.SQLITE_FULL: "free space on that disk",
        sqlite3.SQLITE_BUSY: _HANGS,
        sqlite3.SQLITE_READONLY: "make the file and its folder writable",
        sqlite3.SQLITE_CANTOPEN: "make the folder writable",
        sqlite3.SQLITE_NOTADB: "move that file away; it is no broker's",
        sqlite3.SQLITE_CORRUPT: "move the file away and mend it with `sqlite3 FILE .recover`",
    }.get(_code(error), "")
    return BrokerUnavailable(f"embedded broker {path}: {error}", remedy=remedy)


def open_log(path: Path) -> int:
    """Return the number of the open write-ahead log, to be synced and closed by the caller.

    Syncing it after a commit makes that commit durable: SQLite writes the log in order, and syncs
    it by itself before it moves anything from the log into the file.
    """
    return os.open(path.with_name(path.name + "-wal"), os.O_RDONLY | os.O_CLOEXEC)


def is_busy(error: BaseException | None) -> bool:
    """Tell whether another process was in the way, so that trying again helps."""
    return isinstance(error, TimeoutError) or _code(error) in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }


def inode(path: Path) -> int:
    """Return what tells this file from another one that was put in its place; 0 if it is gone."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _code(error: BaseException | None) -> int:
    # Errors of the sqlite3 module itself carry no code; the low byte is the primary one.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _make_private(path: Path) -> None:
    # Closing a file takes away all locks that this process has on it, those of SQLite as well: so
    # only a file that is new is opened here, and nothing else is opened meanwhile.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY * 5000:.0f}")
    if _version(connection) == 0:
        _create(connection)
    if _version(connection) != VERSION:
        raise BrokerUnavailable(
            f"embedded broker {path} was written by another version of flowctl",
            remedy="use the same version in all processes",
        )
    connection.execute(f"PRAGMA busy_timeout = {BUSY * 1000:.0f}")
    # The writer syncs the log itself, when others can write already.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    connection.execute("PRAGMA cache_size = -8192")


def _create(connection: sqlite3.Connection) -> None:
    # Must precede the first table, or it has no effect.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been first.
        if _version(connection) == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
