"""What people see of schedules: which sockets are called by themselves, when they were and will be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.flow import Schedule
from flowctl.views.flow import schedule_text
from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, age, one_line


def _moment(value: Any, _now: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else NOTHING


def _ago(value: Any, now: datetime) -> str:
    return age(value, now) if value else NOTHING


def _short(value: Any, _now: datetime) -> str:
    return one_line(str(value or ""), 48) or NOTHING


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A socket that is called by itself."""

    name: str
    network: str
    schedule: Schedule
    last: datetime | None
    """The due time that was fired last."""
    next: datetime | None
    """None where none comes any more, or its processor is not wanted to run."""
    served: bool = True
    """Whether its processor is wanted to run."""

    @property
    def status(self) -> str:
        """Whether it fires.

        >>> ScheduleRow("a.b", "shop", Schedule(every=5, paused=True), None, None).status
        'paused'
        """
        if self.schedule.paused:
            return "paused"
        if not self.served:
            return "stopped"
        return "running" if self.next else "done"


SCHEDULES = (
    Field("socket", lambda row: row.name),
    Field("network", lambda row: row.network),
    Field("status", lambda row: row.status),
    Field("schedule", lambda row: schedule_text(row.schedule)),
    Field("timezone", lambda row: row.schedule.timezone, wide=True),
    Field("next", lambda row: row.next, _moment),
    Field("last", lambda row: row.last, _ago),
    Field("catchup", lambda row: row.schedule.catchup),
    Field("payload", lambda row: row.schedule.payload, _short),
)


def schedules(values: Iterable[ScheduleRow], now: datetime) -> Table:
    """Return the table of the sockets that are called by themselves."""
    return build("schedules", SCHEDULES, values, now)
