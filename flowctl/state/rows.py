"""From rows to values and back: how every repository reads, finds, writes and tells.

Each function is a step of a unit of work that is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from msgspec import Struct

from flowctl.errors import Conflict, InvalidInput, NotFound
from flowctl.model.ids import new_id
from flowctl.state.bulk import insert_rows
from flowctl.state.database import Database
from flowctl.state.tables import CounterRow, NetworkRow, Table, columns, table_name
from flowctl.state.traffic_tables import EventRow, LeaseRow

S = TypeVar("S", bound=Struct)


def load(
    database: Database, struct: type[S], table: Any, *where: Any, order: Any = None
) -> list[S]:
    """Return the rows that fulfil all of `where` as values, by name where no order is given."""
    names = struct.__struct_fields__
    fields, places = columns(table, names), order or (table.name,)
    if where:
        rows = database.rows(table.select(*fields).order_by(*places).where(*where))
    else:
        rows = _all(database, table, fields, places)
    return [struct(**dict(zip(names, row, strict=True))) for row in rows]


def _all(database: Database, table: Any, fields: Sequence[Any], places: Any) -> list[Any]:
    """Return all rows of a table; peewee takes longer to build the statement than it takes itself."""
    key = (table, *(field.name for field in fields), "by", *(place.name for place in places))
    sql = database.statements.get(key)
    if sql is None:
        query = table.select(*fields).order_by(*places)
        sql, _ = database.compiler.get_sql_context().sql(query).query()
        database.statements[key] = sql
    readers = [field.python_value for field in fields]
    found = database.execute(sql).fetchall()
    return [tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in found]


def within(table: Any, **values: str) -> list[Any]:
    """Return the conditions that columns equal these values; empty values mean any."""
    return [getattr(table, name) == value for name, value in values.items() if value]


def exactly(table: Any, **values: str) -> list[Any]:
    """Return the conditions that columns equal these values, empty ones included: for writes."""
    return [getattr(table, name) == value for name, value in values.items()]


def find(
    database: Database, struct: type[S], table: Any, kind: str, name: str, network: str = ""
) -> S:
    """Return the one object of that name; `network/name` names the network as well.

    Raises:
        NotFound: there is none.
        InvalidInput: several networks have one.
    """
    if "/" in name:
        network, _, name = name.partition("/")
    found = load(database, struct, table, *within(table, name=name, network=network))
    if not found:
        raise NotFound(kind, name, near=_nearest(database, table, name, network))
    if len(found) > 1:
        places = ", ".join(cast("Any", each).network for each in found)
        raise InvalidInput(
            f'{kind} "{name}" is in several networks: {places}', remedy=f"write NETWORK/{name}"
        )
    return found[0]


def _nearest(database: Database, table: Any, name: str, network: str) -> str:
    from difflib import get_close_matches

    query = table.select(table.name).where(*within(table, network=network) or [table.name != ""])
    known = [row[0] for row in database.rows(query.distinct().limit(10_000))]
    return next(iter(get_close_matches(name, known, 1)), "")


def insert(database: Database, table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, which may hold expressions."""
    for row in rows:
        database.change(table.insert(**row))


def insert_many(database: Database, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows of the same columns, which hold values only, many in one statement.

    The SQL is written by hand: peewee takes four times as long to write it as a database to obey.
    """
    rows = list(rows)
    if not rows:
        return
    fields = [getattr(table, name) for name in rows[0]]
    names = [field.column_name for field in fields]
    columns = [(name, field.db_value) for name, field in zip(rows[0], fields, strict=True)]
    plain = [tuple(convert(row[name]) for name, convert in columns) for row in rows]
    insert_rows(database, table_name(table), names, plain)


def update(database: Database, table: Any, where: Iterable[Any], **values: Any) -> int:
    """Write these columns, and no other, of the rows that fulfil all conditions."""
    return database.change(table.update(**values).where(*where))


def delete(database: Database, table: Any, *where: Any) -> int:
    """Delete the rows that fulfil all conditions and return how many there were."""
    return database.change(table.delete().where(*where))


EXPIRED = 5_000
"""Rows that go in one transaction, so that nobody waits long for it."""


def expire(database: Database, table: Any, before: datetime) -> tuple[int, bool]:
    """Delete about `EXPIRED` of the rows that are older; tell how many went, and whether all did."""
    rest = table.select(table.at).where(table.at < before).order_by(table.at)
    cut = database.rows(rest.limit(1).offset(EXPIRED))
    where = table.at <= cut[0][0] if cut else table.at < before
    gone: int = delete(database, table, where)
    return gone, not cut


def identity(database: Database) -> dict[str, Any]:
    """Return the first values of the columns that every record has beside its name."""
    now = database.clock.now()
    return {"id": new_id(), "receipt": new_id(), "created_at": now, "updated_at": now}


def touch(database: Database) -> dict[str, Any]:
    """Return the values that every write of a person changes: receipt and time."""
    return {"receipt": new_id(), "updated_at": database.clock.now()}


def record(
    database: Database, kind: str, name: str, action: str, note: str = "", network: str = ""
) -> None:
    """Write an event in the present transaction."""
    row = {"at": database.clock.now(), "kind": kind, "object": name, "action": action}
    insert_many(database, EventRow, [row | {"note": note, "network": network, "run_id": ""}])


def lock_wanted(database: Database) -> None:
    """Let no other transaction change what is wanted until this one ends."""
    if database.driver.lock:
        database.execute(
            f"SELECT value FROM counter WHERE name = 'revision' {database.driver.lock}"
        )


def revise(database: Database, network: str = "") -> None:
    """Count a change of what is wanted, in a network where that is given.

    It locks the counter, so call it (or `lock_wanted`) before anything else is locked.
    """
    update(database, CounterRow, [CounterRow.name == "revision"], value=CounterRow.value + 1)
    if network:
        update(
            database,
            NetworkRow,
            [NetworkRow.name == network],
            revision=NetworkRow.revision + 1,
            **touch(database),
        )


def check_term(database: Database, term: int | None) -> None:
    """Make sure that the leader of `term` leads until this transaction ends.

    Raises:
        Conflict: another term has begun.
    """
    if term is None:
        return
    query = LeaseRow.select(LeaseRow.term).where(LeaseRow.name == "leader")
    if database.driver.lock:
        query = query.for_update()
    if (found := next(iter(database.rows(query)), (0,))[0]) != term:
        raise Conflict(f"term {term} of the leader is over, now it is {found}")
