"""Replacing a queue on a real RabbitMQ: only while nobody uses it, and without losing a message."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from flowctl.broker.base import Broker, QueueSpec
from flowctl.broker.connect import open_broker
from flowctl.errors import QueueMismatch
from flowctl.model.ids import CallId, RunId
from flowctl.model.traffic import Message, Outgoing
from schedulerd.replace import bring_back, exchange, left_aside
from tests.cluster import until

pytestmark = [pytest.mark.rabbit, pytest.mark.slow]


@pytest.fixture
def broker(rabbit_url: str) -> Iterator[Broker]:
    opened = open_broker(rabbit_url, name="replacement")
    yield opened
    opened.close()


@pytest.fixture
def queue(broker: Broker) -> str:
    name = f"shop.parse.{uuid.uuid4().hex}"
    broker.declare([QueueSpec(name=name)])
    broker.publish(
        [
            Outgoing(queue=name, message=Message(id=CallId(f"c{n}"), run_id=RunId("r"), body=b"1"))
            for n in range(20)
        ]
    )
    return name


def ids(broker: Broker, queue: str) -> list[str]:
    return sorted(message.id for message in broker.peek(queue))


def test_arguments_change_and_messages_stay(broker: Broker, queue: str) -> None:
    wanted = QueueSpec(name=queue, max_length=1000)
    with pytest.raises(QueueMismatch):
        broker.declare([wanted])
    exchange(broker, wanted, atomic=False)
    assert left_aside(broker, [queue]) == {queue}
    until(lambda: bring_back(broker, queue), "all is back")
    broker.declare([wanted])
    assert ids(broker, queue) == sorted(f"c{n}" for n in range(20))


def test_a_queue_with_consumers_is_left_alone(broker: Broker, queue: str) -> None:
    wanted = QueueSpec(name=queue, max_length=1000)
    subscription = broker.consume([queue], prefetch=1, on_delivery=lambda _: None)
    until(lambda: broker.depth([queue])[queue].consumers, "a consumer")
    with pytest.raises(QueueMismatch, match="in use"):
        exchange(broker, wanted, atomic=False)
    subscription.close()
    until(lambda: not broker.depth([queue])[queue].consumers, "no consumer")
    assert left_aside(broker, [queue]) == set()
    assert ids(broker, queue) == sorted(f"c{n}" for n in range(20))
