"""Waiting: the answer that comes, the record where none comes, and who is not waiting any more."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.broker.answers import told
from flowctl.broker.base import QueueSpec
from flowctl.errors import CallFailed, TimedOut
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer
from flowctl.services import calls
from flowctl.services.answers import Desk, Question, outcomes, tell
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests.flows import socket
from tests.stores import finished

SOCKET = socket("price.total")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(tmp_path)})
    settings.paths.make()
    with open_control(settings, name="test") as opened:
        opened.store.migrate()
        opened.broker.declare([QueueSpec(name=SOCKET.queue)])
        yield opened


def answer(question: Question, body: bytes | None = b"3") -> Answer:
    status = CallStatus.FINISHED
    return Answer(id=question.ids[0], socket="price.total", status=status, body=body)


def record(control: Control, call_id: str, result: bytes = b"3") -> None:
    control.store.traffic.commit([finished(call_id, result=result)])


def later(act: object, *arguments: object) -> threading.Timer:
    timer = threading.Timer(0.05, act, arguments)  # type: ignore[arg-type]
    timer.start()
    return timer


def test_an_answer_ends_the_waiting_without_a_look_at_the_record(control: Control) -> None:
    question = Desk(control).ask(SOCKET, [calls.json_payload("[1]")])
    (asked,) = control.broker.peek(SOCKET.queue)
    timer = later(tell, control, [(asked, answer(question))])
    assert question.wait(control, 60) == answer(question)
    timer.join()
    assert outcomes(control, question.ids) == {}


def test_a_hint_and_silence_both_lead_to_the_record(control: Control) -> None:
    desk = Desk(control)
    hinted, silent = desk.ask_each(SOCKET, [calls.json_payload("1"), calls.json_payload("2")])
    for question in (hinted, silent):
        record(control, question.ids[0])
    hinted.hear(answer(hinted, body=None))
    assert hinted.wait(control, 60).body == b"3"
    assert silent.wait(control, 60).body == b"3"
    assert outcomes(control, silent.ids)[silent.ids[0]].body == b"3"


def test_a_hint_that_comes_before_its_record_changes_nothing(control: Control) -> None:
    question = Question([CallId("c1")], is_asked=True)
    question.hear(answer(question, body=None))
    with pytest.raises(TimedOut, match="the call waits in its queue"):
        question.wait(control, 0)
    record(control, "c1")
    question.hear(answer(question, body=None))
    assert question.wait(control, 60).body == b"3"


def test_an_event_loop_waits_in_the_same_way(control: Control) -> None:
    heard, recorded = (Question([CallId(name)], is_asked=True) for name in ("c1", "c2"))
    record(control, "c2")
    timer = later(heard.hear, answer(heard))

    async def both() -> list[Answer]:
        return await asyncio.gather(*(each.awaited(control, 60) for each in (heard, recorded)))

    assert [each.body for each in asyncio.run(both())] == [b"3", b"3"]
    timer.join()
    with pytest.raises(TimedOut):
        asyncio.run(Question([CallId("c3")], is_asked=True).awaited(control, 0))


def test_a_failure_is_raised_from_what_was_told(control: Control) -> None:
    question = Question([CallId("c1")])
    control.store.traffic.commit([finished("c1", result=None, status=CallStatus.FAILED)])
    with pytest.raises(CallFailed):
        calls.refuse_failed(question.wait(control))


def test_who_does_not_wait_is_forgotten(control: Control) -> None:
    desk = Desk(control)
    question = desk.ask(SOCKET, [calls.json_payload("1")])
    (asked,) = control.broker.peek(SOCKET.queue)
    came = answer(question)
    del question
    gc.collect()
    desk._hear([told(asked, came).message])
    assert len(desk._open) == 0
