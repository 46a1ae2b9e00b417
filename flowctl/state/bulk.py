"""Many rows in few statements: the SQL of the hot path, written by hand.

One statement of 64 rows costs a fraction of 64 statements, and building it with peewee would cost
more than executing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowctl.state.database import Database

_PARAMETERS = 30_000
"""Both databases take somewhat more in one statement."""

Row = tuple[Any, ...]


def insert_new(database: Database, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows; where the key exists the present row stays."""
    for chunk in _chunks(rows):
        _insert(database, table, columns, chunk, "ON CONFLICT DO NOTHING")


def upsert(
    database: Database, table: str, columns: Sequence[str], rows: Sequence[Row], rule: str
) -> set[str]:
    """Insert rows under a conflict rule and return the ids of those that were written."""
    return {
        found
        for chunk in _chunks(rows)
        for (found,) in _insert(database, table, columns, chunk, f"{rule} RETURNING id").fetchall()
    }


def delete_keys(database: Database, table: str, column: str, keys: Sequence[str]) -> None:
    """Delete the rows whose column is one of the keys."""
    for start in range(0, len(keys), _PARAMETERS):
        chunk = keys[start : start + _PARAMETERS]
        marks = ",".join([database.driver.parameter] * len(chunk))
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", chunk)


def delete_rows(
    database: Database, table: str, columns: Sequence[str], keys: Sequence[Row]
) -> None:
    """Delete the rows whose columns are one of the keys."""
    names = ", ".join(columns)
    for chunk in _chunks(keys):
        row = "(" + ",".join([database.driver.parameter] * len(columns)) + ")"
        marks = ",".join([row] * len(chunk))
        values = [value for each in chunk for value in each]
        database.execute(f"DELETE FROM {table} WHERE ({names}) IN (VALUES {marks})", values)


def _insert(
    database: Database, table: str, columns: Sequence[str], rows: Sequence[Row], rule: str
) -> Any:
    row = "(" + ",".join([database.driver.parameter] * len(columns)) + ")"
    marks = ",".join([row] * len(rows))
    values = [value for each in rows for value in each]
    names = ", ".join(columns)
    return database.execute(f"INSERT INTO {table} ({names}) VALUES {marks} {rule}", values)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    size = _PARAMETERS // len(rows[0]) if rows else 1
    return (rows[start : start + size] for start in range(0, len(rows), size))
