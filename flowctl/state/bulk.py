"""Many rows in few statements: the SQL of the hot path, written by hand.

One statement of 64 rows costs a fraction of 64 statements, and building it with peewee would cost
more than executing it. How rows travel best is each driver's own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowctl.state.database import Database, representable

_ROWS = 1000
"""Rows in one statement: 23 columns of them are as many parameters as a database takes."""

_KEEP = "ON CONFLICT DO NOTHING"

Row = tuple[Any, ...]


def insert_new(database: Database, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows; where the key exists the present row stays."""
    for chunk in _chunks(rows):
        with representable():
            database.driver.insert(database.cursor(), table, columns, chunk, _KEEP)


def insert_rows(
    database: Database, table: str, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert rows; a key that exists is an error."""
    for chunk in _chunks(rows):
        with representable():
            database.driver.insert(database.cursor(), table, columns, chunk, "")


def upsert(
    database: Database, table: str, columns: Sequence[str], rows: Sequence[Row], rule: str
) -> set[str]:
    """Insert rows of different ids under a conflict rule and return the ids that were written."""
    written: set[str] = set()
    for chunk in _chunks(rows):
        with representable():
            written.update(database.driver.upsert(database.cursor(), table, columns, chunk, rule))
    return written


def delete_keys(database: Database, table: str, column: str, keys: Sequence[str]) -> None:
    """Delete the rows whose column is one of the keys."""
    for chunk in _chunks(keys):
        marks = ",".join([database.driver.parameter] * len(chunk))
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", chunk)


def delete_rows(
    database: Database, table: str, columns: Sequence[str], keys: Sequence[Row]
) -> None:
    """Delete the rows whose columns are one of the keys."""
    for chunk in _chunks(keys):
        with representable():
            database.driver.delete(database.cursor(), table, columns, chunk)


def used(database: Database, tables: Sequence[str]) -> list[str]:
    """Return those of the tables in which there is anything."""
    looks = ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables)
    answers = database.execute(f"SELECT {looks}").fetchone()
    return [table for table, answer in zip(tables, answers, strict=True) if answer]


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))
