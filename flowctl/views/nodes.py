"""What people see of gates and of the objects that data processors send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flowctl.model.flow import Processor
from flowctl.views.table import Field, Table, build


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate, and how much waits before it."""

    gate: Processor
    waiting: int


@dataclass(frozen=True, slots=True)
class DataRow:
    """An object, and the socket that sends it; empty where none does."""

    object: str
    socket: str


GATES = (
    Field("name", lambda row: row.gate.name),
    Field("network", lambda row: row.gate.network),
    Field("gate", lambda row: "closed" if row.gate.closed else "open"),
    Field("waiting", lambda row: row.waiting, right=True),
    Field("status", lambda row: row.gate.status),
)
OBJECTS = (
    Field("object", lambda row: row.object),
    Field("socket", lambda row: row.socket),
)


def gates(values: Iterable[GateRow], now: datetime) -> Table:
    """Return the table of gates."""
    return build("gates", GATES, values, now)


def objects(values: Iterable[DataRow], now: datetime) -> Table:
    """Return the table of the objects of a data processor."""
    return build("objects", OBJECTS, values, now)
