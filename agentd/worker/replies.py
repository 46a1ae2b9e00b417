"""Who is told what a call came to: whoever sent it and asked, and whose values its join used (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from agentd.worker.items import Item
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Answer, Finished, Message


def answers_of(item: Item, finished: Finished) -> list[tuple[Message, Answer]]:
    """Return what to tell about an item that was committed; nothing while it will be tried again."""
    call = finished.call
    asked = _askers(item)
    if not asked or call.status not in TERMINAL:
        return []
    answer = Answer(
        id=call.id,
        socket=call.socket,
        status=call.status,
        failure=call.failure,
        content_type=finished.content_type,
        body=finished.result if call.status is CallStatus.FINISHED else None,
    )
    return [(message, answer) for message in asked]


def hints_of(items: Iterable[Item]) -> list[tuple[Message, Answer]]:
    """Return what to tell about items that turned out to have an outcome: it is on record."""
    return [
        (message, Answer(id=message.id, socket=item.route.socket.name, status=CallStatus.FINISHED))
        for item in items
        for message in _askers(item)
    ]


def _askers(item: Item) -> list[Message]:
    return [message for message in (item.message, *item.joined) if message.reply_to]
