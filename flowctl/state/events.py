"""Recorded facts, in the order in which they became known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import structs
from peewee import SQL

from flowctl.model.lives import Mark
from flowctl.model.traffic import Event
from flowctl.state.database import Database, Repository, reading, writing
from flowctl.state.rows import check_term, expire, insert_many, within
from flowctl.state.tables import CounterRow
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
        where += [*_by_index(kind), *_listed(kind), *_settled(self.database)]
        order = EventRow.id.desc() if newest else EventRow.id.asc()
        names = Event.__struct_fields__
        query = EventRow.select(*[getattr(EventRow, name) for name in names])
        rows = self.database.rows(query.where(*where).order_by(order).limit(limit))
        events = [Event(**dict(zip(names, row, strict=True))) for row in rows]
        return events[::-1] if newest else events

    @reading
    def stream(
        self, after: Mark, *, network: str = "", limit: int = 500, newest: bool = False
    ) -> Sequence[tuple[Mark, Event]]:
        """Return everything that was recorded after a mark, lives of calls included, in an order
        in which nothing ever appears before what was shown; with `newest` the last ones.

        Transactions become visible in another order than that of the ids they took: so they are
        followed by transaction, and only up to the oldest that is under way.
        """
        writer = "written_by::text" if _settled(self.database) else "'0'"
        place = SQL("(written_by, id) > (%s::text::xid8, %s)", (str(after.writer), after.id))
        where = [place if _settled(self.database) else EventRow.id > after.id]
        where += [*within(EventRow, network=network), *_settled(self.database)]
        names = Event.__struct_fields__
        query = EventRow.select(SQL(writer), *[getattr(EventRow, name) for name in names])
        order = _order(self.database)
        way = [each.desc() for each in order] if newest else order
        rows = self.database.rows(query.where(*where).order_by(*way).limit(limit))
        rows = rows[::-1] if newest else rows
        events = [(by, Event(**dict(zip(names, row, strict=True)))) for by, *row in rows]
        return [(Mark(int(by), event.id), event) for by, event in events]

    @reading
    def mark(self, since: datetime | None = None) -> Mark:
        """Return the place after all events there are, or before the first of a moment."""
        writer = SQL("written_by::text" if _settled(self.database) else "'0'")
        query = EventRow.select(writer, EventRow.id)
        order = _order(self.database)
        if since is not None:
            first = query.where(EventRow.at >= since, *_settled(self.database))
            if rows := self.database.rows(first.order_by(*order).limit(1)):
                return Mark(int(rows[0][0]), rows[0][1] - 1)
        last = query.where(*(_settled(self.database) or [SQL("1 = 1")]))
        rows = self.database.rows(last.order_by(*(each.desc() for each in order)).limit(1))
        return Mark(int(rows[0][0]), rows[0][1]) if rows else Mark()

    @reading
    def cursor(self, name: str) -> Mark | None:
        """Return how far a follower has come, or None before it began."""
        query = CounterRow.select(CounterRow.name, CounterRow.value)
        rows = dict(self.database.rows(query.where(CounterRow.name.in_(_places(name)))))
        return Mark(*(rows[place] for place in _places(name))) if rows else None

    @writing
    def advance(self, name: str, mark: Mark, *, term: int | None = None) -> None:
        """Remember how far a follower has come.

        Raises:
            Conflict: the leader of `term` leads no more.
        """
        check_term(self.database, term)
        for place, value in zip(_places(name), mark[:2], strict=True):
            row = CounterRow.insert(name=place, value=value)
            self.database.change(
                row.on_conflict(conflict_target=[CounterRow.name], preserve=[CounterRow.value])
            )

    def expire(self, before: datetime) -> int:
        """Delete the events that are older, in short transactions; return how many there were."""
        gone, is_over = self._expire(before)
        while not is_over:
            count, is_over = self._expire(before)
            gone += count
        return gone

    @writing
    def _expire(self, before: datetime) -> tuple[int, bool]:
        return expire(self.database, EventRow, before)


def event_row(event: Event) -> dict[str, Any]:
    """Return the columns of an event."""
    row = structs.asdict(event)
    del row["id"]
    return row


def _by_index(kind: str) -> list[Any]:
    """Return what lets the partial index serve, which leaves out the many events of calls."""
    return [SQL("kind <> 'call'")] if kind not in {"", "call"} else []


def _listed(kind: str) -> list[Any]:
    """Return what leaves the lives of calls out of listings, in the words of the partial index."""
    return [] if kind else [SQL("kind <> 'batch'")]


def _order(database: Database) -> tuple[Any, ...]:
    return (SQL("written_by"), EventRow.id) if _settled(database) else (EventRow.id,)


def _settled(database: Database) -> list[Any]:
    """Return the condition that no earlier event can still appear (ids are given before commit)."""
    if database.driver.name != "Postgres":
        return []
    return [SQL("written_by < pg_snapshot_xmin(pg_current_snapshot())")]


def _places(name: str) -> tuple[str, str]:
    """Return the names of the two counters that say how far a follower has come."""
    return f"{name}.writer", f"{name}.id"
