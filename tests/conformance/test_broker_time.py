"""Delayed messages come when they are due and not before; what is too old goes to the dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable

from flowctl.broker.base import Broker, QueueSpec
from tests.inbox import consuming, depth, outgoing, publish, until, until_ready

Name = Callable[[str], str]


def test_a_delayed_message_does_not_come_before_its_time(broker: Broker, queue: str) -> None:
    with consuming(broker, queue, ack=True) as inbox:
        sent = time.monotonic()
        broker.publish([outgoing(queue, "late", delay=0.5), outgoing(queue, "now")])
        inbox.wait_body("now")
        inbox.wait_body("late")
        assert time.monotonic() - sent >= 0.5
    assert inbox.bodies() == ["now", "late"]


def test_delayed_messages_come_in_the_order_of_their_times(broker: Broker, queue: str) -> None:
    delays = {"third": 1.2, "first": 0.2, "second": 0.6}
    with consuming(broker, queue, ack=True) as inbox:
        broker.publish([outgoing(queue, body, delay=delay) for body, delay in delays.items()])
        inbox.wait(3)
    assert inbox.bodies() == ["first", "second", "third"]


def test_a_delayed_message_is_not_ready(broker: Broker, queue: str) -> None:
    broker.publish([outgoing(queue, delay=30.0)])
    assert broker.depth([queue])[queue].ready == 0
    assert broker.peek(queue) == []
    assert broker.purge(queue) == 0


def test_a_delayed_message_wakes_a_consumer_elsewhere(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker, other = connect(), connect()
    broker.declare([QueueSpec(name=name("q"))])
    with consuming(other, name("q"), ack=True) as inbox:
        broker.publish([outgoing(name("q"), delay=0.3)])
        inbox.wait(1)


def test_a_delayed_message_outlives_its_publisher(
    connect: Callable[[], Broker], name: Name
) -> None:
    first = connect()
    first.declare([QueueSpec(name=name("q"))])
    first.publish([outgoing(name("q"), delay=0.5)])
    first.close()
    second = connect()
    until_ready(second, name("q"), 1)


def test_many_delayed_messages_come_each_once(broker: Broker, queue: str) -> None:
    with consuming(broker, queue, ack=True) as inbox:
        broker.publish([outgoing(queue, str(n), delay=0.1 + n / 1000) for n in range(300)])
        inbox.wait(300)
    assert sorted(inbox.bodies(), key=int) == [str(number) for number in range(300)]


def test_an_expired_message_goes_to_the_dead_letters(broker: Broker, name: Name) -> None:
    spec = QueueSpec(name=name("q"), ttl=0.3, dead_letter=name("q.dead"))
    broker.declare([QueueSpec(name=spec.dead_letter), spec])
    broker.publish([outgoing(spec.name, "x")])
    until_ready(broker, spec.dead_letter, 1)
    broker.publish([outgoing(spec.name, "y"), outgoing(spec.name, "z")])
    until_ready(broker, spec.dead_letter, 3)
    until_ready(broker, spec.name, 0)
    dead = broker.peek(spec.dead_letter)
    assert [one.body for one in dead] == [b"x", b"y", b"z"]
    assert {(one.reason, one.origin) for one in dead} == {("expired", spec.name)}


def test_what_is_taken_in_time_does_not_expire(broker: Broker, name: Name) -> None:
    spec = QueueSpec(name=name("q"), ttl=0.5, dead_letter=name("q.dead"))
    watch = QueueSpec(name=name("watch"), ttl=0.5, dead_letter=name("watch.dead"))
    broker.declare([QueueSpec(name=one.dead_letter) for one in (spec, watch)] + [spec, watch])
    with consuming(broker, spec.name) as inbox:
        publish(broker, spec.name, 1)
        inbox.wait(1)
        # A younger one elsewhere shows when the time of the first is over.
        publish(broker, watch.name, 1)
        until_ready(broker, watch.dead_letter, 1)
        inbox.ack_all()
        until(lambda: depth(broker, spec.name).unacked == 0)
    until_ready(broker, spec.name, 0)
    assert broker.peek(spec.dead_letter) == []


def test_a_consumer_of_the_dead_letters_is_woken(connect: Callable[[], Broker], name: Name) -> None:
    broker, other = connect(), connect()
    spec = QueueSpec(name=name("q"), ttl=0.3, dead_letter=name("q.dead"))
    broker.declare([QueueSpec(name=spec.dead_letter), spec])
    with consuming(other, spec.dead_letter, ack=True) as inbox:
        publish(broker, spec.name, 2)
        inbox.wait(2)
    assert inbox.all[0].message.reason == "expired"
