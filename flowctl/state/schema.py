"""The schema: numbered migrations in migrations/, each frozen, carried out under a lock.

All that are due run in one transaction, so a database is never between two versions.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import msgspec

from flowctl.errors import SchemaMismatch
from flowctl.state.canvas_tables import CanvasFailureRow, CanvasNodeRow, CanvasRow, CanvasSlotRow
from flowctl.state.database import Repository, reading, snapshot, writing
from flowctl.state.fields import micros
from flowctl.state.tables import (
    AgentRow,
    AgentSpecRow,
    CounterRow,
    DeploymentRow,
    NetworkRow,
    NodeRow,
    PlugRow,
    ProcessorRow,
    SocketRow,
    Table,
    TaskRow,
    WorkerRow,
    table_name,
)
from flowctl.state.traffic_tables import (
    AskRow,
    CallRow,
    CancelRow,
    ClaimRow,
    EventRow,
    FireRow,
    FiringRow,
    GatheringRow,
    JournalRow,
    LeaseRow,
    OutboxRow,
    ResultRow,
    SampleRow,
    SlotRow,
    ToldRow,
    TrashRow,
)

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_FOLDER = Path(__file__).parent / "migrations"
_VERSIONS = "schema_version"


ALL: tuple[type[Table], ...] = (
    CounterRow,
    NetworkRow,
    AgentSpecRow,
    ProcessorRow,
    TaskRow,
    SocketRow,
    PlugRow,
    NodeRow,
    AgentRow,
    DeploymentRow,
    WorkerRow,
    CallRow,
    ResultRow,
    OutboxRow,
    ClaimRow,
    CancelRow,
    SlotRow,
    GatheringRow,
    FiringRow,
    CanvasRow,
    CanvasNodeRow,
    CanvasSlotRow,
    CanvasFailureRow,
    EventRow,
    LeaseRow,
    FireRow,
    SampleRow,
    JournalRow,
    TrashRow,
    AskRow,
    ToldRow,
)
"""All tables, parents before children."""


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """Return number and file name of every migration, in order."""
    found = (_FILE.fullmatch(entry.name) for entry in _FOLDER.iterdir())
    return tuple(sorted((int(match[1]), match[0]) for match in found if match))


def wanted() -> int:
    """Return the version that this program needs."""
    return migrations()[-1][0]


_REVISION = "SELECT value FROM counter WHERE name = 'revision'"


class Schema(Repository):
    """Which tables there are."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of the migrations that ran.

        Raises:
            SchemaMismatch: the database is newer than this program.
        """
        self.database.driver.create()
        return self._migrate()

    @snapshot
    def version(self) -> tuple[int, int]:
        """Return the version as found (0 where nothing is) and as this program needs it."""
        return self._version(), wanted()

    @writing
    def drop(self) -> None:
        """Remove all tables and what is in them."""
        driver = self.database.driver
        present = driver.tables(self.database.cursor())
        for name in (*map(table_name, reversed(ALL)), _VERSIONS):
            if name in present:
                self.database.execute(f'DROP TABLE "{name}"')

    @reading
    def revision(self) -> int:
        """Return the counter of changes of what is wanted."""
        # Every daemon asks several times a second: building this with peewee was a third of what
        # an idle one cost.
        return int(self.database.execute(_REVISION).fetchone()[0])

    @reading
    def describe(self) -> str:
        """Return one line that says what this database is, as it says itself."""
        return self.database.driver.describe(self.database.cursor())

    @snapshot
    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Return all tables, as of one moment."""
        return {table_name(table): self._rows(table) for table in ALL}

    def _rows(self, table: type[Table]) -> list[dict[str, Any]]:
        cursor = self.database.execute(f'SELECT * FROM "{table_name(table)}"')
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [msgspec.to_builtins(row, enc_hook=bytes) for row in rows]

    @writing
    def _migrate(self) -> list[str]:
        if lock := self.database.driver.migration_lock:
            self.database.execute(lock)
        self.database.execute(
            f"CREATE TABLE IF NOT EXISTS {_VERSIONS}"
            " (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)"
        )
        present = self._version()
        if present > wanted():
            raise SchemaMismatch(present, wanted())
        return [self._apply(number, name) for number, name in migrations() if number > present]

    def _version(self) -> int:
        if _VERSIONS not in self.database.driver.tables(self.database.cursor()):
            return 0
        (version,) = self.database.execute(f"SELECT MAX(version) FROM {_VERSIONS}").fetchone()
        return version or 0

    def _apply(self, number: int, name: str) -> str:
        driver = self.database.driver
        text = (_FOLDER / name).read_text()
        for statement in Template(_uncommented(text)).substitute(driver.words).split(";"):
            if statement.strip():
                self.database.execute(statement)
        one = driver.parameter
        self.database.execute(
            f"INSERT INTO {_VERSIONS} (version, name, applied_at) VALUES ({one}, {one}, {one})",
            (number, name, micros(self.database.clock.now())),
        )
        return name.removesuffix(".sql")


def _uncommented(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))
