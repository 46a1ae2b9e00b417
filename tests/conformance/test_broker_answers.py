"""Answers reach whoever asked, whatever connection they come from; nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from flowctl.broker.answers import MOST_BODY, heard, told
from flowctl.broker.base import Broker
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Failure, Message, Outgoing
from tests.inbox import Inbox, message, until

Connect = Callable[[], Broker]


class Ear:
    """Collects answers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.all: list[Message] = []

    def hear(self, messages: Sequence[Message]) -> None:
        with self._changed:
            self.all += messages
            self._changed.notify_all()

    def wait(self, count: int) -> list[Answer | None]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, 20), self.all
            return [heard(each) for each in self.all]


def ask(asker: Broker, worker: Broker, queue: str, ear: Ear, count: int = 1) -> list[Message]:
    """Send messages that ask for an answer, and return them as a worker gets them."""
    address = asker.listen(ear.hear)
    inbox = Inbox()
    inbox.attach(worker.consume([queue], prefetch=count, on_delivery=inbox.on_delivery))
    asker.publish([Outgoing(queue=queue, message=message(reply_to=address)) for _ in range(count)])
    asked = [delivery.message for delivery in inbox.wait(count)]
    inbox.subscribed().ack([delivery.tag for delivery in inbox.all])
    return asked


def done(asked: Message, body: bytes = b"42", content_type: str = "application/json") -> Answer:
    return Answer(
        id=asked.id, socket="p.f", status=CallStatus.FINISHED, body=body, content_type=content_type
    )


def test_an_answer_finds_who_asked(connect: Connect, queue: str) -> None:
    client, worker, ear = connect(), connect(), Ear()
    (asked,) = ask(client, worker, queue, ear)
    worker.tell([told(asked, done(asked))])
    assert ear.wait(1) == [done(asked)]
    assert (ear.all[0].body, ear.all[0].run_id) == (b"42", asked.run_id)


def test_many_answers_arrive_in_their_order(connect: Connect, queue: str) -> None:
    client, worker, ear = connect(), connect(), Ear()
    asked = ask(client, worker, queue, ear, count=200)
    worker.tell([told(each, done(each, b"\x00\xff", "image/png")) for each in asked])
    assert ear.wait(200) == [done(each, b"\x00\xff", "image/png") for each in asked]


def test_failures_travel_whole_and_large_results_only_as_a_hint(
    connect: Connect, queue: str
) -> None:
    client, worker, ear = connect(), connect(), Ear()
    failed, large = ask(client, worker, queue, ear, count=2)
    failure = Failure(type="ValueError", message="no", traceback="Traceback ...", input=[1])
    answer = Answer(id=failed.id, socket="p.f", status=CallStatus.FAILED, failure=failure)
    worker.tell([told(failed, answer), told(large, done(large, b"x" * (MOST_BODY + 1)))])
    assert ear.wait(2) == [answer, replace(done(large), body=None)]


@pytest.mark.parametrize("address", ["", "nobody", "amq.rabbitmq.reply-to.gone", "datagram:gone"])
def test_an_address_that_leads_nowhere_hurts_nobody(
    connect: Connect, queue: str, address: str
) -> None:
    client, worker, ear = connect(), connect(), Ear()
    first, second = ask(client, worker, queue, ear, count=2)
    worker.tell([told(replace(first, reply_to=address), done(first)), told(first, done(first))])
    ear.wait(1)
    worker.tell([told(second, done(second))])
    assert done(second) in ear.wait(2)


def test_who_closed_hears_nothing_and_keeps_nobody_waiting(connect: Connect, queue: str) -> None:
    client, worker, ear = connect(), connect(), Ear()
    (asked,) = ask(client, worker, queue, ear)
    client.close()
    worker.tell([told(asked, done(asked))])
    worker.publish([Outgoing(queue=queue, message=message())])
    until(lambda: worker.depth([queue])[queue].ready + worker.depth([queue])[queue].unacked == 1)
    assert ear.all == []


def test_a_message_that_is_no_answer_is_none() -> None:
    assert heard(message()) is None
    assert heard(message(extra={"flowctl-status": "failed"}, body=b"[1]")) is None
    assert heard(message(extra={"flowctl-status": "odd"})) is None
