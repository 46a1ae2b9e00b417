"""What the store asks of a database program; sqlite.py and postgres.py answer it.

peewee writes the SQL; connections, transactions and errors are ours, because a connection must
survive a restart of its server and a unit of work must be repeated as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any, Protocol

from msgspec import Struct

from flowctl.errors import FlowError

PATIENCE = 5.0
"""Seconds during which a unit of work is tried again before the caller is told."""


class Mode(Enum):
    """How a unit of work meets the others."""

    READ = "read"  # single statements, no transaction
    SNAPSHOT = "snapshot"  # everything it reads is of one moment
    WRITE = "write"  # one transaction, on disk when it returns
    HOT = "hot"  # as WRITE, for units that are idempotent by themselves and must be quick
    LOSSY = "lossy"  # one transaction; a power cut may lose it: for telemetry only


class Kind(Enum):
    """What an error of the driver asks for."""

    AGAIN = "again"  # roll back and repeat the unit on the same connection
    LOST = "lost"  # the connection is useless: close it hard, connect, repeat the unit
    SCHEMA = "schema"  # a table or column is missing: not migrated
    FINAL = "final"  # repeating changes nothing


class Trouble(Struct, frozen=True):
    """A driver's error, understood."""

    kind: Kind
    error: FlowError
    """What the caller gets when there is no further attempt."""


class Driver(Protocol):
    """One database program."""

    name: str
    place: str
    """Where the database is, without its password, for people."""
    shared: bool
    """Whether all threads use one connection."""
    errors: type[Exception]
    """The root of the driver's errors."""
    words: dict[str, str]
    """The types of columns, for migrations."""
    parameter: str
    """How a parameter is written in SQL."""
    lock: str
    """What makes a SELECT take its rows for the transaction."""
    now: str
    """The SQL of the server's time in microseconds; empty where our own clock is the same one."""
    migration_lock: str
    """The statement that lets one migration in at a time; empty where WRITE is exclusive."""

    def compiler(self, run: Any) -> Any:
        """Return the peewee database that writes SQL of this dialect and executes by `run`."""
        ...

    def connect(self) -> Any:
        """Return a new connection in autocommit."""
        ...

    def hang_up(self, connection: Any) -> None:
        """Close a connection, whatever state it is in."""
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Bound the time that the database may take for what happens inside."""
        ...

    def create(self) -> None:
        """Make sure that there is a database to migrate."""
        ...

    def begin(self, cursor: Any, mode: Mode) -> str:
        """Begin a transaction and return what `fate` needs to know it by."""
        ...

    def fate(self, cursor: Any, transaction: str) -> bool | None:
        """Tell whether a transaction whose COMMIT broke took effect; None while it is open."""
        ...

    def is_usable(self, connection: Any) -> bool:
        """Tell, without asking the server, whether the connection can take a unit of work."""
        ...

    def understand(self, error: Exception) -> Trouble:
        """Return what an error of the driver means."""
        ...

    def insert(
        self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Any], rule: str
    ) -> None:
        """Insert rows under a conflict rule."""
        ...

    def upsert(
        self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Any], rule: str
    ) -> list[str]:
        """Insert rows under a conflict rule and return the ids of those that were written."""
        ...

    def delete(self, cursor: Any, table: str, columns: Sequence[str], keys: Sequence[Any]) -> None:
        """Delete the rows whose columns, an index of the table, are one of the keys."""
        ...

    def tables(self, cursor: Any) -> set[str]:
        """Return the names of the tables that exist."""
        ...

    def describe(self, cursor: Any) -> str:
        """Return one line that says what this database is."""
        ...
