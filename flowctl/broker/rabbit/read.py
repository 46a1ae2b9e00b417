"""From what RabbitMQ delivers to what flowctl knows: deliveries, broken ones, peeked messages."""

from __future__ import annotations

from typing import Any

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.properties import from_properties, salvage
from flowctl.broker.rabbit.codec import Delivered
from flowctl.broker.rabbit.terms import expired_from
from flowctl.broker.rabbit.wire import as_table
from flowctl.errors import Malformed
from flowctl.model.traffic import Message


def read(generation: int, queue: str, delivered: Delivered) -> Delivery | Broken:
    """Return what the broker delivered, as a message or as what it is if it is none."""
    tag = (generation, delivered.number)
    properties, body = delivered.properties, delivered.body
    headers = properties.get("headers") or {}
    if "x-first-death-queue" in headers:
        properties = _with_origin(properties, headers)
    try:
        message = from_properties(properties, body)
    except Malformed as error:
        return Broken(tag=tag, queue=queue, body=body, reason=str(error))
    return Delivery(
        tag=tag,
        queue=queue,
        message=message,
        redelivered=delivered.redelivered,
        deliveries=headers.get("x-delivery-count", 0),
    )


def shown(properties: Any, body: bytes) -> Message:
    """Return a message for somebody who only looks; a broken one says so in its `reason`."""
    table = as_table(properties)
    return salvage(_with_origin(table, table["headers"]), body)


def _with_origin(properties: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    """Return properties in which an expired message says where it was."""
    origin = expired_from(headers)
    if not origin:
        return properties
    return properties | {"headers": {"x-fc-reason": "expired", "x-fc-origin": origin} | headers}
