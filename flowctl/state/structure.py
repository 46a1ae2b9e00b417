"""Reading processors with their sockets, and sockets with their tasks."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from msgspec import Struct, structs

from flowctl.model.flow import Plug, Processor, Socket, SocketSpec, Task
from flowctl.state.database import Database
from flowctl.state.rows import find, load, within
from flowctl.state.tables import PlugRow, ProcessorRow, SocketRow, TaskRow, columns

_SOCKET = tuple(name for name in Socket.__struct_fields__ if name != "task")
_Key = tuple[str, str, str]


class _Place(Struct, frozen=True):
    network: str
    name: str


def processors(database: Database, *where: Any) -> list[Processor]:
    """Return the processors that fulfil all conditions; their specs hold their sockets."""
    order = (ProcessorRow.network, ProcessorRow.name)
    bare = load(database, Processor, ProcessorRow, *where, order=order)
    specs = _specs(database, {each.network for each in bare}, {each.name for each in bare})
    return [_with_sockets(each, specs[each.network, each.name]) for each in bare]


def processor(database: Database, name: str, network: str = "") -> Processor:
    """Return the one processor of that name.

    Raises:
        NotFound: there is none.
        InvalidInput: several networks have one.
    """
    bare = find(database, Processor, ProcessorRow, "processor", name, network)
    specs = _specs(database, {bare.network}, {bare.name})
    return _with_sockets(bare, specs[bare.network, bare.name])


def sockets(database: Database, *where: Any) -> list[Socket]:
    """Return the sockets that fulfil all conditions, with their tasks as far as those are known."""
    query = SocketRow.select(SocketRow.task, *columns(SocketRow, _SOCKET))
    query = query.where(*where) if where else query
    rows = database.rows(query.order_by(SocketRow.network, SocketRow.name))
    values = [dict(zip(("task", *_SOCKET), row, strict=True)) for row in rows]
    known = _tasks(database, {value["network"] for value in values})
    return [_socket(value, known) for value in values]


def plugs(database: Database, *where: Any) -> list[Plug]:
    """Return the plugs that fulfil all conditions."""
    return load(database, Plug, PlugRow, *where, order=(PlugRow.network, PlugRow.name))


def socket(database: Database, name: str, network: str = "") -> Socket:
    """Return the one socket called `processor.socket`.

    Raises:
        NotFound: there is none.
        InvalidInput: several networks have one.
    """
    found = find(database, _Place, SocketRow, "socket", name, network)
    return sockets(database, *within(SocketRow, network=found.network, name=found.name))[0]


def _with_sockets(bare: Processor, found: list[SocketSpec]) -> Processor:
    return structs.replace(bare, spec=structs.replace(bare.spec, sockets=tuple(found)))


def _specs(
    database: Database, networks: set[str], names: set[str]
) -> defaultdict[tuple[str, str], list[SocketSpec]]:
    query = SocketRow.select(SocketRow.network, SocketRow.processor, SocketRow.spec)
    if len(names) == 1:
        query = query.where(SocketRow.processor.in_(list(names)))
    rows = database.rows(
        query.where(SocketRow.network.in_(list(networks))).order_by(SocketRow.name)
    )
    found: defaultdict[tuple[str, str], list[SocketSpec]] = defaultdict(list)
    for network, name, spec in rows:
        found[network, name].append(spec)
    return found


def _tasks(database: Database, networks: set[str]) -> dict[_Key, Task]:
    names = Task.__struct_fields__
    query = TaskRow.select(TaskRow.network, *columns(TaskRow, names))
    rows = database.rows(query.where(TaskRow.network.in_(list(networks))))
    tasks = [(network, Task(**dict(zip(names, row, strict=True)))) for network, *row in rows]
    return {(network, task.processor, task.name): task for network, task in tasks}


def _socket(value: dict[str, Any], known: dict[_Key, Task]) -> Socket:
    task = known.get((value["network"], value["processor"], value.pop("task")))
    return Socket(**value, task=task)
