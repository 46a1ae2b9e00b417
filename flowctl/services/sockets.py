"""Sockets and their tasks: find, list, override code."""

from __future__ import annotations

from flowctl.errors import InvalidInput, NotFound
from flowctl.model.flow import Socket, Task
from flowctl.services import journal
from flowctl.services.control import Control
from flowctl.services.names import scope, split
from flowctl.views.kinds import nearest


def find(control: Control, address: str) -> Socket:
    """Return the socket with this address; the name of a processor means its only socket.

    Raises:
        NotFound: there is none; the message offers the nearest name.
    """
    network, name = split(control, address)
    if "." not in name:
        own = control.store.flows.sockets(network, name)
        if len(own) == 1:
            return own[0]
        if own:
            first = f"{name}.{own[0].spec.name}"
            raise NotFound("socket", name, near=first, remedy=f"{name} has {len(own)} sockets")
    return control.store.flows.socket(name, network)


def of_function(control: Control, module: str, task: str, network: str = "") -> Socket:
    """Return a socket that runs this function: `task` of `module`, or of `module:Class`, exactly.

    Where several do, it is the first by name: each of them runs the same code.

    Raises:
        NotFound: no socket runs it; the message offers the nearest function.
    """
    named = scope(control, network)
    modules = {
        (each.network, each.name): each.spec.source.module
        for each in control.store.flows.processors(named)
    }
    found = [
        (socket, modules.get((socket.network, socket.processor), ""))
        for socket in control.store.flows.sockets(named)
    ]
    for socket, place in sorted(found, key=lambda pair: (pair[0].network, pair[0].name)):
        if socket.spec.task == task and module in (place, place.partition(":")[0]):
            return socket
    name, known = f"{module}.{task}", [f"{place}.{socket.spec.task}" for socket, place in found]
    raise NotFound("function", name, near=nearest(name, known), remedy="flowctl ls sockets")


def listed(control: Control, network: str = "") -> list[Socket]:
    """Return the sockets of a network, or of all."""
    return list(control.store.flows.sockets(scope(control, network)))


def tasks(control: Control, network: str = "") -> list[Task]:
    """Return the tasks behind the sockets; those that no worker has seen yet are left out."""
    return [socket.task for socket in listed(control, network) if socket.task]


def task(control: Control, name: str) -> tuple[Task, list[Socket]]:
    """Return the task `processor.function` (or `function`) and the sockets that use it.

    Raises:
        NotFound: no worker has seen such a task.
        InvalidInput: several processors have one of this name.
    """
    network, name = split(control, name)
    users = [
        socket
        for socket in listed(control, network)
        if socket.task and name in (socket.task.name, f"{socket.processor}.{socket.task.name}")
    ]
    owners = sorted({f"{each.network}/{each.processor}" for each in users})
    if len(owners) > 1:
        raise InvalidInput(
            f"{len(owners)} processors have a task {name}: {', '.join(owners)}",
            remedy=f"name one, such as {owners[0]}.{name.rpartition('.')[2]}",
        )
    if not users or users[0].task is None:
        known = [item.name for item in tasks(control)]
        raise NotFound("task", name, near=nearest(name, known), remedy="flowctl ls tasks")
    return users[0].task, users


def override(control: Control, name: str, code: str) -> Task:
    """Replace the function of a task by other code; empty code takes the override away."""
    control.may_write()
    found, users = task(control, name)
    network, name = users[0].network, f"{found.processor}.{found.name}"
    journal.on_network(
        control,
        network,
        "update",
        f"flowctl update task {name}" + ("" if code else " --reset"),
        lambda: control.store.flows.override_code(network, found.processor, found.name, code),
    )
    return found
