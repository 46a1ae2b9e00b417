from __future__ import annotations

from typing import Any

import pytest
from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker
from pika.frame import Method
from pika.spec import Queue

from flowctl.broker.base import Depth
from flowctl.broker.rabbit import admin
from flowctl.broker.rabbit.admin import IN_ORDER, Raw, runs_of
from flowctl.errors import BrokerUnavailable, NotFound


def raw(number: int, consumer: str, *, call_id: str | None = "m") -> Raw:
    return Raw(number, consumer, False, BasicProperties(message_id=call_id), b"")


def counts(ready: int, consumers: int = 0) -> tuple[Any, ...]:
    return (Method(1, Queue.DeclareOk("q", ready, consumers)),)


def test_each_consumer_is_given_back_by_its_own_word() -> None:
    line = [raw(1, "a"), raw(2, "a"), raw(5, "b"), raw(6, "c"), raw(9, "c")]
    assert [[each.number for each in run] for run in runs_of(line)] == [[1, 2], [5], [6, 9]]
    assert runs_of([]) == []


def test_no_word_gives_back_more_than_come_back_in_order() -> None:
    runs = runs_of([raw(number, "a") for number in range(2 * IN_ORDER + 1)])
    assert [len(run) for run in runs] == [IN_ORDER, IN_ORDER, 1]
    assert [run[0].number for run in runs] == [0, IN_ORDER, 2 * IN_ORDER]


def test_a_message_without_an_id_has_a_name_while_it_is_held() -> None:
    assert raw(7, "a", call_id=None).name == "#7"
    assert raw(7, "a").name == "m"


def test_a_missing_queue_is_left_out_of_the_depths() -> None:
    script = admin.depths(["gone", "here"])
    next(script)
    script.throw(ChannelClosedByBroker(404, "NOT_FOUND"))
    with pytest.raises(StopIteration) as end:
        script.send(counts(3, 2))
    assert end.value.value == {"here": Depth(ready=3, consumers=2)}


def test_a_refused_question_is_told_in_the_words_of_the_broker() -> None:
    script = admin.depths(["q"])
    next(script)
    with pytest.raises(BrokerUnavailable, match="403: ACCESS_REFUSED"):
        script.throw(ChannelClosedByBroker(403, "ACCESS_REFUSED"))


def test_looking_into_what_is_not_there_is_not_found() -> None:
    script = admin.peek("gone", 5, 0)
    next(script)
    with pytest.raises(NotFound, match="gone"):
        script.throw(ChannelClosedByBroker(404, "NOT_FOUND"))


def test_nothing_is_fetched_from_an_empty_queue() -> None:
    script = admin.peek("q", 5, 0)
    next(script)
    with pytest.raises(StopIteration) as end:
        script.send(counts(0))
    assert end.value.value == []
