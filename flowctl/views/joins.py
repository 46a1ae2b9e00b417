"""Tables of joins: which values are there, and which are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.work import Slot
from flowctl.views.flow import properties
from flowctl.views.table import Field, Sheet, Table, build, builtin
from flowctl.views.text import age, plain
from flowctl.views.traffic import body_text, body_value


@dataclass(frozen=True, slots=True)
class JoinRow:
    """One join that waits."""

    network: str
    socket: str
    """`processor.socket`."""
    rule: str
    """`zip`, `latest` or `gather`, and whether by run."""
    key: str
    """What must be equal for values to meet: empty, a run, or a plug and the call that scattered."""
    waiting: dict[str, int]
    """How many values wait, by argument; those of a gather together."""
    missing: tuple[str, ...]
    """The arguments without a value; of a gather how many of how many."""
    oldest_at: datetime | None

    @property
    def name(self) -> str:
        """What commands know it by."""
        return f"{self.socket}@{self.key}" if self.key else self.socket


def _ago(value: Any, now: datetime) -> str:
    return age(value, now)


def _key(value: Any, _now: datetime) -> str:
    plug, colon, call = str(value).rpartition(":")
    return plain(f"{plug}{colon}{call[:12]}")


JOINS = (
    Field("socket", lambda row: row.socket),
    Field("rule", lambda row: row.rule),
    Field("key", lambda row: row.key, _key),
    Field("waiting", lambda row: row.waiting),
    Field("missing", lambda row: row.missing),
    Field("oldest_at", lambda row: row.oldest_at, _ago, title="OLDEST"),
    Field("network", lambda row: row.network, wide=True),
)


def joins(values: Iterable[JoinRow], now: datetime) -> Table:
    """Return the table of joins that wait."""
    return build("joins", JOINS, values, now)


VALUES = (
    Field("argument", lambda slot: slot.argument),
    Field("call", lambda slot: slot.message.id, lambda value, _now: str(value)[:12]),
    Field("run", lambda slot: slot.message.run_id, lambda value, _now: str(value)[:12]),
    Field("plug", lambda slot: slot.message.plug),
    Field("value", lambda slot: body_text(slot.content_type, slot.message.body)),
)


def join_sheet(row: JoinRow, held: Sequence[Slot], now: datetime) -> Sheet:
    """Return everything about one join: its rule, and the values that wait."""
    values = [
        {
            "argument": slot.argument,
            "call": slot.message.id,
            "run": slot.message.run_id,
            "value": body_value(slot.content_type, slot.message.body),
        }
        for slot in held
    ]
    named = build("values", VALUES, held, now, name=lambda slot: str(slot.message.id))
    return Sheet(
        kind="join",
        name=row.name,
        properties=properties(JOINS, row, now),
        document={field.key: builtin(field.value(row)) for field in JOINS} | {"values": values},
        tables=(("Values", named),) if held else (),
    )
