"""The table of what happened, as a feed wants it: short times, so that the notes have room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flowctl.model.traffic import Event
from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, clock_time, one_line


def moment(value: datetime, now: datetime) -> str:
    """Return the time of a day, in UTC; with its date where that is not today.

    >>> noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    >>> moment(noon, noon), moment(noon, noon.replace(day=30))
    ('12:00:00', '03-29 12:00')
    """
    there = value.astimezone(UTC)
    return (
        f"{there:%H:%M:%S}"
        if there.date() == now.astimezone(UTC).date()
        else f"{there:%m-%d %H:%M}"
    )


def _said(value: Any, _now: datetime) -> str:
    return one_line(str(value or ""), 120) or NOTHING


FEED = (
    Field("at", lambda event: event.at, moment, title="TIME"),
    Field("kind", lambda event: event.kind),
    Field("object", lambda event: event.object),
    Field("what", lambda event: f"{event.action} {event.note}", _said),
    Field("action", lambda event: event.action, wide=True),
    Field("network", lambda event: event.network, wide=True),
    Field("run_id", lambda event: event.run_id, wide=True, title="RUN"),
    Field("moment", lambda event: event.at, lambda value, _: clock_time(value), wide=True),
    Field("id", lambda event: event.id, wide=True, right=True),
)


def feed(values: Iterable[Event], now: datetime) -> Table:
    """Return the table of what happened."""
    return build("events", FEED, values, now, name=lambda event: str(event.id))
