"""Waiting for what calls come to: an answer comes by itself, and the record is looked at if not.

A worker tells an answer right after its commit. It may get lost (the broker restarts, the worker
ends between commit and answer), so whoever waits looks at the record as well, seldom. Who did not
ask for an answer when the call was sent looks at the record alone, quickly at first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from math import inf
from weakref import WeakValueDictionary

from msgspec.structs import replace

from flowctl.broker.answers import heard, told
from flowctl.errors import TimedOut
from flowctl.model.canvas import Node
from flowctl.model.flow import Socket
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Call, Message
from flowctl.services import calls, canvases, waiting
from flowctl.services.calls import Payload
from flowctl.services.control import Control

SELDOM = (1.0, 5.0)
"""Seconds before the first look at the record, and between later ones, where an answer comes."""
OFTEN = (waiting.SHORTEST, waiting.LONGEST)
_GROWTH = 1.5


class Question:
    """Calls of which one will have an outcome (several are values that meet in a join)."""

    def __init__(self, ids: Sequence[CallId], *, is_asked: bool = False) -> None:
        self.ids = tuple(ids)
        self.is_asked = is_asked
        """Whether the answer comes by itself."""
        self.answer: Answer | None = None
        """What the call came to; it never changes."""
        self.said = "the call waits in its queue"
        """How the calls stood at the last look."""
        self._rung = threading.Event()
        self._wakes: list[Callable[[], object]] = []

    def hear(self, answer: Answer) -> None:
        """Take an answer, or the hint that there is one on record; from any thread."""
        if self.answer is None and is_whole(answer):
            self.answer = answer
        self._rung.set()
        for wake in list(self._wakes):
            wake()

    def look(self, control: Control) -> Answer | None:
        """Return what is known, after a look at the record where nothing is known yet."""
        if self.answer is None:
            ended, self.said = calls.standing(control, self.ids)
            if ended is not None:
                self.answer = on_record(control, ended)
        return self.answer

    def wait(
        self,
        control: Control,
        timeout: float | None = None,
        on_change: Callable[[str], None] = lambda _sentence: None,
    ) -> Answer:
        """Wait for the outcome; `on_change` hears how the calls stand.

        Raises:
            TimedOut: there was none after so many seconds.
        """
        clock = control.clock
        ends = clock.monotonic() + (inf if timeout is None else timeout)
        for pause in self._pauses():
            self._rung.wait(max(0.0, min(pause, ends - clock.monotonic())))
            self._rung.clear()
            if (answer := self.look(control)) is not None:
                return answer
            on_change(self.said)
            if clock.monotonic() >= ends:
                break
        raise self._late(timeout)

    async def awaited(self, control: Control, timeout: float | None = None) -> Answer:
        """Do as `wait` does, in an event loop.

        Raises:
            TimedOut: there was none after so many seconds.
        """
        clock, loop, rung = control.clock, asyncio.get_running_loop(), asyncio.Event()
        ends = clock.monotonic() + (inf if timeout is None else timeout)

        def wake() -> None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(rung.set)

        self._wakes.append(wake)
        try:
            for pause in self._pauses():
                await _pass(rung, max(0.0, min(pause, ends - clock.monotonic())), self)
                answer = self.answer or await asyncio.to_thread(self.look, control)
                if answer is not None:
                    return answer
                if clock.monotonic() >= ends:
                    break
        finally:
            self._wakes.remove(wake)
        raise self._late(timeout)

    def _pauses(self) -> Iterator[float]:
        pause, longest = SELDOM if self.is_asked else OFTEN
        if not self.is_asked:
            yield 0.0
        while True:
            yield pause
            pause = min(pause * _GROWTH, longest)

    def _late(self, timeout: float | None) -> TimedOut:
        return TimedOut(f"after {timeout:g} s: {self.said}", remedy="give it more --timeout")


async def _pass(rung: asyncio.Event, seconds: float, question: Question) -> None:
    """Wait until it rings, for so many seconds at most."""
    if question.answer is None:
        with suppress(TimeoutError):
            await asyncio.wait_for(rung.wait(), seconds)
    rung.clear()


class Desk:
    """Where answers come in for the questions of one process; it listens from the first one on."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._address = ""
        self._open: WeakValueDictionary[CallId, Question] = WeakValueDictionary()
        """Who does not wait any more is forgotten, and so are answers that come for it."""

    def ask(self, socket: Socket, payloads: Sequence[Payload], *, key: str = "") -> Question:
        """Send payloads that belong together, and return the question what comes of them.

        Raises:
            PublishFailed: the queue refused some.
        """
        messages = calls.messages(self._control, socket, payloads, key=key, reply_to=self._listen())
        question = Question([message.id for message in messages], is_asked=True)
        self._remember([question])
        calls.publish(self._control, socket, messages)
        return question

    def ask_each(self, socket: Socket, payloads: Sequence[Payload]) -> list[Question]:
        """Send payloads as calls of their own, and return a question for each.

        Raises:
            PublishFailed: the queue refused some.
        """
        messages = calls.messages(self._control, socket, payloads, reply_to=self._listen())
        questions = [Question([each.id], is_asked=True) for each in messages]
        self._remember(questions)
        calls.publish(self._control, socket, messages)
        return questions

    def ask_canvases(
        self, program: Node, payloads: Sequence[Payload], *, network: str = "", key: str = ""
    ) -> list[Question]:
        """Send payloads through a canvas, and return a question for each.

        Raises:
            InvalidInput: the tree cannot be, or it is too large.
            NotFound: there is no such socket.
        """
        begun = canvases.prepare(
            self._control, program, payloads, network=network, key=key, reply_to=self._listen()
        )
        questions = [Question([each], is_asked=True) for each in begun.ids()]
        self._remember(questions)
        for _, answer in canvases.start(self._control, begun).answers:
            self._open[answer.id].hear(answer)
        return questions

    def _listen(self) -> str:
        with self._lock:
            if not self._address:
                self._address = self._control.broker.listen(self._hear)
            return self._address

    def _remember(self, questions: Sequence[Question]) -> None:
        with self._lock:
            for question in questions:
                for call_id in question.ids:
                    self._open[call_id] = question

    def _hear(self, messages: Sequence[Message]) -> None:
        for message in messages:
            answer = heard(message)
            with self._lock:
                question = self._open.get(message.id)
            if answer is not None and question is not None:
                question.hear(answer)


def tell(control: Control, answers: Iterable[tuple[Message, Answer]]) -> None:
    """Tell each answer to whoever sent its message, where they asked; only after the commit."""
    outgoing = [told(asked, answer) for asked, answer in answers if asked.reply_to]
    if outgoing:
        control.broker.tell(outgoing)


def is_whole(answer: Answer) -> bool:
    """Tell whether an answer says it all; else it is only a hint to look at the record."""
    return answer.failure is not None or answer.body is not None


def on_record(control: Control, ended: Call) -> Answer:
    """Return the answer that the record of a call gives.

    Raises:
        NotFound: it has no result, as it has not ended or its result is not kept.
    """
    answer = Answer(id=ended.id, socket=ended.socket, status=ended.status, failure=ended.failure)
    if ended.status in (CallStatus.FAILED, CallStatus.CANCELLED):
        return answer
    found = control.store.traffic.result(ended.id)
    return replace(answer, content_type=found.content_type, body=found.body)


def outcomes(control: Control, ids: Sequence[CallId]) -> dict[CallId, Answer]:
    """Return in one look those of these calls that ended and can be told about: no joined ones."""
    return {
        call.id: Answer(
            id=call.id,
            socket=call.socket,
            status=call.status,
            failure=call.failure,
            content_type=found.content_type if found else calls.JSON,
            body=found.body if found else None,
        )
        for call, found in control.store.traffic.outcomes(ids)
        if calls.is_outcome(call) and (found or call.status is not CallStatus.FINISHED)
    }
