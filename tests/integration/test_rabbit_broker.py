"""What only RabbitMQ does: its topology, its errors, its windows. What both do is in conformance."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from flowctl.broker.base import QueueSpec
from flowctl.broker.rabbit.broker import RabbitBroker
from flowctl.broker.rabbit.terms import LOST, delay_level
from flowctl.errors import BrokerUnavailable, NotFound, PublishFailed, QueueMismatch
from flowctl.model.ids import new_id
from flowctl.model.traffic import Outgoing
from tests.inbox import Inbox, message, outgoing, until, until_ready
from tests.servers.rabbitmq import PASSWORD

pytestmark = pytest.mark.rabbit


@pytest.fixture
def broker(rabbit_url: str) -> Iterator[RabbitBroker]:
    broker = RabbitBroker(rabbit_url, name="test")
    yield broker
    broker.close()


@pytest.fixture
def queue(broker: RabbitBroker) -> Iterator[str]:
    name = f"test.{new_id()[:10]}"
    broker.declare([QueueSpec(name=name)])
    yield name
    broker.delete(name, if_empty=False)


@pytest.fixture
def raw(rabbit_url: str) -> Iterator[Any]:
    """A channel of plain pika: the foreign client."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbit_url))
    yield connection.channel()
    connection.close()


def ready(broker: RabbitBroker, name: str) -> int:
    return broker.depth([name])[name].ready


def tags(inbox: Inbox) -> list[tuple[int, int]]:
    return [delivery.tag for delivery in inbox.all]


def ids(inbox: Inbox) -> list[str]:
    return [delivery.message.id for delivery in inbox.all]


def test_it_says_what_it_is_without_the_password(broker: RabbitBroker) -> None:
    line = broker.check()
    assert line.startswith("RabbitMQ 3.")
    assert "cluster flowctl-tests" in line
    assert PASSWORD not in line


def test_a_classic_queue_in_the_way_is_told_with_the_way_out(
    broker: RabbitBroker, raw: Any
) -> None:
    name = f"test.classic.{new_id()[:8]}"
    raw.queue_declare(name, durable=True)
    with pytest.raises(QueueMismatch, match="x-queue-type") as caught:
        broker.declare([QueueSpec(name=name)])
    assert "delete" in caught.value.remedy
    assert broker.check()
    raw.queue_delete(name)


def test_another_length_is_a_mismatch(broker: RabbitBroker, queue: str) -> None:
    with pytest.raises(QueueMismatch, match="x-max-length"):
        broker.declare([QueueSpec(name=queue, max_length=3)])


def test_a_wrong_password_is_told_at_once_and_never_repeated(
    rabbit_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wrong-canary-77"
    broker = RabbitBroker(rabbit_url.replace(PASSWORD, wrong))
    try:
        with pytest.raises(BrokerUnavailable) as caught:
            broker.check()
        assert "password" in caught.value.remedy
        with pytest.raises(BrokerUnavailable, match="refused the user or the password"):
            broker.publish([outgoing("q")])
    finally:
        broker.close()
    assert wrong not in caplog.text
    assert wrong not in str(caught.value)


def test_a_broker_that_is_not_there_is_unavailable_within_the_timeout() -> None:
    broker = RabbitBroker("amqp://me:x@127.0.0.1:1/")
    try:
        with pytest.raises(BrokerUnavailable, match="refused"):
            broker.publish([outgoing("q")], timeout=0.5)
    finally:
        broker.close()


def test_a_failed_question_hurts_no_consumer_and_no_publisher(
    broker: RabbitBroker, queue: str
) -> None:
    inbox = Inbox()
    subscription = broker.consume(
        [queue], prefetch=5, on_delivery=inbox.on_delivery, on_state=inbox.on_state
    )
    with pytest.raises(NotFound):
        broker.peek("no-such-queue")
    with pytest.raises(NotFound):
        broker.purge("no-such-queue")
    assert broker.depth(["no-such-queue", queue]).keys() == {queue}
    broker.publish([outgoing(queue)])
    inbox.wait(1)
    assert inbox.states == []
    subscription.close()


def test_consuming_what_is_not_there_is_an_error(broker: RabbitBroker) -> None:
    with pytest.raises(NotFound, match="no-such-queue"):
        broker.consume(["no-such-queue"], prefetch=1, on_delivery=Inbox().on_delivery)


def test_a_delay_needs_a_queue_that_is_there(broker: RabbitBroker, queue: str) -> None:
    missing, present = outgoing("no-such-queue", delay=0.1), outgoing(queue, delay=0.1)
    with pytest.raises(PublishFailed) as caught:
        broker.publish([missing, present])
    assert caught.value.reasons == {missing.message.id: "unroutable"}
    until_ready(broker, queue, 1)


def test_a_queue_made_by_somebody_else_takes_delayed_messages(
    broker: RabbitBroker, raw: Any
) -> None:
    name = f"test.foreign.{new_id()[:8]}"
    raw.queue_declare(name, durable=True)
    broker.publish([outgoing(name, delay=0.1)])
    until_ready(broker, name, 1)
    raw.queue_delete(name)


def test_delayed_messages_of_a_deleted_queue_hold_up_nobody(
    broker: RabbitBroker, queue: str
) -> None:
    """With at-least-once dead letters, 32 that cannot be routed would stop their whole level."""
    doomed = f"test.doomed.{new_id()[:8]}"
    broker.declare([QueueSpec(name=doomed)])
    broker.publish([outgoing(queue, delay=0.7)])
    broker.publish([outgoing(doomed, delay=0.7) for _ in range(50)])
    assert broker.delete(doomed)
    broker.publish([outgoing(queue, delay=0.7)])
    until_ready(broker, queue, 2)
    until(lambda: ready(broker, LOST) >= 50)
    broker.purge(LOST)


def test_a_delayed_message_carries_no_traces_of_its_wait(broker: RabbitBroker, queue: str) -> None:
    sent = message(extra={"mine": "kept"}, attempt=3)
    broker.publish([Outgoing(queue=queue, message=sent, delay=0.1)])
    until_ready(broker, queue, 1)
    assert broker.peek(queue) == [sent]


def test_the_same_wait_shares_one_level(broker: RabbitBroker, queue: str) -> None:
    assert delay_level(0.65) == delay_level(0.7)
    broker.publish([outgoing(queue, delay=0.65), outgoing(queue, delay=0.7)])
    assert broker.depth([f"flowctl.delay.{delay_level(0.7)}"])
    until_ready(broker, queue, 2)


def test_what_expired_says_why_and_where_it_was(broker: RabbitBroker) -> None:
    name = f"test.short.{new_id()[:8]}"
    broker.declare([QueueSpec(name=name + ".dead")])
    broker.declare([QueueSpec(name=name, ttl=0.1, dead_letter=name + ".dead")])
    broker.publish([outgoing(name)])
    until_ready(broker, name + ".dead", 1)
    (dead,) = broker.peek(name + ".dead")
    assert (dead.reason, dead.origin, dead.extra) == ("expired", name, {})
    for one in (name, name + ".dead"):
        broker.delete(one, if_empty=False)


def test_looking_keeps_the_order_and_flags_what_was_seen(broker: RabbitBroker, queue: str) -> None:
    sent = [outgoing(queue) for _ in range(10)]
    broker.publish(sent)
    for _ in range(2):
        seen = broker.peek(queue, limit=4, offset=2)
        assert [m.id for m in seen] == [o.message.id for o in sent[2:6]]
    assert broker.remove(queue, sent[3].message.id)
    assert not broker.remove(queue, sent[3].message.id)
    left = [o.message.id for o in sent if o is not sent[3]]
    assert [m.id for m in broker.peek(queue)] == left
    inbox = Inbox()
    subscription = broker.consume([queue], prefetch=20, on_delivery=inbox.on_delivery)
    inbox.wait(9)
    assert ids(inbox) == left
    assert inbox.all[0].redelivered
    subscription.close()


def test_a_move_that_fails_leaves_all_where_they_are(broker: RabbitBroker, queue: str) -> None:
    sent = [outgoing(queue) for _ in range(5)]
    broker.publish(sent)
    with pytest.raises(PublishFailed):
        broker.move(queue, "no-such-queue")
    until(lambda: [m.id for m in broker.peek(queue)] == [o.message.id for o in sent])


def test_a_move_of_many_goes_in_order(broker: RabbitBroker, queue: str) -> None:
    target = queue + ".target"
    broker.declare([QueueSpec(name=target)])
    sent = [outgoing(queue) for _ in range(230)]
    broker.publish(sent)
    assert broker.move(queue, target) == 230
    moved = broker.peek(target, limit=300)
    assert [m.id for m in moved] == [o.message.id for o in sent]
    assert all(m.again for m in moved)
    broker.delete(target, if_empty=False)


def test_a_message_that_is_none_of_ours_is_handed_over_raw(
    broker: RabbitBroker, queue: str, raw: Any
) -> None:
    bad = pika.BasicProperties(message_id="bad", headers={"x-fc-attempt": "three"})
    raw.basic_publish("", queue, b"{", bad)
    raw.basic_publish("", queue, b"7")
    inbox = Inbox()
    subscription = broker.consume([queue], prefetch=5, on_delivery=inbox.on_delivery)
    until(lambda: bool(inbox.broken and inbox.all))
    assert (inbox.broken[0].queue, inbox.broken[0].body) == (queue, b"{")
    assert "x-fc-attempt" in inbox.broken[0].reason
    assert inbox.all[0].message.body == b"7"
    subscription.ack([inbox.broken[0].tag, *tags(inbox)])
    until(lambda: broker.depth([queue])[queue].unacked == 0)
    subscription.close()
    until_ready(broker, queue, 0)


def test_a_busy_queue_gets_the_whole_window(broker: RabbitBroker, queue: str) -> None:
    others = [f"{queue}.{n}" for n in range(3)]
    broker.declare([QueueSpec(name=name) for name in others])
    inbox = Inbox()
    subscription = broker.consume([queue, *others], prefetch=8, on_delivery=inbox.on_delivery)
    broker.publish([outgoing(queue) for _ in range(20)])
    inbox.wait(8)
    broker.publish([outgoing(name) for name in others for _ in range(20)])
    until(lambda: sum(d.ready for d in broker.depth([queue, *others]).values()) >= 60)
    assert len(inbox.all) == 8
    subscription.close()
    for name in others:
        broker.delete(name, if_empty=False)


def test_all_busy_queues_get_a_share(broker: RabbitBroker, queue: str) -> None:
    others = [f"{queue}.{n}" for n in range(3)]
    broker.declare([QueueSpec(name=name) for name in others])
    broker.publish([outgoing(name) for name in [queue, *others] for _ in range(20)])
    inbox = Inbox()
    subscription = broker.consume([queue, *others], prefetch=8, on_delivery=inbox.on_delivery)
    acked = 0
    while acked < 80:
        inbox.wait(acked + 1)
        fresh = tags(inbox)[acked:]
        assert len(fresh) <= 8
        subscription.ack(fresh)
        acked += len(fresh)
    assert len(set(ids(inbox))) == 80
    subscription.close()
    for name in others:
        broker.delete(name, if_empty=False)


def test_a_deleted_queue_comes_back_and_goes_on(broker: RabbitBroker, queue: str, raw: Any) -> None:
    inbox = Inbox()
    subscription = broker.consume(
        [queue], prefetch=5, on_delivery=inbox.on_delivery, on_state=inbox.on_state
    )
    broker.publish([outgoing(queue)])
    inbox.wait(1)
    raw.queue_delete(queue)
    until(lambda: bool(inbox.states))
    assert inbox.states[0][0]
    assert queue in inbox.states[0][1]
    subscription.ack(tags(inbox))
    broker.publish([outgoing(queue)])
    inbox.wait(2)
    subscription.ack(tags(inbox)[1:])
    until(lambda: broker.depth([queue])[queue].unacked == 0)
    assert len(inbox.states) == 1
    subscription.close()


def test_a_dropped_queue_gives_back_and_its_acks_still_count(
    broker: RabbitBroker, queue: str
) -> None:
    other = queue + ".other"
    broker.declare([QueueSpec(name=other)])
    broker.publish([outgoing(queue), outgoing(other)])
    inbox = Inbox()
    subscription = broker.consume([queue, other], prefetch=5, on_delivery=inbox.on_delivery)
    inbox.wait(2)
    subscription.drop([queue])
    broker.publish([outgoing(queue), outgoing(other)])
    inbox.wait(3)
    subscription.ack(tags(inbox))
    subscription.close()
    until_ready(broker, queue, 1)
    until(lambda: broker.delete(other))


def test_after_close_it_says_so(rabbit_url: str) -> None:
    broker = RabbitBroker(rabbit_url)
    broker.check()
    broker.close()
    broker.close()
    with pytest.raises(BrokerUnavailable, match="closed"):
        broker.publish([outgoing("q")])


def test_a_window_that_grows_and_shrinks_never_hoards(broker: RabbitBroker, queue: str) -> None:
    broker.publish([outgoing(queue) for _ in range(40)])
    inbox = Inbox()
    subscription = broker.consume([queue], prefetch=3, on_delivery=inbox.on_delivery)
    inbox.wait(3)
    for window in (4, 5, 12, 5, 2, 6):
        subscription.window(window)
    subscription.window(12)
    inbox.wait(12)
    until_ready(broker, queue, 28)
    subscription.window(2)
    subscription.ack(tags(inbox)[:12])
    inbox.wait(14)
    # What was on its way when the window shrank is held here, and handed on by nobody else's leave.
    assert broker.depth([queue])[queue].unacked <= 2 + 3
    assert len(inbox.all) == 14
    subscription.window(0)
    until(lambda: broker.depth([queue])[queue].unacked == 2)
    subscription.close()


def test_consuming_nothing_waits_for_queues_to_come(broker: RabbitBroker, queue: str) -> None:
    inbox = Inbox()
    subscription = broker.consume([], prefetch=3, on_delivery=inbox.on_delivery)
    broker.publish([outgoing(queue)])
    subscription.add([queue])
    inbox.wait(1)
    subscription.close()


def test_a_queue_that_is_added_before_it_exists_is_found_later(broker: RabbitBroker) -> None:
    late = f"test.late.{new_id()[:8]}"
    inbox = Inbox()
    subscription = broker.consume(
        [], prefetch=3, on_delivery=inbox.on_delivery, on_state=inbox.on_state
    )
    subscription.add([late])
    assert late in inbox.wait_state(True)
    broker.declare([QueueSpec(name=late)])
    broker.publish([outgoing(late)])
    inbox.wait(1)
    subscription.close()
    broker.delete(late, if_empty=False)
