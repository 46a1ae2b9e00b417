"""Looking at joins: what is there, and what waits for the rest."""

from __future__ import annotations

from typing import Any

from peewee import SQL, fn

from flowctl.model.work import Gathering, Pile, Slot
from flowctl.state.database import Repository, reading, snapshot
from flowctl.state.tables import columns
from flowctl.state.traffic_tables import CallRow, GatheringRow, SlotRow

_SLOT = Slot.__struct_fields__


class Slots(Repository):
    """Values that wait, as a person looks at them."""

    @reading
    def piles(self, network: str = "", socket: str = "", limit: int = 1000) -> list[Pile]:
        """Return how many values wait for each argument of each join, the oldest join first.

        `socket` is `network.processor.socket`. Values of gathers are not among them: see
        `gatherings`.
        """
        since = fn.MIN(CallRow.at)
        query = (
            SlotRow.select(SlotRow.socket, SlotRow.key, SlotRow.argument, fn.COUNT("*"), since)
            .join(CallRow, on=(CallRow.id == SlotRow.call_id))
            .where(*_inside(SlotRow, network, socket), _no_gather())
            .group_by(SlotRow.socket, SlotRow.key, SlotRow.argument)
            .order_by(since)
        )
        return [
            Pile(socket=place, key=key, argument=argument, count=count, oldest_at=oldest)
            for place, key, argument, count, oldest in self.database.rows(query.limit(limit))
        ]

    @snapshot
    def gatherings(self, network: str = "", socket: str = "", limit: int = 200) -> list[Gathering]:
        """Return how far each gather that waits has come."""
        query = GatheringRow.select(GatheringRow.socket, GatheringRow.key, GatheringRow.arrived)
        rows = self.database.rows(query.where(*_inside(GatheringRow, network, socket)).limit(limit))
        return [found for row in rows if (found := self._gathering(*row)) is not None]

    def _gathering(self, socket: str, key: str, arrived: int) -> Gathering | None:
        query = SlotRow.select(SlotRow.message, CallRow.at)
        query = query.join(CallRow, on=(CallRow.id == SlotRow.call_id))
        query = query.where(SlotRow.socket == socket, SlotRow.key == key)
        rows = self.database.rows(query.order_by(SlotRow.seq).limit(1))
        if not rows:
            return None
        message, at = rows[0]
        total = [each.total for each in message.gathers if key.endswith(f":{each.call_id}")]
        return Gathering(
            socket=socket, key=key, arrived=arrived, total=max([arrived, *total]), oldest_at=at
        )

    @reading
    def held(self, socket: str, key: str, limit: int = 50) -> list[Slot]:
        """Return the values that wait in one join, oldest first."""
        query = SlotRow.select(*columns(SlotRow, _SLOT))
        query = query.where(SlotRow.socket == socket, SlotRow.key == key)
        rows = self.database.rows(query.order_by(SlotRow.seq).limit(limit))
        return [Slot(**dict(zip(_SLOT, row, strict=True))) for row in rows]


def _inside(table: Any, network: str, socket: str) -> list[Any]:
    """Return the condition that a row is of this network or socket (`.` is followed by `/`)."""
    if socket:
        return [table.socket == socket]
    if network:
        return [table.socket >= f"{network}.", table.socket < f"{network}/"]
    return [SQL("1 = 1")]


def _no_gather() -> Any:
    same = (GatheringRow.socket == SlotRow.socket) & (GatheringRow.key == SlotRow.key)
    return ~fn.EXISTS(GatheringRow.select(SQL("1")).where(same))
