"""A function as a target: every socket that runs it, the least busy of them, or all of them."""

from __future__ import annotations

from collections.abc import Sequence

from flowctl.errors import InvalidInput
from flowctl.model.flow import Socket
from flowctl.model.ids import CallId, new_id
from flowctl.services import calls, queues, sockets
from flowctl.services.calls import Payload
from flowctl.services.control import Control


def hosts(control: Control, function: str) -> list[Socket]:
    """Return the sockets that run `MODULE.TASK` (or `MODULE:CLASS.TASK`), by name; at least one.

    Raises:
        NotFound: no socket runs it; the message offers the nearest function.
    """
    module, dot, task = function.rpartition(".")
    if not dot or not module or not task:
        raise InvalidInput(f'"{function}" is no function', remedy="write function/MODULE.TASK")
    first = sockets.of_function(control, module, task)
    modules = {
        (each.network, each.name): each.spec.source.module
        for each in control.store.flows.processors(control.settings.network)
    }

    def runs_it(socket: Socket) -> bool:
        place = modules.get((socket.network, socket.processor), "")
        return socket.spec.task == task and module in (place, place.partition(":")[0])

    found = [each for each in sockets.listed(control) if runs_it(each)]
    return sorted(found, key=lambda each: (each.network, each.name)) or [first]


def balanced(control: Control, targets: Sequence[Socket], count: int) -> list[Socket]:
    """Return the socket that each of `count` messages goes to, so that the queues become equal."""
    if len(targets) == 1:
        return [targets[0]] * count
    queues.declare(control, [spec for each in targets for spec in queues.socket_specs(each)])
    depth = control.broker.depth([each.queue for each in targets])
    load = [depth[each.queue].ready + depth[each.queue].unacked for each in targets]
    chosen = []
    for _ in range(count):
        least = load.index(min(load))
        load[least] += 1
        chosen.append(targets[least])
    return chosen


def send(
    control: Control, targets: Sequence[Socket], payloads: Sequence[Payload], *, delay: float = 0.0
) -> list[tuple[CallId, Socket]]:
    """Send each payload to the least busy of the sockets; return the calls in the order given.

    Raises:
        PublishFailed: a queue refused some.
    """
    chosen = balanced(control, targets, len(payloads))
    ids: dict[int, CallId] = {}
    for target in targets:
        mine = [index for index, socket in enumerate(chosen) if socket is target]
        some = calls.send(control, target, [payloads[index] for index in mine], delay=delay)
        ids.update(zip(mine, some, strict=True))
    return [(ids[index], socket) for index, socket in enumerate(chosen)]


def broadcast(
    control: Control, targets: Sequence[Socket], payloads: Sequence[Payload], *, delay: float = 0.0
) -> list[tuple[CallId, Socket]]:
    """Send each payload to every socket, all in one run.

    Raises:
        PublishFailed: a queue refused some.
    """
    run_id = new_id()
    return [
        (call_id, target)
        for target in targets
        for call_id in calls.send(control, target, payloads, run_id=run_id, delay=delay)
    ]
