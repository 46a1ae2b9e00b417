"""Joins as the worker sees them: what a delivery contributes, and what a complete join runs with (pure).

A plug on an argument fills that argument; a plug with `gather` fills one place of a list; where a
socket waits for all its plugs, each of them fills a place of its own. The values lie in the state database, where the transaction that completes a join decides which call runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from agentd.worker.items import Item
from agentd.worker.routing import ABSENT, waiting
from flowctl.errors import Malformed
from flowctl.model.flow import Argument, JoinMode
from flowctl.model.joining import needs
from flowctl.model.traffic import Gather, Message
from flowctl.model.work import Arrival, Slot

JSON = "application/json"


def is_join(item: Item) -> bool:
    """Tell whether the item only contributes a value to a join: by its plug, or as it was sent."""
    return bool(_argument(item) or _gathers(item))


def _argument(item: Item) -> str:
    plug = item.route.inbound
    if plug is not None and item.route.waits:
        return plug.name
    return plug.spec.argument if plug is not None else item.message.argument


def _gathers(item: Item) -> str:
    plug = item.route.inbound
    return plug.spec.gather if plug is not None else ""


def arrival(item: Item, arguments: Sequence[Argument]) -> Arrival:
    """Return what the item contributes; `arguments` are those of the socket's task.

    Raises:
        Malformed: the item does not belong to what the plug gathers.
    """
    if gathers := _gathers(item):
        return _gathered(item, gathers)
    argument = _argument(item)
    rule = item.route.socket.spec.join
    return Arrival(
        slot=_slot(item, item.message.run_id if rule.by_run else "", argument),
        call=waiting(item.route, item.message, received_at=item.received_at),
        mode="latest" if rule.mode is JoinMode.LATEST else "zip",
        needs=item.route.waits or needs(arguments) or (argument,),
    )


def complete(item: Item, slots: Sequence[Slot]) -> None:
    """Give the item what its completed join brought together."""
    waits, gathers = item.route.waits, _gathers(item)
    present = [slot for slot in slots if slot.content_type != ABSENT]
    present = [slot for slot in present if not waits or slot.argument in waits]
    item.joined = tuple(_waited_for(item, slots))
    item.named = not (waits or gathers)
    item.content_type = JSON
    if gathers:
        item.gathers = _outer(item, gathers)
    if any(slot.content_type != JSON for slot in present):
        sizes = [(slot.argument, slot.content_type, len(slot.message.body)) for slot in present]
        item.parts, item.body = tuple(sizes), b"".join(slot.message.body for slot in present)
    elif item.named:
        pairs = [msgspec.json.encode(slot.argument) + b":" + slot.message.body for slot in present]
        item.body = b"{" + b",".join(pairs) + b"}"
    else:
        item.body = b"[" + b",".join(slot.message.body for slot in present) + b"]"


def _waited_for(item: Item, slots: Sequence[Slot]) -> Iterator[Message]:
    """Go through the other messages whose senders wait; a value that met another run's does not."""
    mine = item.message
    for message in (slot.message for slot in slots):
        if message.reply_to and message.id != mine.id and message.run_id == mine.run_id:
            yield message


def _gathered(item: Item, socket: str) -> Arrival:
    found = _find(item, socket)
    if found is None:
        raise Malformed(f"nothing here came out of {socket}, which this plug gathers")
    return Arrival(
        slot=_slot(item, f"{item.message.plug}:{found.call_id}", str(found.index)),
        call=waiting(item.route, item.message, received_at=item.received_at),
        mode="gather",
        total=max(1, found.total),
    )


def _slot(item: Item, key: str, argument: str) -> Slot:
    route = item.route
    return Slot(
        socket=f"{route.network}.{route.socket.name}",
        key=key,
        argument=argument,
        message=item.message,
        content_type=item.message.content_type,
    )


def _find(item: Item, socket: str) -> Gather | None:
    return next((g for g in reversed(item.message.gathers) if g.socket == socket), None)


def _outer(item: Item, socket: str) -> tuple[Gather, ...]:
    found = _find(item, socket)
    gathers = item.message.gathers
    return gathers[: gathers.index(found)] if found else gathers
