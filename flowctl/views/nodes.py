"""What people see of gates and of the objects that data processors send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flowctl.model.states import ProcessorStatus
from flowctl.views.table import Field, Table, build


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate, and how much waits before it."""

    name: str
    network: str
    gate: str
    """open or closed."""
    waiting: int
    status: ProcessorStatus


@dataclass(frozen=True, slots=True)
class DataRow:
    """An object, and the socket that sends it; empty where none does."""

    name: str
    socket: str


GATES = (
    Field("name", lambda row: row.name),
    Field("network", lambda row: row.network),
    Field("gate", lambda row: row.gate),
    Field("waiting", lambda row: row.waiting, right=True),
    Field("status", lambda row: row.status),
)
OBJECTS = (
    Field("name", lambda row: row.name, title="OBJECT"),
    Field("socket", lambda row: row.socket),
)


def gates(values: Iterable[GateRow], now: datetime) -> Table:
    """Return the table of gates."""
    return build("gates", GATES, values, now)


def objects(values: Iterable[DataRow], now: datetime) -> Table:
    """Return the table of the objects of a data processor."""
    return build("objects", OBJECTS, values, now)
