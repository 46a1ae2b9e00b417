"""From what RabbitMQ delivers to what flowctl knows: deliveries, broken ones, peeked messages."""

from __future__ import annotations

from typing import Any

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.properties import from_properties, salvage
from flowctl.broker.rabbit.terms import expired_from, plain_numbers
from flowctl.errors import Malformed
from flowctl.model.traffic import Message


def read(
    generation: int, queue: str, method: Any, properties: Any, body: bytes
) -> Delivery | Broken:
    """Return what the broker delivered, as a message or as what it is if it is none."""
    tag = (generation, int(method.delivery_tag))
    headers = plain_numbers(properties.headers or {})
    try:
        message = from_properties(_table(properties, headers), body)
    except Malformed as error:
        return Broken(tag=tag, queue=queue, body=body, reason=str(error))
    return Delivery(
        tag=tag,
        queue=queue,
        message=message,
        redelivered=bool(method.redelivered),
        deliveries=headers.get("x-delivery-count", 0),
    )


def _table(properties: Any, headers: dict[str, Any]) -> dict[str, Any]:
    """Return properties as the shared mapping wants them; an expired message says where it was."""
    if origin := expired_from(headers):
        headers = {"x-fc-reason": "expired", "x-fc-origin": origin} | headers
    return {
        "message_id": properties.message_id,
        "correlation_id": properties.correlation_id,
        "content_type": properties.content_type,
        "reply_to": properties.reply_to,
        "timestamp": properties.timestamp,
        "headers": headers,
    }


def shown(properties: Any, body: bytes) -> Message:
    """Return a message for somebody who only looks; a broken one says so in its `reason`."""
    return salvage(_table(properties, plain_numbers(properties.headers or {})), body)
