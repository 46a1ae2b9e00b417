"""Queues are what they were declared to be, and can be looked into, mended and emptied."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowctl.broker.base import Broker, QueueSpec
from flowctl.errors import NotFound, PublishFailed, QueueMismatch
from flowctl.model.traffic import Outgoing
from tests.inbox import Inbox, consuming, depth, message, outgoing, publish, until, until_ready

Name = Callable[[str], str]


def bodies(broker: Broker, queue: str) -> list[str]:
    return [one.body.decode() for one in broker.peek(queue, limit=1000)]


def test_declaring_again_changes_nothing(connect: Callable[[], Broker], name: Name) -> None:
    spec = QueueSpec(name=name("q"), ttl=60, max_length=10, dead_letter=name("dead"))
    first, second = connect(), connect()
    first.declare([QueueSpec(name=name("dead")), spec])
    publish(first, spec.name, 3)
    second.declare([spec, spec])
    assert bodies(second, spec.name) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "change", [{"ttl": 61.0}, {"max_length": 11}, {"dead_letter": "elsewhere"}], ids=str
)
def test_other_arguments_are_an_error_with_a_way_out(
    connect: Callable[[], Broker], name: Name, change: dict[str, object]
) -> None:
    first, second = connect(), connect()
    fields = {"ttl": 60.0, "max_length": 10, "dead_letter": name("dead")}
    first.declare([QueueSpec(name=name("q"), **fields)])  # type: ignore[arg-type]
    publish(first, name("q"), 1)
    with pytest.raises(QueueMismatch) as failure:
        second.declare([QueueSpec(name=name("q"), **(fields | change))])  # type: ignore[arg-type]
    assert name("q") in failure.value.message
    assert "move" in failure.value.remedy
    assert "delete" in failure.value.remedy
    # Neither the queue nor the connection came to harm.
    assert bodies(second, name("q")) == ["0"]


def test_one_with_other_arguments_does_not_keep_the_others_away(
    connect: Callable[[], Broker], name: Name
) -> None:
    first, second = connect(), connect()
    first.declare([QueueSpec(name=name("q"), max_length=10)])
    with pytest.raises(QueueMismatch):
        second.declare([QueueSpec(name=name("q")), QueueSpec(name=name("next"))])
    assert set(second.depth([name("q"), name("next")])) == {name("q"), name("next")}


def test_depth_leaves_out_what_does_not_exist(broker: Broker, queue: str, name: Name) -> None:
    publish(broker, queue, 2)
    until_ready(broker, queue, 2)
    found = broker.depth([queue, name("nowhere")])
    assert list(found) == [queue]
    assert broker.depth([]) == {}


def test_queues_lists_what_was_declared(broker: Broker, name: Name) -> None:
    names = [name("b"), name("a")]
    broker.declare([QueueSpec(name=one) for one in names])
    listed = broker.queues()
    assert set(names) <= set(listed)
    assert listed == sorted(listed)


def test_peek_changes_nothing(broker: Broker, queue: str) -> None:
    sent = publish(broker, queue, 5)
    for _ in range(3):
        assert bodies(broker, queue) == sent
    until_ready(broker, queue, 5)
    with consuming(broker, queue) as inbox:
        inbox.wait(5)
    assert inbox.bodies() == sent


def test_peek_keeps_the_order_of_many(broker: Broker, queue: str) -> None:
    publish(broker, queue, 1000)
    expected = [str(number) for number in range(1000)]
    assert [bodies(broker, queue) for _ in range(3)] == [expected] * 3


def test_peek_takes_a_part(broker: Broker, queue: str) -> None:
    publish(broker, queue, 10)
    assert [one.body for one in broker.peek(queue, limit=3, offset=4)] == [b"4", b"5", b"6"]
    assert broker.peek(queue, limit=3, offset=10) == []
    assert len(broker.peek(queue, limit=100)) == 10


def test_peek_shows_only_what_is_ready(broker: Broker, queue: str) -> None:
    publish(broker, queue, 3)
    with consuming(broker, queue, prefetch=2) as inbox:
        inbox.wait(2)
        until_ready(broker, queue, 1)
        assert bodies(broker, queue) == ["2"]


def test_purge_removes_what_is_ready_and_nothing_else(broker: Broker, queue: str) -> None:
    publish(broker, queue, 5)
    with consuming(broker, queue, prefetch=2) as inbox:
        inbox.wait(2)
        until_ready(broker, queue, 3)
        assert broker.purge(queue) == 3
        assert broker.purge(queue) == 0
    until_ready(broker, queue, 2)


def test_remove_takes_one_and_keeps_the_order(broker: Broker, queue: str) -> None:
    sent = [outgoing(queue, str(number)) for number in range(5)]
    broker.publish(sent)
    assert broker.remove(queue, sent[2].message.id) is True
    assert broker.remove(queue, sent[2].message.id) is False
    assert broker.remove(queue, sent[0].message.id) is True
    assert bodies(broker, queue) == ["1", "3", "4"]


def test_remove_takes_one_of_two_with_the_same_id(broker: Broker, queue: str) -> None:
    one = Outgoing(queue=queue, message=message())
    broker.publish([one, one])
    assert broker.remove(queue, one.message.id)
    until_ready(broker, queue, 1)


def test_move_takes_all_to_the_end_of_the_other(broker: Broker, name: Name) -> None:
    source, target = name("source"), name("target")
    broker.declare([QueueSpec(name=source), QueueSpec(name=target)])
    publish(broker, target, 1, start=100)
    sent = publish(broker, source, 250)
    assert broker.move(source, target) == 250
    until_ready(broker, target, 251)
    assert bodies(broker, target) == ["100", *sent]
    until_ready(broker, source, 0)
    assert broker.move(source, target) == 0


def test_move_takes_the_first_or_those_named(broker: Broker, name: Name) -> None:
    source, target = name("source"), name("target")
    broker.declare([QueueSpec(name=source), QueueSpec(name=target)])
    sent = [outgoing(source, str(number)) for number in range(8)]
    broker.publish(sent)
    assert broker.move(source, target, limit=2) == 2
    named = [sent[number].message.id for number in (6, 3, 0)]
    assert broker.move(source, target, ids=[*named, "unknown"]) == 2
    assert bodies(broker, target) == ["0", "1", "3", "6"]
    assert bodies(broker, source) == ["2", "4", "5", "7"]
    assert broker.move(source, target, ids=[]) == 0


def test_moved_messages_are_what_they_were(broker: Broker, name: Name) -> None:
    source, target = name("source"), name("target")
    broker.declare([QueueSpec(name=source), QueueSpec(name=target)])
    sent = message("x", plug="a-b", attempt=2, reason="timeout", origin="o", extra={"k": "v"})
    broker.publish([Outgoing(queue=source, message=sent)])
    broker.move(source, target)
    (found,) = broker.peek(target)
    assert (found.id, found.body, found.plug, found.attempt) == (sent.id, b"x", "a-b", 2)
    assert (found.reason, found.origin, found.extra) == ("timeout", "o", {"k": "v"})


def test_move_to_a_full_queue_leaves_the_rest_where_it_is(broker: Broker, name: Name) -> None:
    source, target = name("source"), name("target")
    broker.declare([QueueSpec(name=source), QueueSpec(name=target, max_length=3)])
    publish(broker, source, 250)
    left, there = (lambda: depth(broker, source).ready), (lambda: depth(broker, target).ready)
    with pytest.raises(PublishFailed) as failure:
        broker.move(source, target)
    assert set(failure.value.reasons.values()) == {"full"}
    until(lambda: left() + there() == 250, f"{left()} left and {there()} there of 250")
    assert sorted(bodies(broker, source) + bodies(broker, target)) == sorted(map(str, range(250)))


def test_a_consumer_gets_what_is_moved_into_its_queue(
    connect: Callable[[], Broker], name: Name
) -> None:
    source, target = name("source"), name("target")
    broker, other = connect(), connect()
    broker.declare([QueueSpec(name=source), QueueSpec(name=target)])
    publish(broker, source, 5)
    with consuming(other, target, ack=True) as inbox:
        assert broker.move(source, target) == 5
        inbox.wait(5)


def test_unknown_queues_are_told(broker: Broker, queue: str, name: Name) -> None:
    nowhere = name("nowhere")
    acts: list[Callable[[], object]] = [
        lambda: broker.peek(nowhere),
        lambda: broker.purge(nowhere),
        lambda: broker.remove(nowhere, "id"),
        lambda: broker.move(nowhere, queue),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert broker.delete(nowhere) is False


def test_a_queue_is_deleted_when_it_is_empty(broker: Broker, queue: str) -> None:
    publish(broker, queue, 1)
    until_ready(broker, queue, 1)
    assert broker.delete(queue) is False
    assert bodies(broker, queue) == ["0"]
    broker.purge(queue)
    until_ready(broker, queue, 0)
    assert broker.delete(queue) is True
    assert broker.depth([queue]) == {}
    assert queue not in broker.queues()


def test_a_queue_is_not_empty_while_a_delivery_is_out(broker: Broker, queue: str) -> None:
    publish(broker, queue, 1)
    with consuming(broker, queue) as inbox:
        inbox.wait(1)
        until_ready(broker, queue, 0)
        assert broker.delete(queue) is False


def test_a_queue_can_be_deleted_with_what_it_holds(broker: Broker, queue: str) -> None:
    publish(broker, queue, 3)
    assert broker.delete(queue, if_empty=False) is True
    broker.declare([QueueSpec(name=queue)])
    assert bodies(broker, queue) == []


def test_a_queue_with_other_arguments_can_be_replaced(broker: Broker, name: Name) -> None:
    old, spare = name("q"), name("spare")
    broker.declare([QueueSpec(name=old), QueueSpec(name=spare)])
    publish(broker, old, 3)
    broker.move(old, spare)
    until_ready(broker, old, 0)
    assert broker.delete(old)
    broker.declare([QueueSpec(name=old, max_length=5)])
    broker.move(spare, old)
    assert bodies(broker, old) == ["0", "1", "2"]


def test_a_queue_deleted_under_its_consumer_comes_back_and_is_reported(
    connect: Callable[[], Broker], name: Name
) -> None:
    broker, other = connect(), connect()
    spec = QueueSpec(name=name("q"), max_length=50)
    broker.declare([spec])
    publish(broker, spec.name, 1)
    inbox = Inbox(ack=True)
    subscription = broker.consume(
        [spec.name], prefetch=5, on_delivery=inbox.on_delivery, on_state=inbox.on_state
    )
    inbox.attach(subscription)
    inbox.wait(1)
    other.delete(spec.name, if_empty=False)
    until(lambda: any(spec.name in why for _, why in inbox.states), "nobody reported it")
    until(lambda: other.depth([spec.name]))
    other.declare([spec])
    publish(other, spec.name, 1, start=5)
    inbox.wait_body("5")
    subscription.close()


def test_the_broker_says_what_it_is(broker: Broker) -> None:
    said = broker.check()
    assert said
    assert "\n" not in said


def test_a_broker_may_be_closed_twice_and_unused(connect: Callable[[], Broker]) -> None:
    broker = connect()
    broker.close()
    broker.close()


def test_depth_follows_a_message_through(broker: Broker, queue: str) -> None:
    publish(broker, queue, 2)
    until_ready(broker, queue, 2)
    with consuming(broker, queue) as inbox:
        inbox.wait(2)
        until(lambda: depth(broker, queue).unacked == 2)
        inbox.ack_all()
        until(lambda: depth(broker, queue).unacked == 0)
        assert depth(broker, queue).ready == 0
