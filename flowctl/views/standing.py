"""The table of networks with how each is: what a person looks at first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, age, count, one_line


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A network and how it is; the numbers of the broker are None where nobody could tell."""

    name: str
    status: str
    processors: int
    plugs: int
    cpus: int
    running_cpus: int
    workers: int
    ready: int | None
    dead: int | None
    revision: int
    updated_at: datetime
    reason: str = ""


def _number(value: Any, _now: datetime) -> str:
    return "?" if value is None else count(value)


FLOWS = (
    Field("name", lambda row: row.name),
    Field("status", lambda row: row.status),
    Field("processors", lambda row: row.processors, right=True, title="PROCS"),
    Field("plugs", lambda row: row.plugs, right=True),
    Field("cpus", lambda row: row.cpus, right=True),
    Field("running_cpus", lambda row: row.running_cpus, right=True, title="RUNNING"),
    Field("workers", lambda row: row.workers, right=True),
    Field("ready", lambda row: row.ready, _number, right=True, title="WAITING"),
    Field("dead", lambda row: row.dead, _number, right=True),
    Field("revision", lambda row: row.revision, right=True, wide=True),
    Field("updated_at", lambda row: row.updated_at, age, wide=True, title="CHANGED"),
    Field("reason", lambda row: row.reason, lambda value, _now: one_line(value, 60) or NOTHING),
)


def flows(rows: Iterable[FlowRow], now: datetime) -> Table:
    """Return the table of networks with how each is."""
    return build("networks", FLOWS, rows, now)
