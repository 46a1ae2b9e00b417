"""What became of a call: its result, its status, its record, its trace.

A handle is only an id and the way to look it up: any process may make one with `Flow.handle`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flowctl.client.session import Session
from flowctl.client.values import value_of
from flowctl.errors import NotFound, TimedOut
from flowctl.model.flow import Socket as Record
from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Call, Result
from flowctl.services import calls, waiting
from flowctl.views.traffic import trace_text

QUEUED = "queued"
"""The status of a call that no worker has taken yet."""
_AT_ONCE = 1e-9
"""A timeout of zero seconds, where zero means for ever."""


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

    def __init__(
        self, session: Session, ids: Sequence[CallId], record: Record | None = None
    ) -> None:
        self._session = session
        self._ids = tuple(ids)
        self._record = record
        self._said = ""
        self._outcome: tuple[Call, Result | None] | None = None

    @property
    def id(self) -> str:
        """The id of the call, by which any process can fetch it.

        Several values that meet in a join are several calls; this is the last of them.
        """
        return self._ids[-1]

    def __repr__(self) -> str:
        return f"Handle({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other._ids == self._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for what the function returned; without a timeout for as long as it takes.

        Raises:
            CallFailed: it failed; `traceback` is what the other side wrote.
            TimedOut: it did not end in so many seconds; it goes on, so ask again.
            Refused: its processor keeps no results.
        """
        if not self._look():
            self._wait(timeout)
        return self._value()

    async def aresult(self, timeout: float | None = None) -> Any:
        """Do as `result` does, in an event loop; giving up leaves no thread behind.

        Raises:
            CallFailed: it failed.
            TimedOut: it did not end in so many seconds.
            Refused: its processor keeps no results.
        """
        clock = self._session.control.clock
        began, pause = clock.monotonic(), waiting.SHORTEST
        if not await asyncio.to_thread(self._look):
            await asyncio.to_thread(self._refuse_unrecorded)
        while not await asyncio.to_thread(self._look):
            if timeout is not None and clock.monotonic() - began >= timeout:
                raise self._late(timeout)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, waiting.LONGEST)
        return self._value()

    def keep(self, ended: Call, result: Result | None) -> None:
        """Take what the call came to, which somebody has looked up already; it never changes."""
        self._outcome = ended, result

    @property
    def is_known(self) -> bool:
        """Whether the end of the call has been seen already, so that its result needs no look."""
        return self._outcome is not None

    def _look(self) -> bool:
        """Tell whether the call has ended."""
        if self._outcome is None:
            ended, self._said = calls.standing(self._session.control, self._ids)
            if ended:
                self.keep(ended, self._result_of(ended))
        return self._outcome is not None

    def _result_of(self, ended: Call) -> Result | None:
        if ended.status is not CallStatus.FINISHED:
            return None
        return calls.result(self._session.control, ended)

    def _wait(self, timeout: float | None) -> None:
        self._refuse_unrecorded()

        def look() -> waiting.Standing:
            return waiting.Standing(self._look(), self._said)

        limit = 0.0 if timeout is None else max(timeout, _AT_ONCE)
        try:
            waiting.until(look, self._session.control.clock, timeout=limit)
        except TimedOut as error:
            raise self._late(timeout or 0.0) from error

    def _refuse_unrecorded(self) -> None:
        if self._record:
            calls.refuse_unrecorded(self._session.control, self._record)

    def _late(self, timeout: float) -> TimedOut:
        name = self._record.name if self._record else "the call"
        return TimedOut(
            f"{name}: no result after {timeout:g} s: {self._said}",
            remedy=f'the call goes on; ask again: flow.handle("{self.id}").result()',
        )

    def _value(self) -> Any:
        assert self._outcome is not None
        ended, found = self._outcome
        calls.refuse_failed(ended)
        return value_of(found.content_type, found.body) if found else None

    @property
    def call(self) -> Call:
        """The record of the call as it is now.

        Raises:
            NotFound: no worker has taken it yet, or its record has expired.
        """
        ended, _ = calls.standing(self._session.control, self._ids)
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
