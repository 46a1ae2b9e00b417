"""What became of a call: its result, its status, its record, its trace.

A handle is only an id and the way to look it up: any process may make one with `Flow.handle`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowctl.client.session import Session
from flowctl.client.values import value_of
from flowctl.errors import NotFound, TimedOut
from flowctl.model.flow import Socket as Record
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Answer, Call
from flowctl.services import calls
from flowctl.services.answers import Question
from flowctl.views.traces import trace_text

QUEUED = "queued"
"""The status of a call that no worker has taken yet."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All calls of a run; as text, the tree that `flowctl trace` draws."""

    calls: tuple[Call, ...]

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    def __len__(self) -> int:
        return len(self.calls)

    def __str__(self) -> str:
        return trace_text(self.calls)


class Handle:
    """A call that was sent."""

    def __init__(self, session: Session, question: Question, record: Record | None = None) -> None:
        self._session = session
        self._question = question
        self._record = record

    @property
    def id(self) -> str:
        """The id of the call, by which any process can fetch it.

        Several values that meet in a join are several calls; this is the last of them.
        """
        return self._question.ids[-1]

    def __repr__(self) -> str:
        return f"Handle({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other._question.ids == self._question.ids

    def __hash__(self) -> int:
        return hash(self._question.ids)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for what the function returned; without a timeout for as long as it takes.

        Raises:
            CallFailed: it failed; `traceback` is what the other side wrote.
            TimedOut: it did not end in so many seconds; it goes on, so ask again.
            Refused: its processor keeps no results.
        """
        if self.is_known:
            return self._value()
        self._refuse_unrecorded()
        try:
            self._question.wait(self._session.control, timeout)
        except TimedOut as error:
            raise self._late(timeout) from error
        return self._value()

    async def aresult(self, timeout: float | None = None) -> Any:
        """Do as `result` does, in an event loop; giving up leaves no thread behind.

        Raises:
            CallFailed: it failed.
            TimedOut: it did not end in so many seconds.
            Refused: its processor keeps no results.
        """
        if self.is_known:
            return self._value()
        if not self._question.is_asked:
            await asyncio.to_thread(self._refuse_unrecorded)
        try:
            await self._question.awaited(self._session.control, timeout)
        except TimedOut as error:
            raise self._late(timeout) from error
        return self._value()

    def keep(self, answer: Answer) -> None:
        """Take what the call came to, which somebody has looked up already; it never changes."""
        self._question.answer = answer

    @property
    def is_known(self) -> bool:
        """Whether the end of the call is known already, so that its result needs no look."""
        return self._question.answer is not None

    def _refuse_unrecorded(self) -> None:
        """Refuse to wait in vain; who asked for an answer was refused before sending."""
        control = self._session.control
        if self._record and not self._question.is_asked and not self._question.look(control):
            calls.refuse_unrecorded(control, self._record)

    def _late(self, timeout: float | None) -> TimedOut:
        name = self._record.name if self._record else "the call"
        return TimedOut(
            f"{name}: no result after {timeout:g} s: {self._question.said}",
            remedy=f'the call goes on; ask again: flow.handle("{self.id}").result()',
        )

    def _value(self) -> Any:
        answer = self._question.answer
        assert answer is not None
        calls.refuse_failed(answer)
        return None if answer.body is None else value_of(answer.content_type, answer.body)

    @property
    def call(self) -> Call:
        """The record of the call as it is now.

        Raises:
            NotFound: no worker has taken it yet, or its record has expired.
        """
        ended, _ = calls.standing(self._session.control, self._question.ids)
        return ended or calls.find(self._session.control, self.id)

    @property
    def status(self) -> str:
        """Where the call is: a `CallStatus`, or `queued` while no worker has taken it."""
        try:
            return self.call.status.value
        except NotFound:
            return QUEUED

    @property
    def done(self) -> bool:
        """Whether the call has ended, well or not."""
        return self.status in TERMINAL - {CallStatus.JOINED}

    def trace(self) -> Trace:
        """Return the run of the call as it is now; `print` draws it.

        Raises:
            NotFound: nothing of it is on record yet.
        """
        return Trace(tuple(calls.run(self._session.control, self.id)))

    def cancel(self) -> None:
        """Ask for the end of the call; who waits for it gets `CallFailed` of the kind `cancelled`.

        Raises:
            Refused: it does not run.
            NotFound: no worker has taken it yet.
        """
        calls.cancel(self._session.control, self.id)
