"""A publish that returned is durable and in its queue; what was not accepted is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest

from flowctl.broker.base import Broker, QueueSpec
from flowctl.broker.properties import MAX_BODY
from flowctl.errors import PublishFailed
from flowctl.model.traffic import Gather, Message, Outgoing
from tests.inbox import consuming, depth, message, outgoing, publish, until, until_ready

Name = Callable[[str], str]

RICH = Message(
    id="c" * 32,
    run_id="r" * 32,
    body='{"Größe": [1, null, "☃"]}'.encode(),
    content_type="application/json",
    parent="p" * 32,
    plug="parse.rows-store.save",
    argument="left",
    attempt=3,
    hops=7,
    gathers=(Gather("net.a.b", "c1", 2, 5), Gather("net.c.d", "c2", 0, 1)),
    reply_to="inbox.1",
    again=True,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    sent_at=datetime(2026, 7, 30, 12, 0, 0, 123456, UTC),
    reason="timeout",
    origin="net.a.b",
    extra={"x-mine": "value", "Ünï": "cödé"},
)


def test_every_field_arrives_as_it_was(broker: Broker, queue: str) -> None:
    broker.publish([Outgoing(queue=queue, message=RICH)])
    with consuming(broker, queue) as inbox:
        (delivery,) = inbox.wait(1)
    assert delivery.message == RICH
    assert delivery.queue == queue
    assert (delivery.redelivered, delivery.deliveries) == (False, 0)


def test_least_of_all_fields_arrives_as_it_was(broker: Broker, queue: str) -> None:
    plain = message(b"null")
    broker.publish([Outgoing(queue=queue, message=plain)])
    with consuming(broker, queue) as inbox:
        assert inbox.wait(1)[0].message == plain


@pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe", b"x" * 1_000_000], ids=["0", "3", "1M"])
def test_a_body_is_any_bytes(broker: Broker, queue: str, body: bytes) -> None:
    sent = message(body, content_type="application/octet-stream")
    broker.publish([Outgoing(queue=queue, message=sent)])
    with consuming(broker, queue) as inbox:
        assert inbox.wait(1)[0].message == sent


def test_order_is_kept(broker: Broker, queue: str) -> None:
    bodies = publish(broker, queue, 50) + publish(broker, queue, 450, start=50)
    with consuming(broker, queue, prefetch=64, ack=True) as inbox:
        inbox.wait(500)
    assert inbox.bodies() == bodies


def test_one_publish_reaches_several_queues(broker: Broker, name: Name) -> None:
    queues = [name(str(number)) for number in range(5)]
    broker.declare([QueueSpec(name=queue) for queue in queues])
    broker.publish([outgoing(queue, queue) for queue in queues])
    assert [broker.peek(queue)[0].body.decode() for queue in queues] == queues


def test_nothing_is_published_by_an_empty_publish(broker: Broker) -> None:
    broker.publish([])
    assert broker.publish_soon([]).result(10) is None


def test_an_unknown_queue_is_told_and_the_others_get_theirs(
    broker: Broker, queue: str, name: Name
) -> None:
    lost = outgoing(name("nowhere"))
    with pytest.raises(PublishFailed) as failure:
        broker.publish([outgoing(queue, "before"), lost, outgoing(queue, "after")])
    assert failure.value.reasons == {lost.message.id: "unroutable"}
    assert [one.body for one in broker.peek(queue)] == [b"before", b"after"]


def test_a_body_over_the_limit_is_told_and_the_others_get_theirs(
    broker: Broker, queue: str
) -> None:
    huge = outgoing(queue, b"x" * (MAX_BODY + 1))
    with pytest.raises(PublishFailed) as failure:
        broker.publish([outgoing(queue, "before"), huge, outgoing(queue, "after")])
    assert failure.value.reasons == {huge.message.id: "too large"}
    assert [one.body for one in broker.peek(queue)] == [b"before", b"after"]


def test_what_cannot_be_written_is_refused(broker: Broker, queue: str) -> None:
    odd = [message(id="x" * 300), message(plug="\ud800"), message(extra={"n" * 300: "v"})]
    with pytest.raises(PublishFailed) as failure:
        broker.publish([Outgoing(queue=queue, message=one) for one in odd])
    assert failure.value.reasons == {one.id: "refused" for one in odd}
    assert depth(broker, queue).ready == 0


def test_a_full_queue_refuses_and_keeps_what_it_has(broker: Broker, name: Name) -> None:
    spec = QueueSpec(name=name("small"), max_length=5)
    broker.declare([spec])
    accepted, refused = [], {}
    # RabbitMQ may take a few more than the limit; none may be lost, and none dropped.
    for number in range(25):
        one = outgoing(spec.name, str(number))
        try:
            broker.publish([one])
            accepted.append(one.message.body)
        except PublishFailed as failure:
            refused |= failure.reasons
    assert set(refused.values()) == {"full"}
    assert 5 <= len(accepted) < 20
    assert [one.body for one in broker.peek(spec.name)] == accepted


def test_a_full_queue_takes_again_when_there_is_room(broker: Broker, name: Name) -> None:
    spec = QueueSpec(name=name("small"), max_length=2)
    broker.declare([spec])
    until(lambda: not accepts(broker, spec.name))
    broker.purge(spec.name)
    # RabbitMQ tells its publishers a moment later that there is room.
    until(lambda: accepts(broker, spec.name))


def accepts(broker: Broker, queue: str) -> bool:
    error = broker.publish_soon([outgoing(queue)]).exception(20)
    if error is None:
        return True
    assert isinstance(error, PublishFailed)
    assert set(error.reasons.values()) == {"full"}
    return False


def test_publish_soon_tells_as_publish_would(broker: Broker, queue: str, name: Name) -> None:
    lost = outgoing(name("nowhere"))
    good, bad = broker.publish_soon([outgoing(queue)]), broker.publish_soon([lost])
    assert good.result(20) is None
    with pytest.raises(PublishFailed) as failure:
        bad.result(20)
    assert failure.value.reasons == {lost.message.id: "unroutable"}


def test_many_publishes_at_once_are_all_accepted(broker: Broker, queue: str) -> None:
    futures = [broker.publish_soon([outgoing(queue, str(number))]) for number in range(500)]
    assert len(wait(futures, 20).done) == 500
    assert {future.exception() for future in futures} == {None}
    with consuming(broker, queue, ack=True) as inbox:
        inbox.wait(500)
    assert inbox.bodies() == [str(number) for number in range(500)]


def test_threads_may_publish_at_once(broker: Broker, queue: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: publish(broker, queue, 20, start=n * 20), range(8)))
    until_ready(broker, queue, 160)


def test_the_same_id_may_be_published_twice(broker: Broker, queue: str) -> None:
    one = Outgoing(queue=queue, message=message())
    broker.publish([one, one])
    broker.publish([one])
    until_ready(broker, queue, 3)


def test_what_was_published_outlives_its_connection(
    connect: Callable[[], Broker], name: Name
) -> None:
    first = connect()
    first.declare([QueueSpec(name=name("kept"))])
    bodies = publish(first, name("kept"), 10)
    first.close()
    with consuming(connect(), name("kept")) as inbox:
        inbox.wait(10)
    assert inbox.bodies() == bodies
