"""Recorded facts, in the order in which they became known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import structs
from peewee import SQL

from flowctl.model.traffic import Event
from flowctl.state.database import Database, Repository, reading, writing
from flowctl.state.rows import delete, insert_many, within
from flowctl.state.traffic_tables import EventRow


class Events(Repository):
    """What happened."""

    @writing
    def add(self, events: Sequence[Event]) -> None:
        """Record events; their ids are given here."""
        insert_many(self.database, EventRow, map(event_row, events))

    @reading
    def list(
        self,
        kind: str = "",
        object: str = "",  # noqa: A002
        network: str = "",
        since_id: int = 0,
        limit: int = 100,
        newest: bool = False,
    ) -> list[Event]:
        """Return events in order; with `newest` the last ones, else the first after `since_id`.

        Whoever follows by `since_id` misses none: an event is shown when no transaction that
        began before its own can still add an earlier id.
        """
        where = within(EventRow, kind=kind, object=object, network=network)
        where.append(EventRow.id > since_id)
        where += [*_by_index(kind), *_settled(self.database)]
        order = EventRow.id.desc() if newest else EventRow.id.asc()
        names = Event.__struct_fields__
        query = EventRow.select(*[getattr(EventRow, name) for name in names])
        rows = self.database.rows(query.where(*where).order_by(order).limit(limit))
        events = [Event(**dict(zip(names, row, strict=True))) for row in rows]
        return events[::-1] if newest else events

    @writing
    def expire(self, before: datetime) -> int:
        """Delete the events that are older and return how many there were."""
        return delete(self.database, EventRow, EventRow.at < before)


def event_row(event: Event) -> dict[str, Any]:
    """Return the columns of an event."""
    row = structs.asdict(event)
    del row["id"]
    return row


def _by_index(kind: str) -> list[Any]:
    """Return what lets the partial index serve, which leaves out the many events of calls."""
    return [SQL("kind <> 'call'")] if kind not in {"", "call"} else []


def _settled(database: Database) -> list[Any]:
    """Return the condition that no earlier event can still appear (ids are given before commit)."""
    if database.driver.name != "Postgres":
        return []
    return [SQL("written_by < pg_snapshot_xmin(pg_current_snapshot())")]
