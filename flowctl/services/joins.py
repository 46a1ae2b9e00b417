"""Joins: which values wait for which, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flowctl.errors import NotFound
from flowctl.model.flow import Plug, Socket
from flowctl.model.joining import needs
from flowctl.model.work import Gathering, Pile, Slot
from flowctl.services import sockets
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.joins import JoinRow
from flowctl.views.kinds import nearest


def listed(control: Control, network: str = "", processor: str = "") -> list[JoinRow]:
    """Return the joins that hold values, the one with the oldest value first."""
    chosen = scope(control, network)
    known = {_place(item): item for item in control.store.flows.sockets(chosen, processor)}
    traffic = control.store.traffic
    found = _joined(control, known, traffic.piles(chosen))
    found += [
        _gather(known[each.socket], each)
        for each in traffic.gatherings(chosen)
        if each.socket in known
    ]
    return sorted(found, key=_oldest)


def of_socket(control: Control, socket: Socket) -> list[JoinRow]:
    """Return the joins of one socket; one that waits for everything is among them."""
    traffic, place = control.store.traffic, _place(socket)
    found = _joined(control, {place: socket}, traffic.piles(socket=place))
    found += [_gather(socket, each) for each in traffic.gatherings(socket=place)]
    if not found and (wanted := _wanted(socket, control.store.flows.plugs(socket.network))):
        found = [_row(socket, "", {}, wanted, None)]
    return sorted(found, key=_oldest)


def find(control: Control, name: str) -> tuple[JoinRow, list[Slot]]:
    """Return one join with the values that it holds: `SOCKET@KEY`, or `SOCKET` for its oldest.

    Raises:
        NotFound: there is no such socket, or nothing waits there under this key.
    """
    address, _, key = name.partition("@")
    socket = sockets.find(control, address)
    found = of_socket(control, socket)
    chosen = [row for row in found if row.key == key or (not key and row is found[0])]
    if not chosen:
        near = nearest(key, [row.key for row in found])
        raise NotFound(
            "join", name, near=f"{address}@{near}" if near else "", remedy="flowctl ls joins"
        )
    return chosen[0], control.store.traffic.held(_place(socket), chosen[0].key)


def _place(socket: Socket) -> str:
    return f"{socket.network}.{socket.name}"


def _joined(control: Control, known: dict[str, Socket], piles: Iterable[Pile]) -> list[JoinRow]:
    grouped: dict[tuple[str, str], list[Pile]] = {}
    for pile in piles:
        if pile.socket in known:
            grouped.setdefault((pile.socket, pile.key), []).append(pile)
    plugs = control.store.flows.plugs() if grouped else []
    return [
        _row(
            known[place],
            key,
            {pile.argument: pile.count for pile in some},
            _wanted(known[place], plugs),
            min(pile.oldest_at for pile in some),
        )
        for (place, key), some in grouped.items()
    ]


def _row(
    socket: Socket,
    key: str,
    waiting: dict[str, int],
    wanted: Iterable[str],
    oldest_at: datetime | None,
) -> JoinRow:
    rule = socket.spec.join
    return JoinRow(
        network=socket.network,
        socket=socket.name,
        rule=f"{rule.mode} by run" if rule.by_run else str(rule.mode),
        key=key,
        waiting=waiting,
        missing=tuple(name for name in wanted if name not in waiting),
        oldest_at=oldest_at,
    )


def _wanted(socket: Socket, plugs: Iterable[Plug]) -> tuple[str, ...]:
    """Return the arguments that a join of the socket needs; none where no plug leads to one.

    A socket that waits for all its plugs needs each of them.
    """
    if socket.spec.wait_all:
        mine = [plug for plug in plugs if plug.network == socket.network]
        return tuple(plug.name for plug in mine if plug.spec.target == socket.name)
    fed = {
        plug.spec.argument
        for plug in plugs
        if plug.spec.target == socket.name and plug.network == socket.network
    } - {""}
    arguments = socket.task.arguments if socket.task else ()
    return needs(arguments) or tuple(sorted(fed)) if fed else ()


def _gather(socket: Socket, found: Gathering) -> JoinRow:
    return JoinRow(
        network=socket.network,
        socket=socket.name,
        rule="gather",
        key=found.key,
        waiting={"values": found.arrived},
        missing=(f"{found.total - found.arrived:,} of {found.total:,}",),
        oldest_at=found.oldest_at,
    )


def _oldest(row: JoinRow) -> tuple[bool, float, str]:
    at = row.oldest_at
    return at is None, at.timestamp() if at else 0.0, row.name
