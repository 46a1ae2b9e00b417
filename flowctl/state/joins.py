"""Joins: values that wait for each other, and the one call that is fired when they are complete.

All of it happens under a lock of the join (socket and key), in the transaction that stores the
value, so a value is used exactly as often as its mode says. The values that a call was fired with
are kept until its outcome is on record: whoever asks again gets the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import structs

from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.work import Arrival, Slot
from flowctl.state.bulk import upsert
from flowctl.state.database import Repository, hot
from flowctl.state.recording import BEGINNING, COLUMNS, call_row
from flowctl.state.rows import delete, exactly, insert, load, update
from flowctl.state.tables import columns
from flowctl.state.traffic_tables import CallRow, FiringRow, GatheringRow, SlotRow

_SLOT = Slot.__struct_fields__
_Held = tuple[str, Slot]
"""The call that brought a value, and the value."""


class Joins(Repository):
    """Values that wait."""

    @hot
    def arrive(self, arrivals: Sequence[Arrival]) -> dict[CallId, list[Slot] | None]:
        """Store values, and return for each call the values that it fires with, or None: it waits.

        The values stand in the order of `needs`, then those of other arguments that were there;
        a gather's in the order of its indexes. A repeat gets the answer that it got before.
        """
        self._lock(arrivals)
        return {each.call.id: self._arrive(each) for each in arrivals}

    def _lock(self, arrivals: Iterable[Arrival]) -> None:
        if self.database.driver.lock:
            for socket, key in sorted({(each.slot.socket, each.slot.key) for each in arrivals}):
                self.database.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{socket}\x1f{key}",)
                )

    def _arrive(self, arrival: Arrival) -> list[Slot] | None:
        known, fired = self._before(arrival.call.id)
        if known:
            return fired
        if arrival.mode == "latest":
            self._supersede(arrival.slot)
        self._store(arrival)
        used = self._gathered(arrival) if arrival.mode == "gather" else self._joined(arrival)
        self._write_call(arrival, CallStatus.RECEIVED if used else CallStatus.WAITING)
        if not used:
            return None
        self._fire(arrival, used)
        return [slot for _, slot in used]

    def _before(self, call_id: CallId) -> tuple[bool, list[Slot] | None]:
        """Return whether this value arrived before, and what its call was fired with."""
        fired = load(
            self.database,
            Slot,
            FiringRow,
            FiringRow.call_id == call_id,
            order=(FiringRow.position,),
        )
        if fired:
            return True, fired
        if self._held(SlotRow.call_id == call_id):
            return True, None
        over = [CallRow.id == call_id, CallRow.status.in_(sorted(TERMINAL))]
        return bool(self.database.rows(CallRow.select(CallRow.id).where(*over))), None

    def _supersede(self, slot: Slot) -> None:
        """Make room for a newer value of the same argument."""
        old = self._held(*_place(slot), SlotRow.argument == slot.argument)
        self._take(old)
        self._close(call for call, _ in old)

    def _store(self, arrival: Arrival) -> None:
        row = structs.asdict(arrival.slot) | {"call_id": arrival.call.id}
        insert(self.database, SlotRow, [row])

    def _joined(self, arrival: Arrival) -> list[_Held] | None:
        """Return the first value of each argument, when no needed one is missing."""
        needed = [self._first(arrival.slot, argument) for argument in arrival.needs]
        if None in needed:
            return None
        others = [name for name in self._arguments(arrival.slot) if name not in arrival.needs]
        found = [*needed, *(self._first(arrival.slot, argument) for argument in others)]
        return [held for held in found if held is not None]

    def _first(self, slot: Slot, argument: str) -> _Held | None:
        return next(iter(self._held(*_place(slot), SlotRow.argument == argument, limit=1)), None)

    def _arguments(self, slot: Slot) -> list[str]:
        """Return the arguments that have values, one look at the index each."""
        from peewee import fn

        names: list[str] = []
        while True:
            query = SlotRow.select(fn.MIN(SlotRow.argument)).where(*_place(slot))
            if names:
                query = query.where(SlotRow.argument > names[-1])
            ((name,),) = self.database.rows(query)
            if name is None:
                return names
            names.append(name)

    def _gathered(self, arrival: Arrival) -> list[_Held] | None:
        """Return the value of every index, when none is missing."""
        place = exactly(GatheringRow, socket=arrival.slot.socket, key=arrival.slot.key)
        if not update(self.database, GatheringRow, place, arrived=GatheringRow.arrived + 1):
            row = {"socket": arrival.slot.socket, "key": arrival.slot.key, "arrived": 1}
            insert(self.database, GatheringRow, [row])
        query = GatheringRow.select(GatheringRow.arrived).where(*place)
        if self.database.rows(query)[0][0] < arrival.total:
            return None
        found = {
            int(held[1].argument): held for held in reversed(self._held(*_place(arrival.slot)))
        }
        if any(index not in found for index in range(arrival.total)):
            return None
        delete(self.database, GatheringRow, *place)
        return [found[index] for index in range(arrival.total)]

    def _fire(self, arrival: Arrival, used: Sequence[_Held]) -> None:
        if arrival.mode != "latest":
            self._take(used)
        rows = [
            structs.asdict(slot) | {"call_id": arrival.call.id, "position": position}
            for position, (_, slot) in enumerate(used)
        ]
        insert(self.database, FiringRow, rows)
        self._close(call for call, _ in used)

    def _take(self, used: Iterable[_Held]) -> None:
        for some in _portions([call for call, _ in used]):
            delete(self.database, SlotRow, SlotRow.call_id.in_(some))

    def _close(self, calls: Iterable[str]) -> None:
        """Say of waiting calls that their values went into another call."""
        now = self.database.clock.now()
        for some in _portions(list(calls)):
            where = [CallRow.id.in_(some), CallRow.status == CallStatus.WAITING]
            update(self.database, CallRow, where, status=CallStatus.JOINED, finished_at=now)

    def _write_call(self, arrival: Arrival, status: CallStatus) -> None:
        call = structs.replace(arrival.call, status=status)
        upsert(self.database, "call", COLUMNS, [call_row(self.database, call)], BEGINNING)

    def _held(self, *where: Any, limit: int | None = None) -> list[_Held]:
        query = SlotRow.select(SlotRow.call_id, *columns(SlotRow, _SLOT)).where(*where)
        rows = self.database.rows(query.order_by(SlotRow.seq).limit(limit))
        return [(call, Slot(**dict(zip(_SLOT, row, strict=True)))) for call, *row in rows]


def _place(slot: Slot) -> list[Any]:
    return [SlotRow.socket == slot.socket, SlotRow.key == slot.key]


def _portions(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[start : start + 500]) for start in range(0, len(ids), 500))
