from __future__ import annotations

from pika import BasicProperties
from pika.spec import Basic

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.rabbit import wire
from flowctl.broker.rabbit.publish import written
from flowctl.broker.rabbit.read import read, shown
from flowctl.model.traffic import Message, Outgoing
from tests.inbox import message


def delivered(properties: BasicProperties, body: bytes = b"1") -> Delivery | Broken:
    method = Basic.Deliver("tag", 7, redelivered=True, exchange="", routing_key="q")
    return read(3, "q", wire.delivered(1, method, properties, body))


def sent(one: Message) -> BasicProperties:
    (item,), _ = written([Outgoing(queue="q", message=one)])
    assert isinstance(item.properties, dict)
    return BasicProperties(**item.properties)


def test_what_was_sent_is_what_is_read() -> None:
    one = message(attempt=2, hops=1, extra={"mine": "x"})
    found = delivered(sent(one))
    assert isinstance(found, Delivery)
    assert found.message == one
    assert (found.tag, found.queue, found.redelivered) == ((3, 7), "q", True)


def test_deliveries_are_counted_as_the_broker_counts_them() -> None:
    found = delivered(BasicProperties(headers={"x-delivery-count": 4}))
    assert isinstance(found, Delivery)
    assert found.deliveries == 4


def test_what_is_none_of_ours_stays_raw() -> None:
    found = delivered(BasicProperties(headers={"x-fc-hops": "many"}), b"{")
    assert isinstance(found, Broken)
    assert (found.body, found.tag) == (b"{", (3, 7))
    assert "x-fc-hops" in found.reason


def test_what_expired_says_so_unless_it_says_why_itself() -> None:
    death = {"x-first-death-queue": "old", "x-first-death-reason": "expired"}
    assert shown(BasicProperties(headers=death), b"").reason == "expired"
    assert shown(BasicProperties(headers=death), b"").origin == "old"
    kept = shown(BasicProperties(headers={**death, "x-fc-reason": "mine"}), b"")
    assert (kept.reason, kept.extra) == ("mine", {})
