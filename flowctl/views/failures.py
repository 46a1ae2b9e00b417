"""The table of what failed, a row for each socket and exception."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.views.table import Field, Table, build
from flowctl.views.text import age, count, one_line, printable


@dataclass(frozen=True, slots=True)
class Group:
    """The failures of one socket with one exception."""

    network: str
    socket: str
    type: str
    """The exception; empty for dead letters without a call on record."""
    calls: int
    letters: int | None
    """What waits in the dead letters of the socket; None where nobody knows."""
    last: datetime | None
    error: str
    """What the newest said."""

    @property
    def name(self) -> str:
        """What identifies it within its network."""
        return f"{self.socket} {self.type}".rstrip()


def _ago(value: Any, now: datetime) -> str:
    return age(value, now)


def _number(value: Any, _now: datetime) -> str:
    return "?" if value is None else count(value)


def _short(value: Any, _now: datetime) -> str:
    return printable(one_line(str(value), 100))


FAILURES = (
    Field("socket", lambda group: group.socket),
    Field("type", lambda group: group.type),
    Field("calls", lambda group: group.calls, _number, right=True),
    Field("letters", lambda group: group.letters, _number, right=True, title="DEAD LETTERS"),
    Field("last", lambda group: group.last, _ago),
    Field("error", lambda group: group.error, _short, title="NEWEST"),
    Field("network", lambda group: group.network, wide=True),
)


def failures(values: Iterable[Group], now: datetime) -> Table:
    """Return the table of groups."""
    return build("failures", FAILURES, values, now)
