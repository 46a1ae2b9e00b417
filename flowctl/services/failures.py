"""What failed, summed: by socket and exception, with the dead letters that wait for somebody."""

from __future__ import annotations

from collections.abc import Mapping

from flowctl.errors import BrokerUnavailable
from flowctl.model.naming import dead_queue
from flowctl.model.traffic import Call
from flowctl.model.work import CallFilter
from flowctl.services import repeats
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.failures import Group

MOST = 2_000
"""So many of the newest failures are summed."""
ALL = 100_000


def groups(control: Control, network: str = "") -> list[Group]:
    """Return the failures of a network, or of all, the newest first; `letters` None is unknown."""
    chosen = scope(control, network)
    found = repeats.failures(control, repeats.Choice(filter=CallFilter(network=chosen, limit=MOST)))
    summed: dict[tuple[str, str, str], list[Call]] = {}
    for call in found:
        kind = call.failure.type if call.failure else ""
        summed.setdefault((call.network, call.socket, kind), []).append(call)
    letters = _letters(control, chosen)
    shown = [_group(*key, calls, letters) for key, calls in summed.items()]
    told = {(group.network, group.socket) for group in shown}
    return shown + [
        Group(name, socket, "", 0, count, None, "dead letters, of calls no longer on record")
        for (name, socket), count in (letters or {}).items()
        if count and (name, socket) not in told
    ]


def _group(
    network: str, socket: str, kind: str, calls: list[Call],
    letters: Mapping[tuple[str, str], int] | None,
) -> Group:  # fmt: skip
    newest = calls[0]
    said = newest.failure.message if newest.failure else ""
    held = None if letters is None else letters.get((network, socket), 0)
    return Group(network, socket, kind, len(calls), held, newest.finished_at, said)


def _letters(control: Control, network: str) -> dict[tuple[str, str], int] | None:
    sockets = {dead_queue(each.queue): each for each in control.store.flows.sockets(network)}
    try:
        depths = control.broker.depth(list(sockets))
    except BrokerUnavailable:
        return None
    return {(sockets[n].network, sockets[n].name): depth.ready for n, depth in depths.items()}


def of_group(control: Control, network: str, socket: str, kind: str) -> list[Call]:
    """Return all failed calls of a socket that ended with one exception."""
    wanted = CallFilter(network=network, limit=ALL)
    return repeats.failures(control, repeats.Choice(socket=socket, type=kind, filter=wanted))
