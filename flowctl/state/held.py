"""Values that are held for joins: finding them, taking them, and what becomes of their calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.work import Slot
from flowctl.state.bulk import delete_keys
from flowctl.state.database import Database
from flowctl.state.rows import update
from flowctl.state.tables import columns
from flowctl.state.traffic_tables import CallRow, FiringRow, SlotRow

FIELDS = Slot.__struct_fields__
Held = tuple[str, Slot]
"""The call that brought a value, and the value."""

T = TypeVar("T")
_PORTION = 500


def held(database: Database, *where: Any, limit: int | None = None) -> list[Held]:
    """Return the values that fulfil all conditions, oldest first."""
    query = SlotRow.select(SlotRow.call_id, *columns(SlotRow, FIELDS)).where(*where)
    rows = database.rows(query.order_by(SlotRow.seq).limit(limit))
    return [(call, _slot(row)) for call, *row in rows]


def answered(database: Database, calls: Sequence[str]) -> dict[str, list[Slot] | None]:
    """Return those of these calls whose values arrived before, with what they were fired with."""
    over = CallRow.status.in_(sorted(TERMINAL))
    found: dict[str, list[Slot] | None] = {}
    for some in portions(calls):
        for query in (
            CallRow.select(CallRow.id).where(CallRow.id.in_(some), over),
            SlotRow.select(SlotRow.call_id).where(SlotRow.call_id.in_(some)),
        ):
            found |= dict.fromkeys(id_ for (id_,) in database.rows(query))
        fired = FiringRow.select(FiringRow.call_id, *columns(FiringRow, FIELDS))
        fired = fired.where(FiringRow.call_id.in_(some)).order_by(FiringRow.position)
        used: dict[str, list[Slot]] = {}
        for call, *row in database.rows(fired):
            used.setdefault(call, []).append(_slot(row))
        found |= used
    return found


def take(database: Database, calls: Sequence[str]) -> None:
    """Remove the values that these calls brought."""
    delete_keys(database, "slot", "call_id", calls)


def close(database: Database, calls: Sequence[str]) -> None:
    """Say of waiting calls that their values went into another call."""
    now = database.clock.now()
    for some in portions(calls):
        where = [CallRow.id.in_(some), CallRow.status == CallStatus.WAITING]
        update(database, CallRow, where, status=CallStatus.JOINED, finished_at=now)


def portions(values: Iterable[T], size: int = _PORTION) -> Iterator[list[T]]:
    """Return the values, as many at a time as one statement takes."""
    every = list(values)
    return (every[start : start + size] for start in range(0, len(every), size))


def _slot(row: Sequence[Any]) -> Slot:
    return Slot(**dict(zip(FIELDS, row, strict=True)))
