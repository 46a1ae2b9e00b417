"""Taking things away without leaving anything that hangs in the air.

What has rows that refer to it goes by the database's own cascades; this is about the rest: values
that wait for a join, due times, messages and claims of queues that are no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowctl.model.states import ALIVE, CallStatus, Desired
from flowctl.state.database import Database
from flowctl.state.rows import delete, exactly, record, touch, update
from flowctl.state.tables import (
    AgentRow,
    AgentSpecRow,
    DeploymentRow,
    NetworkRow,
    PlugRow,
    ProcessorRow,
    SocketRow,
    TaskRow,
    WorkerRow,
    table_name,
)
from flowctl.state.traffic_tables import (
    CallRow,
    ClaimRow,
    EventRow,
    FireRow,
    FiringRow,
    GatheringRow,
    OutboxRow,
    ResultRow,
    SlotRow,
)

_IN_NETWORK: tuple[Any, ...] = (
    ProcessorRow,
    TaskRow,
    SocketRow,
    PlugRow,
    AgentSpecRow,
    DeploymentRow,
    WorkerRow,
)


def forget_sockets(database: Database, network: str, names: Iterable[str]) -> None:
    """Cancel the calls that wait at these sockets, and drop their values and due times."""
    for name in names:
        full = f"{network}.{name}"
        update(
            database,
            CallRow,
            [
                CallRow.status == CallStatus.WAITING,
                CallRow.id.in_(SlotRow.select(SlotRow.call_id).where(SlotRow.socket == full)),
            ],
            status=CallStatus.CANCELLED,
            finished_at=database.clock.now(),
            error="its socket was removed",
        )
        for table in (SlotRow, GatheringRow, FiringRow, FireRow):
            delete(database, table, table.socket == full)


def retire(database: Database, *where: Any) -> None:
    """End deployments: their hosts finish them; where a host is dead the claim goes at once."""
    alive = AgentRow.select(AgentRow.name).where(AgentRow.status.in_(sorted(ALIVE)))
    delete(database, DeploymentRow, *where, DeploymentRow.agent.not_in(alive))
    update(
        database,
        DeploymentRow,
        [*where, DeploymentRow.requested_status != Desired.REMOVED],
        requested_status=Desired.REMOVED,
        pinned=False,
        **touch(database),
    )


def remove_if_idle(database: Database, network: str, processor: str) -> bool:
    """Delete a processor that is to be removed and has no deployments; tell whether it went."""
    deployments = exactly(DeploymentRow, network=network, processor=processor)
    if _count(database, DeploymentRow, *deployments):
        return False
    query = SocketRow.select(SocketRow.name)
    inside = exactly(SocketRow, network=network, processor=processor)
    names = [row[0] for row in database.rows(query.where(*inside))]
    where = exactly(ProcessorRow, network=network, name=processor)
    where.append(ProcessorRow.requested_status == Desired.REMOVED)
    if not delete(database, ProcessorRow, *where):
        return False
    forget_sockets(database, network, names)
    record(database, "processor", processor, "removed", network=network)
    return True


def delete_network(database: Database, name: str, *, purge: bool) -> dict[str, int]:
    """Delete a network with all that is in it and return how many rows went, by table."""
    counts = {
        table_name(table): _count(database, table, table.network == name) for table in _IN_NETWORK
    }
    query = SocketRow.select(SocketRow.name).where(SocketRow.network == name)
    forget_sockets(database, name, [row[0] for row in database.rows(query)])
    for table in (OutboxRow, ClaimRow):
        counts[table_name(table)] = delete(database, table, _inside(table.queue, name))
    if purge:
        counts |= _purge(database, name)
    counts["network"] = delete(database, NetworkRow, NetworkRow.name == name)
    return counts


def _purge(database: Database, network: str) -> dict[str, int]:
    calls = CallRow.select(CallRow.id).where(CallRow.network == network)
    results = delete(database, ResultRow, ResultRow.call_id.in_(calls))
    events = delete(database, EventRow, EventRow.network == network)
    gone = delete(database, CallRow, CallRow.network == network)
    return {"call": gone, "result": results, "event": events}


def _count(database: Database, table: Any, *conditions: Any) -> int:
    from peewee import fn

    rows = database.rows(table.select(fn.COUNT("*")).where(*conditions))
    return int(rows[0][0])


def _inside(column: Any, network: str) -> Any:
    """Return the condition that a queue belongs to a network (`.` is followed by `/`)."""
    return (column >= f"{network}.") & (column < f"{network}/")
