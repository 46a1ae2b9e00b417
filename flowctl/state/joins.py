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
from flowctl.model.states import CallStatus
from flowctl.model.work import Arrival, Slot
from flowctl.state import zips
from flowctl.state.bulk import upsert
from flowctl.state.database import Repository, hot
from flowctl.state.held import Held, answered, close, held, take
from flowctl.state.recording import BEGINNING, COLUMNS, call_row
from flowctl.state.rows import delete, exactly, insert, insert_many, update
from flowctl.state.traffic_tables import FiringRow, GatheringRow, SlotRow
from flowctl.state.zips import arguments


class Joins(Repository):
    """Values that wait."""

    @hot
    def arrive(self, arrivals: Sequence[Arrival]) -> dict[CallId, list[Slot] | None]:
        """Store values, and return for each call the values that it fires with, or None: it waits.

        The values stand in the order of `needs`, then those of other arguments that were there;
        a gather's in the order of its indexes. A repeat gets the answer that it got before.
        """
        self._lock(arrivals)
        zipped = [each for each in arrivals if each.mode == "zip"]
        answers = zips.arrive(self.database, zipped)
        others = [each for each in arrivals if each.mode != "zip"]
        return answers | {each.call.id: self._arrive(each) for each in others}

    def _lock(self, arrivals: Iterable[Arrival]) -> None:
        """Take the locks of all joins in one order, so that nobody waits for each other."""
        if self.database.driver.lock and arrivals:
            places = sorted({f"{each.slot.socket}\x1f{each.slot.key}" for each in arrivals})
            self.database.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(place, 0))"
                " FROM unnest(%s) WITH ORDINALITY AS places (place, n) ORDER BY n",
                (places,),
            )

    def _arrive(self, arrival: Arrival) -> list[Slot] | None:
        known = answered(self.database, [arrival.call.id])
        if known:
            return known[arrival.call.id]
        if arrival.mode == "latest":
            self._supersede(arrival.slot)
        self._store(arrival)
        used = self._gathered(arrival) if arrival.mode == "gather" else self._joined(arrival)
        self._write_call(arrival, CallStatus.RECEIVED if used else CallStatus.WAITING)
        if not used:
            return None
        self._fire(arrival, used)
        return [slot for _, slot in used]

    def _supersede(self, slot: Slot) -> None:
        """Make room for a newer value of the same argument."""
        old = held(self.database, *_place(slot), SlotRow.argument == slot.argument)
        take(self.database, [call for call, _ in old])
        close(self.database, [call for call, _ in old])

    def _store(self, arrival: Arrival) -> None:
        row = structs.asdict(arrival.slot) | {"call_id": arrival.call.id}
        insert(self.database, SlotRow, [row])

    def _joined(self, arrival: Arrival) -> list[Held] | None:
        """Return the first value of each argument, when no needed one is missing."""
        needed = [self._first(arrival.slot, argument) for argument in arrival.needs]
        if None in needed:
            return None
        place = arrival.slot.socket, arrival.slot.key
        others = [name for name in arguments(self.database, place) if name not in arrival.needs]
        found = [*needed, *(self._first(arrival.slot, argument) for argument in others)]
        return [value for value in found if value is not None]

    def _first(self, slot: Slot, argument: str) -> Held | None:
        where = [*_place(slot), SlotRow.argument == argument]
        return next(iter(held(self.database, *where, limit=1)), None)

    def _gathered(self, arrival: Arrival) -> list[Held] | None:
        """Return the value of every index, when none is missing."""
        place = exactly(GatheringRow, socket=arrival.slot.socket, key=arrival.slot.key)
        if not update(self.database, GatheringRow, place, arrived=GatheringRow.arrived + 1):
            row = {"socket": arrival.slot.socket, "key": arrival.slot.key, "arrived": 1}
            insert(self.database, GatheringRow, [row])
        query = GatheringRow.select(GatheringRow.arrived).where(*place)
        if self.database.rows(query)[0][0] < arrival.total:
            return None
        found = {
            int(each[1].argument): each
            for each in reversed(held(self.database, *_place(arrival.slot)))
        }
        if any(index not in found for index in range(arrival.total)):
            return None
        delete(self.database, GatheringRow, *place)
        return [found[index] for index in range(arrival.total)]

    def _fire(self, arrival: Arrival, used: Sequence[Held]) -> None:
        if arrival.mode != "latest":
            take(self.database, [call for call, _ in used])
        rows = [
            structs.asdict(slot) | {"call_id": arrival.call.id, "position": position}
            for position, (_, slot) in enumerate(used)
        ]
        insert_many(self.database, FiringRow, rows)
        close(self.database, [call for call, _ in used])

    def _write_call(self, arrival: Arrival, status: CallStatus) -> None:
        call = structs.replace(arrival.call, status=status)
        upsert(self.database, "call", COLUMNS, [call_row(self.database, call)], BEGINNING)


def _place(slot: Slot) -> list[Any]:
    return [SlotRow.socket == slot.socket, SlotRow.key == slot.key]
