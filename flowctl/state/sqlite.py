"""SQLite: a file in WAL mode, one writer at a time, one connection a thread.

The file is made by a migration and never by a look at it, so that a wrong path is noticed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowctl.errors import Conflict, FlowError, InvalidInput, Misconfigured, StateUnavailable
from flowctl.state.drivers import PATIENCE, Kind, Mode, Trouble

_SYNCHRONOUS = {"off", "normal", "full", "extra"}


def load_peewee() -> Any:
    """Return peewee, imported without the Postgres drivers that it would take along."""
    if (loaded := sys.modules.get("peewee")) is not None:
        return loaded
    hidden = [name for name in ("psycopg", "psycopg2", "pymysql") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import peewee
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
    return peewee


class SqliteDriver:
    """The file named by `sqlite:///abs/path`, with `?synchronous=normal` where speed matters more."""

    name = "SQLite"
    shared = False
    errors = sqlite3.Error
    words = {
        "text": "TEXT",
        "blob": "BLOB",
        "real": "REAL",
        "flag": "BOOLEAN",
        "serial": "INTEGER PRIMARY KEY",
        "sequence": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "settled": "",
        "order": "id",
    }
    parameter = "?"
    lock = ""
    now = ""
    migration_lock = ""

    def __init__(self, url: str) -> None:
        self.path, self._synchronous = _parse(url)
        self.place = str(self.path)
        load_peewee()

    def compiler(self, run: Callable[..., Any]) -> Any:
        """Return the peewee database that writes SQL of this dialect and executes by `run`."""
        peewee = load_peewee()

        class Compiler(peewee.SqliteDatabase):  # type: ignore[misc,name-defined]
            def execute_sql(self, sql: str, params: Any = None) -> Any:
                return run(sql, params)

        return Compiler(None)

    def connect(self) -> Any:
        """Return a new connection in autocommit."""
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=rw",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,  # closed by whoever closes the store
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA cache_size=-8000")
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def hang_up(self, connection: Any) -> None:
        """Close a connection."""
        with suppress(sqlite3.Error):
            connection.close()

    def at_work(self) -> AbstractContextManager[None]:
        """Nothing bounds the work of a file but the file."""
        return nullcontext()

    def create(self) -> None:
        """Make the file, readable by nobody else."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Only a file that is not there is opened: to close any descriptor of a database takes
            # away the locks that other connections of this process hold on it.
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise Misconfigured(
                f"cannot create the database {self.path}: {error.strerror}",
                remedy="choose another place with FLOWCTL_STATE",
            ) from error

    def begin(self, cursor: Any, mode: Mode) -> str:
        """Begin a transaction; a writer has the database to itself from here on."""
        if mode is Mode.SNAPSHOT:
            cursor.execute("BEGIN")
        else:
            level = "NORMAL" if mode is Mode.LOSSY else self._synchronous
            cursor.execute(f"PRAGMA synchronous={level}")
            cursor.execute("BEGIN IMMEDIATE")
        return ""

    def fate(self, cursor: Any, transaction: str) -> bool | None:
        """A failed COMMIT of SQLite took no effect."""
        return False

    def is_usable(self, connection: Any) -> bool:
        """Files do not go away."""
        return True

    def understand(self, error: Exception) -> Trouble:
        """Return what an error of SQLite means."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        text = f"{self.place}: {error}"
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return Trouble(Kind.AGAIN, StateUnavailable(text, remedy="another process writes"))
        if not self.path.exists() or str(error).startswith(("no such table", "no such column")):
            return Trouble(Kind.SCHEMA, StateUnavailable(text))
        return Trouble(Kind.FINAL, _final(code, error, text))

    def insert(
        self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Any], rule: str
    ) -> None:
        """Insert rows under a conflict rule."""
        names, marks = ", ".join(f'"{name}"' for name in columns), ",".join("?" * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}) {rule}", rows)

    def upsert(
        self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Any], rule: str
    ) -> list[str]:
        """Insert rows under a conflict rule and return the ids of those that were written."""
        names, marks = ", ".join(columns), ",".join("?" * len(columns))
        row = ",".join([f"({marks})"] * len(rows))
        sql = f"INSERT INTO {table} ({names}) VALUES {row} {rule} RETURNING id"
        cursor.execute(sql, [value for each in rows for value in each])
        return [id_ for (id_,) in cursor.fetchall()]

    def delete(self, cursor: Any, table: str, columns: Sequence[str], keys: Sequence[Any]) -> None:
        """Delete rows by key, one by one: SQLite would scan the table for a list of keys."""
        where = " AND ".join(f"{name} = ?" for name in columns)
        cursor.executemany(f"DELETE FROM {table} WHERE {where}", keys)

    def tables(self, cursor: Any) -> set[str]:
        """Return the names of the tables that exist."""
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return {name for (name,) in cursor.fetchall()}

    def describe(self, cursor: Any) -> str:
        """Return one line that says what this database is."""
        (word,) = cursor.execute("PRAGMA quick_check(1)").fetchone()
        return f"SQLite {sqlite3.sqlite_version} at {self.path}: {word}"


def _final(code: int, error: Exception, text: str) -> FlowError:
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(text)
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return Misconfigured(text, remedy="restore the file from a backup, or move it away")
    if code == sqlite3.SQLITE_FULL:
        return StateUnavailable(text, remedy="free some disk space")
    if isinstance(error, (sqlite3.DataError, OverflowError)) or code == sqlite3.SQLITE_TOOBIG:
        return InvalidInput(text)
    return StateUnavailable(text, remedy="see whether the file can be read and written")


def _parse(url: str) -> tuple[Path, str]:
    rest, _, option = url.removeprefix("sqlite:").partition("?synchronous=")
    level = option.lower() or "full"
    path = "/" + rest.lstrip("/")
    if not rest.startswith("///") or path == "/" or level not in _SYNCHRONOUS:
        raise Misconfigured(
            f'"{url}" is not the URL of a database', remedy="write sqlite:////absolute/path"
        )
    return Path(path), level
