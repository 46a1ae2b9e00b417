"""Carrying out what differs between two recipes, one change at a time, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from msgspec import structs

from flowctl.errors import Conflict
from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
)
from flowctl.model.naming import plug_queue, socket_queue
from flowctl.model.states import DeploymentStatus, Desired, ProcessorStatus
from flowctl.recipe.diff import Change
from flowctl.state.database import Database
from flowctl.state.removal import forget_sockets, retire
from flowctl.state.rows import delete, exactly, identity, insert, record, touch, update
from flowctl.state.tables import (
    AgentRow,
    AgentSpecRow,
    DeploymentRow,
    NetworkRow,
    PlugRow,
    ProcessorRow,
    SocketRow,
)

_PAST = {"add": "added", "update": "updated", "remove": "removed"}


def carry_out(database: Database, network: str, change: Change) -> None:
    """Write one change and the event that tells of it."""
    _WRITERS[change.kind](database, network, change)
    note = ", ".join(change.fields)
    record(database, change.kind, change.name, _PAST[change.action], note, network)


def _network(database: Database, network: str, change: Change) -> None:
    spec = cast("NetworkSpec", change.after)
    if change.action == "add":
        row = identity(database) | {
            "name": network,
            "revision": 0,
            "strategy": spec.strategy,
            "recipe": "",
        }
        insert(database, NetworkRow, [row])
    else:
        update(database, NetworkRow, [NetworkRow.name == network], strategy=spec.strategy)


def _processor(database: Database, network: str, change: Change) -> None:
    if change.action == "add":
        _add_processor(database, network, cast("ProcessorSpec", change.after))
    elif change.action == "update":
        _update_processor(database, network, change)
    else:
        _delete(database, ProcessorRow, network, change.name)


def _add_processor(database: Database, network: str, spec: ProcessorSpec) -> None:
    row = identity(database) | {
        "network": network,
        "name": spec.name,
        "spec": structs.replace(spec, sockets=()),
        "generation": 1,
        "restarts": 0,
        "requested_status": Desired.RUNNING if spec.enabled else Desired.STOPPED,
        "status": ProcessorStatus.READY if spec.enabled else ProcessorStatus.STOPPED,
        "error": "",
        "deployed_cpus": 0,
        "running_cpus": 0,
        "closed": False,
    }
    insert(database, ProcessorRow, [row])


def _update_processor(database: Database, network: str, change: Change) -> None:
    spec = cast("ProcessorSpec", change.after)
    values: dict[str, Any] = {"spec": structs.replace(spec, sockets=())}
    if change.restarts:
        values["generation"] = ProcessorRow.generation + 1
    update(
        database,
        ProcessorRow,
        exactly(ProcessorRow, network=network, name=spec.name),
        **values,
        **touch(database),
    )
    if "enabled" in change.fields:
        wanted = Desired.RUNNING if spec.enabled else Desired.STOPPED
        request_processor(database, network, spec.name, wanted)


def request_processor(database: Database, network: str, name: str, wanted: Desired) -> None:
    """Write what is wanted of a processor, and of all its deployments."""
    update(
        database,
        ProcessorRow,
        exactly(ProcessorRow, network=network, name=name),
        requested_status=wanted,
        **touch(database),
    )
    deployments = exactly(DeploymentRow, network=network, processor=name)
    if wanted is Desired.REMOVED:
        retire(database, *deployments)
    else:
        kept = [*deployments, DeploymentRow.requested_status != Desired.REMOVED]
        update(database, DeploymentRow, kept, requested_status=wanted, **touch(database))


def _socket(database: Database, network: str, change: Change) -> None:
    processor = change.name.partition(".")[0]
    if change.action == "remove":
        forget_sockets(database, network, [change.name])
        _delete(database, SocketRow, network, change.name)
        return
    spec = cast("SocketSpec", change.after)
    queue = socket_queue(network, processor, spec.name)
    values = {"processor": processor, "task": spec.task, "spec": spec, "queue": queue}
    _write(database, SocketRow, network, change, values)


def _plug(database: Database, network: str, change: Change) -> None:
    if change.action == "remove":
        _delete(database, PlugRow, network, change.name)
        return
    spec = cast("PlugSpec", change.after)
    queue = plug_queue(network, spec)
    values = {"source": spec.source, "target": spec.target, "spec": spec, "queue": queue}
    _write(database, PlugRow, network, change, values)


def _agent(database: Database, network: str, change: Change) -> None:
    where = exactly(AgentSpecRow, network=network, name=change.name)
    delete(database, AgentSpecRow, *where)
    if change.after is not None:
        row = {"network": network, "name": change.name, "spec": change.after}
        insert(database, AgentSpecRow, [row])
    if change.action == "add" or "enabled" in change.fields:
        spec = cast("AgentSpec", change.after)
        wanted = Desired.RUNNING if spec.enabled else Desired.PAUSED
        values = touch(database)
        update(database, AgentRow, [AgentRow.name == spec.name], requested_status=wanted, **values)


def _deployment(database: Database, network: str, change: Change) -> None:
    if change.action == "remove":
        retire(database, *exactly(DeploymentRow, network=network, name=change.name))
        return
    spec = cast("DeploymentSpec", change.after)
    where = exactly(DeploymentRow, network=network, name=spec.name)
    row = deployment_row(database, network, spec, pinned=True)
    values: dict[str, Any] = {"agent": spec.agent, "cpus": spec.cpus, "pinned": True}
    if change.action == "add":  # it was asked to go, and has not gone yet
        values["requested_status"] = row["requested_status"]
    if "agent" in change.fields or "processor" in change.fields:
        delete(database, DeploymentRow, *where)
    elif update(database, DeploymentRow, where, **values, **touch(database)):
        return
    insert(database, DeploymentRow, [row])


def deployment_row(
    database: Database, network: str, spec: DeploymentSpec, *, pinned: bool
) -> dict[str, Any]:
    """Return the columns of a new deployment; it is wanted as its processor is."""
    query = ProcessorRow.select(ProcessorRow.requested_status)
    rows = database.rows(query.where(*exactly(ProcessorRow, network=network, name=spec.processor)))
    if not rows:
        raise Conflict(f'processor "{spec.processor}" is gone')
    return identity(database) | {
        "network": network,
        "name": spec.name,
        "processor": spec.processor,
        "agent": spec.agent,
        "cpus": spec.cpus,
        "requested_status": rows[0][0],
        "status": DeploymentStatus.PENDING,
        "reason": "",
        "pinned": pinned,
    }


def _write(
    database: Database, table: Any, network: str, change: Change, values: dict[str, Any]
) -> None:
    if change.action == "update":
        where = exactly(table, network=network, name=change.name)
        update(database, table, where, **values, **touch(database))
    else:
        named = {"network": network, "name": change.name}
        insert(database, table, [identity(database) | named | values])


def _delete(database: Database, table: Any, network: str, name: str) -> None:
    delete(database, table, *exactly(table, network=network, name=name))


_WRITERS: dict[str, Callable[[Database, str, Change], None]] = {
    "network": _network,
    "processor": _processor,
    "socket": _socket,
    "plug": _plug,
    "agent": _agent,
    "deployment": _deployment,
}
