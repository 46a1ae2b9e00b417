from __future__ import annotations

import pytest
from pika import BasicProperties

from flowctl.broker.properties import MAX_BODY
from flowctl.broker.rabbit.publish import Batch, Item, written
from flowctl.errors import BrokerUnavailable, PublishFailed
from flowctl.model.traffic import Outgoing
from tests.inbox import message, outgoing


def test_messages_go_out_durable_and_with_their_ids() -> None:
    one = message(b"7", plug="a-b")
    (item,), reasons = written([Outgoing(queue="q", message=one)])
    assert reasons == {}
    assert (item.queue, item.exchange, item.body) == ("q", "", b"7")
    sent = BasicProperties()
    sent.decode(item.header)
    assert sent.delivery_mode == 2
    assert sent.message_id == one.id
    assert sent.headers["x-fc-plug"] == "a-b"


def test_a_delayed_message_goes_through_its_level() -> None:
    (item,), _ = written([outgoing("q", delay=1.0)])
    assert (item.queue, item.exchange, item.level) == ("q", "flowctl.delay.1024", 1024)


def test_what_cannot_be_written_is_told_and_the_rest_goes() -> None:
    huge, odd = message(b"x" * (MAX_BODY + 1)), message(plug="\ud800")
    late, far, good = message(), message(), message()
    items, reasons = written(
        [
            Outgoing(queue="q", message=huge),
            Outgoing(queue="q", message=odd),
            Outgoing(queue="q", message=late, delay=1e9),
            Outgoing(queue="q" * 256, message=far),
            Outgoing(queue="q", message=good),
        ]
    )
    assert [item.id for item in items] == [good.id]
    assert reasons == {
        huge.id: "too large",
        odd.id: "refused",
        late.id: "refused",
        far.id: "refused",
    }


def test_a_repeat_is_flagged_and_touches_no_other_copy() -> None:
    (item,), _ = written([outgoing("q")])
    (raw,) = (Item("q", "m", BasicProperties(headers={"mine": "x"}), b""),)
    assert isinstance(item.properties, dict)
    before = item.properties["headers"]
    for each in (item, raw):
        each.repeat()
        sent = BasicProperties()
        sent.decode(each.header)
        assert sent.headers["x-fc-again"] is True
    assert before == {}


def test_a_batch_ends_with_its_last_message() -> None:
    batch = Batch(2)
    batch.settle("a")
    assert not batch.future.done()
    batch.settle("b")
    assert batch.future.result(0) is None


def test_a_batch_tells_all_reasons() -> None:
    batch = Batch(3)
    batch.settle("a", "full")
    batch.settle("b")
    batch.settle("c", "unroutable")
    with pytest.raises(PublishFailed) as failure:
        batch.future.result(0)
    assert failure.value.reasons == {"a": "full", "c": "unroutable"}


def test_a_batch_that_ended_stays_ended() -> None:
    batch = Batch(1)
    batch.end(BrokerUnavailable("late"))
    batch.settle("a")
    batch.end(None)
    with pytest.raises(BrokerUnavailable, match="late"):
        batch.future.result(0)
