from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.broker.base import Broker, QueueSpec
from flowctl.broker.connect import open_broker
from flowctl.errors import QueueMismatch
from flowctl.model.ids import CallId, RunId
from flowctl.model.traffic import Message, Outgoing
from schedulerd.replace import ASIDE, bring_back, exchange, left_aside
from tests.cluster import until

OLD = QueueSpec(name="shop.parse.rows")
NEW = QueueSpec(name="shop.parse.rows", max_length=100)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    opened = open_broker(f"embedded:///{tmp_path}/broker.db", name="test")
    yield opened
    opened.close()


def fill(broker, count=5):
    broker.declare([OLD])
    broker.publish(
        [
            Outgoing(
                queue=OLD.name, message=Message(id=CallId(f"c{n}"), run_id=RunId("r"), body=b"1")
            )
            for n in range(count)
        ]
    )


def ids(broker, queue=OLD.name):
    return [message.id for message in broker.peek(queue)]


def test_arguments_change_and_messages_stay(broker):
    fill(broker)
    with pytest.raises(QueueMismatch):
        broker.declare([NEW])
    exchange(broker, NEW, atomic=True)
    assert left_aside(broker, [OLD.name, "other"]) == {OLD.name}
    assert bring_back(broker, OLD.name)
    broker.declare([NEW])
    assert ids(broker) == ["c0", "c1", "c2", "c3", "c4"]
    assert OLD.name + ASIDE not in broker.queues()


def test_a_queue_that_is_worked_on_is_not_replaced(broker):
    fill(broker, 2)
    held = []
    subscription = broker.consume([OLD.name], prefetch=1, on_delivery=held.extend)
    until(lambda: held, "a delivery")
    with pytest.raises(QueueMismatch, match="in use"):
        exchange(broker, NEW, atomic=True)
    assert bring_back(broker, OLD.name)
    subscription.close()
    exchange(broker, NEW, atomic=True)
    assert bring_back(broker, OLD.name)
    assert sorted(ids(broker)) == ["c0", "c1"]


def test_without_an_atomic_delete_nobody_may_consume(broker):
    fill(broker, 0)
    subscription = broker.consume([OLD.name], prefetch=1, on_delivery=lambda _: None)
    until(lambda: broker.depth([OLD.name])[OLD.name].consumers, "a consumer")
    with pytest.raises(QueueMismatch, match="in use"):
        exchange(broker, NEW, atomic=False)
    subscription.close()
    until(lambda: not broker.depth([OLD.name])[OLD.name].consumers, "no consumer")
    exchange(broker, NEW, atomic=False)
    broker.declare([NEW])


def test_what_a_crash_left_aside_comes_back(broker):
    fill(broker, 3)
    broker.declare([QueueSpec(name=OLD.name + ASIDE)])
    broker.move(OLD.name, OLD.name + ASIDE, limit=2)
    assert left_aside(broker, [OLD.name]) == {OLD.name}
    assert bring_back(broker, OLD.name)
    assert sorted(ids(broker)) == ["c0", "c1", "c2"]
    assert bring_back(broker, OLD.name)


def test_what_does_not_fit_waits_aside(broker):
    fill(broker, 3)
    small = QueueSpec(name=OLD.name, max_length=2)
    exchange(broker, small, atomic=True)
    assert not bring_back(broker, OLD.name)
    assert (len(ids(broker)), len(ids(broker, OLD.name + ASIDE))) == (2, 1)
