"""What is delivered belongs to one consumer until it is acknowledged or given back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowctl.broker.base import Broken, Broker, Delivery, QueueSpec
from flowctl.errors import NotFound
from tests.inbox import Inbox, consuming, depth, outgoing, publish, until, until_ready

Name = Callable[[str], str]


def test_no_more_is_delivered_than_the_window_holds(broker: Broker, queue: str) -> None:
    bodies = publish(broker, queue, 10)
    with consuming(broker, queue, prefetch=4) as inbox:
        inbox.wait(4)
        until_ready(broker, queue, 6)
        assert depth(broker, queue).unacked == 4
        assert inbox.bodies() == bodies[:4]


def test_each_ack_makes_room_for_one_more(broker: Broker, queue: str) -> None:
    bodies = publish(broker, queue, 10)
    with consuming(broker, queue, prefetch=4) as inbox:
        first = inbox.wait(4)
        assert inbox.subscription
        inbox.subscription.ack([first[1].tag])
        inbox.wait(5)
        until_ready(broker, queue, 5)
        inbox.ack_all()
        inbox.wait(9)
        assert inbox.bodies() == bodies[:9]


def test_acknowledged_messages_are_gone(connect: Callable[[], Broker], name: Name) -> None:
    broker = connect()
    broker.declare([QueueSpec(name=name("q"))])
    publish(broker, name("q"), 20)
    with consuming(broker, name("q"), ack=True) as inbox:
        inbox.wait(20)
    broker.close()
    assert depth(connect(), name("q")).ready == 0


def test_a_wider_window_lets_more_in_and_zero_stops_the_flow(broker: Broker, queue: str) -> None:
    publish(broker, queue, 10)
    with consuming(broker, queue, prefetch=2) as inbox:
        inbox.wait(2)
        assert inbox.subscription
        inbox.subscription.window(5)
        inbox.wait(5)
        inbox.subscription.window(0)
        inbox.ack_all()
        until(lambda: depth(broker, queue).unacked == 0)
        until_ready(broker, queue, 5)
        inbox.subscription.window(3)
        inbox.wait(8)


def test_a_window_of_zero_takes_nothing_at_the_beginning(broker: Broker, queue: str) -> None:
    publish(broker, queue, 3)
    with consuming(broker, queue, prefetch=0) as inbox:
        assert inbox.subscription
        inbox.subscription.window(3)
        assert [one.redelivered for one in inbox.wait(3)] == [False] * 3


def test_what_is_given_back_comes_again_flagged(broker: Broker, queue: str) -> None:
    publish(broker, queue, 1)
    with consuming(broker, queue) as inbox:
        assert inbox.subscription
        (first,) = inbox.wait(1)
        inbox.subscription.nack([first.tag])
        _, again = inbox.wait(2)
    assert not first.redelivered
    assert again.redelivered
    assert again.deliveries > first.deliveries
    assert again.message == first.message


def test_what_is_given_back_keeps_its_place(broker: Broker, queue: str) -> None:
    bodies = publish(broker, queue, 5)
    with consuming(broker, queue, prefetch=2) as inbox:
        inbox.wait(2)
    until_ready(broker, queue, 5)
    assert [one.body.decode() for one in broker.peek(queue)] == bodies


def test_closing_gives_back_what_was_not_acknowledged(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker = connect()
    broker.declare([QueueSpec(name=name("q"))])
    publish(broker, name("q"), 4)
    with consuming(broker, name("q")) as inbox:
        first = inbox.wait(4)
        assert inbox.subscription
        inbox.subscription.ack([first[0].tag, first[2].tag])
    with consuming(connect(), name("q")) as inbox:
        assert [one.redelivered for one in inbox.wait(2)] == [True, True]
        assert inbox.bodies() == ["1", "3"]


def test_closing_the_broker_gives_back_as_well(connect: Callable[[], Broker], name: Name) -> None:
    broker, other = connect(), connect()
    broker.declare([QueueSpec(name=name("q"))])
    publish(broker, name("q"), 3)
    inbox = Inbox()
    inbox.attach(broker.consume([name("q")], prefetch=9, on_delivery=inbox.on_delivery))
    inbox.wait(3)
    broker.close()
    until_ready(other, name("q"), 3)


def test_no_callback_comes_after_closing(broker: Broker, queue: str) -> None:
    publish(broker, queue, 100)
    with consuming(broker, queue, prefetch=1, ack=True) as inbox:
        inbox.wait(10)
    seen = len(inbox.all)
    with consuming(broker, queue, ack=True) as other:
        other.wait_body("99")
    assert len(inbox.all) == seen
    assert set(inbox.bodies()) | set(other.bodies()) == {str(n) for n in range(100)}


def test_two_consumers_share_and_get_nothing_twice(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker = connect()
    broker.declare([QueueSpec(name=name("q"))])
    with (
        consuming(connect(), name("q"), prefetch=5, ack=True) as one,
        consuming(connect(), name("q"), prefetch=5, ack=True) as two,
    ):
        bodies = publish(broker, name("q"), 300)
        until(lambda: len(one.all) + len(two.all) >= 300)
        until(lambda: depth(broker, name("q")).ready == 0)
    assert sorted(one.bodies() + two.bodies()) == sorted(bodies)


def test_consumers_are_counted(broker: Broker, queue: str) -> None:
    assert depth(broker, queue).consumers == 0
    with consuming(broker, queue), consuming(broker, queue):
        until(lambda: depth(broker, queue).consumers == 2)
    until(lambda: depth(broker, queue).consumers == 0)


def test_every_queue_of_a_subscription_gets_its_turn(broker: Broker, name: Name) -> None:
    queues = [name(str(number)) for number in range(4)]
    broker.declare([QueueSpec(name=queue) for queue in queues])
    for queue in queues:
        publish(broker, queue, 100)
    with consuming(broker, *queues, prefetch=8, ack=True) as inbox:
        first = inbox.wait(400)[:200]
    shares = [sum(one.queue == queue for one in first) for queue in queues]
    assert min(shares) >= 10, shares


def test_a_long_queue_does_not_starve_a_short_one(broker: Broker, name: Name) -> None:
    long, short = name("long"), name("short")
    broker.declare([QueueSpec(name=long), QueueSpec(name=short)])
    publish(broker, long, 500)
    with consuming(broker, long, short, prefetch=4) as inbox:
        inbox.wait(3)
        broker.publish([outgoing(short, "hurry")])
        assert inbox.subscription
        acked = 0
        while "hurry" not in inbox.bodies():
            fresh = inbox.wait(acked + 1)[acked:]
            acked += len(fresh)
            inbox.subscription.ack([one.tag for one in fresh])
            assert acked < 250


def test_queues_can_be_added_and_dropped(broker: Broker, name: Name) -> None:
    one, two = name("one"), name("two")
    broker.declare([QueueSpec(name=one), QueueSpec(name=two)])
    publish(broker, two, 1)
    with consuming(broker, one) as inbox:
        assert inbox.subscription
        inbox.subscription.add([two])
        (delivery,) = inbox.wait(1)
        inbox.subscription.drop([two])
        # What was delivered before is still ours.
        inbox.subscription.ack([delivery.tag])
        until(lambda: depth(broker, two).consumers == 0)
        publish(broker, two, 1, start=1)
        publish(broker, one, 1, start=2)
        inbox.wait_body("2")
        until_ready(broker, two, 1)
    until_ready(broker, two, 1)
    assert inbox.bodies() == ["0", "2"]


def test_adding_twice_and_dropping_what_is_not_there_is_nothing(
    broker: Broker, queue: str, name: Name
) -> None:
    with consuming(broker, queue) as inbox:
        assert inbox.subscription
        inbox.subscription.add([queue])
        inbox.subscription.drop([name("never")])
        publish(broker, queue, 3)
        inbox.wait(3)
        until(lambda: depth(broker, queue).consumers == 1)


def test_an_added_queue_that_is_missing_is_found_when_it_comes(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker, other = connect(), connect()
    broker.declare([QueueSpec(name=name("first"))])
    with consuming(broker, name("first"), ack=True) as inbox:
        assert inbox.subscription
        inbox.subscription.add([name("later")])
        publish(broker, name("first"), 1)
        inbox.wait_body("0")
        other.declare([QueueSpec(name=name("later"))])
        publish(other, name("later"), 1, start=7)
        assert inbox.wait_body("7").queue == name("later")


def test_consuming_an_unknown_queue_is_an_error(broker: Broker, name: Name) -> None:
    with pytest.raises(NotFound):
        broker.consume([name("nowhere")], prefetch=1, on_delivery=lambda _: None)


def test_acks_of_what_is_not_held_are_ignored(broker: Broker, queue: str) -> None:
    publish(broker, queue, 2)
    with consuming(broker, queue) as inbox:
        assert inbox.subscription
        first, second = inbox.wait(2)
        inbox.subscription.ack([first.tag])
        inbox.subscription.ack([first.tag, first.tag])
        inbox.subscription.nack([first.tag])
        inbox.subscription.ack([(first.tag[0] + 5, second.tag[1]), (0, 0), (first.tag[0], 10**9)])
        inbox.subscription.ack([])
        publish(broker, queue, 1, start=2)
        inbox.wait(3)
        assert depth(broker, queue).unacked == 2
    until_ready(broker, queue, 2)


def test_acks_may_come_from_any_thread(broker: Broker, queue: str) -> None:
    publish(broker, queue, 200)
    with consuming(broker, queue, prefetch=50) as inbox, ThreadPoolExecutor(4) as pool:
        subscription = inbox.subscription
        assert subscription
        done = 0
        while done < 200:
            fresh = inbox.wait(done + 1)[done:]
            done += len(fresh)
            list(pool.map(lambda one: subscription.ack([one.tag]), fresh))
        until(lambda: depth(broker, queue).unacked == 0)
    assert depth(broker, queue).ready == 0
    assert len(set(inbox.bodies())) == 200


def test_acks_may_come_from_within_the_callback(broker: Broker, queue: str) -> None:
    with consuming(broker, queue, prefetch=1, ack=True) as inbox:
        bodies = publish(broker, queue, 30)
        inbox.wait(30)
    assert inbox.bodies() == bodies


def test_one_broker_serves_several_subscriptions(broker: Broker, name: Name) -> None:
    one, two = name("one"), name("two")
    broker.declare([QueueSpec(name=one), QueueSpec(name=two)])
    with consuming(broker, one, prefetch=1) as first, consuming(broker, two, prefetch=3) as second:
        publish(broker, one, 5)
        publish(broker, two, 5)
        first.wait(1)
        second.wait(3)
        second.ack_all()
        second.wait(5)
        # The one that is full does not hold up the other.
        assert len(first.all) == 1


def test_publishing_from_another_thread_wakes_a_sleeping_consumer(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker, other = connect(), connect()
    broker.declare([QueueSpec(name=name("q"))])
    with consuming(broker, name("q"), ack=True) as inbox:
        for number in range(20):
            publish(other, name("q"), 1, start=number)
            inbox.wait(number + 1)
    assert len(inbox.all) == 20


def test_a_failing_callback_does_not_end_the_flow(broker: Broker, queue: str) -> None:
    inbox, failed = Inbox(), threading.Event()

    def on_delivery(batch: list[Delivery | Broken]) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a mistake in a callback")
        inbox.on_delivery(batch)

    subscription = broker.consume([queue], prefetch=10, on_delivery=on_delivery)
    publish(broker, queue, 1)
    assert failed.wait(20)
    publish(broker, queue, 1, start=1)
    inbox.wait_body("1")
    subscription.close()
    until_ready(broker, queue, 2)
