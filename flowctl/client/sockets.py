"""Sockets as functions: call one and wait, or send to it and go on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from flowctl.client.handles import Handle
from flowctl.client.patterns import Part, Pattern, bound, pipeline
from flowctl.client.session import Session
from flowctl.client.values import payload
from flowctl.errors import CallFailed, InvalidInput
from flowctl.model.flow import Socket as Record
from flowctl.model.ids import CallId
from flowctl.services import answers, calls, sockets
from flowctl.services.answers import Question
from flowctl.services.calls import Payload

AHEAD = 500
"""Values that `map` has on their way at once."""

_AT_A_LOOK = 100
"""Calls that `map` looks at together."""
_MISSED_AFTER = 1.0
"""Seconds between such looks, while the answer whose turn it is does not come."""


class Socket:
    """An entry of a processor. It is looked up as it is used, so it is never out of date for long."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def __repr__(self) -> str:
        return f"Socket({self._name!r})"

    def s(self, *args: object, **named: object) -> Pattern:
        """Return this socket as a step of a pattern, with values that it gets each time.

        Named values are met by what comes in, which then fills the first argument that has none;
        positional values take the place of what comes in.

        >>> from flowctl import Flow, pipeline
        >>> flow = Flow("shop", state="sqlite:////tmp/shop/state.db")
        >>> pipeline(flow.price.total, flow.price.scale.s(factor=2))
        pipeline(price.total, price.scale(factor=2))

        Raises:
            InvalidInput: JSON cannot carry one of them.
        """
        return bound(self._session, self._name, args, named)

    def __or__(self, other: Part) -> Pattern:
        """Return the pipeline of both: `flow.parse.rows | flow.store.save`."""
        return pipeline(self, other)

    def __call__(
        self,
        value: object = None,
        /,
        *,
        timeout: float | None = None,
        key: str = "",
        **named: object,
    ) -> Any:
        """Call the function and return what it returned, as `send` and `Handle.result` do.

        Raises:
            CallFailed: the function raised; `traceback` is what the other side wrote.
            TimedOut: it did not end in so many seconds; it goes on.
            Refused: its processor keeps no results; nothing was sent.
            NotFound: there is no such socket.
            InvalidInput: JSON cannot carry the value.
        """
        return self._send_awaited(value, named, key).result(timeout)

    async def acall(
        self,
        value: object = None,
        /,
        *,
        timeout: float | None = None,
        key: str = "",
        **named: object,
    ) -> Any:
        """Do as a plain call does, in an event loop.

        Raises:
            CallFailed: the function raised.
            TimedOut: it did not end in so many seconds; it goes on.
        """
        handle = await asyncio.to_thread(self._send_awaited, value, named, key)
        return await handle.aresult(timeout)

    def _send_awaited(self, value: object, named: dict[str, object], key: str) -> Handle:
        record = self._find(is_awaited=True)
        question = self._session.desk.ask(record, _payloads(value, named), key=key)
        return Handle(self._session, question, record)

    def send(
        self, value: object = None, /, *, key: str = "", delay: float = 0.0, **named: object
    ) -> Handle:
        """Send a value and go on; it is durable when this returns.

        With `key` a repeat of the same send is recognised, and runs once. `delay` seconds pass
        before it can be taken. Named values go each to the argument of their name and meet there,
        as the join of the socket says; other values that wait there already meet them, too, unless
        the join is `by: run`. (Arguments called timeout, key or delay cannot be named here.)

        Raises:
            NotFound: there is no such socket.
            InvalidInput: JSON cannot carry the value, or there are both a value and named ones.
            PublishFailed: the queue is full.
        """
        return self._send_all(self._find(), _payloads(value, named), key=key, delay=delay)

    async def asend(
        self, value: object = None, /, *, key: str = "", delay: float = 0.0, **named: object
    ) -> Handle:
        """Do as `send` does, in an event loop."""
        return await asyncio.to_thread(self.send, value, key=key, delay=delay, **named)

    def send_many(
        self, values: Iterable[object], *, key: str = "", delay: float = 0.0
    ) -> list[Handle]:
        """Send many values, each as a call of its own; all are durable when this returns.

        Raises:
            InvalidInput: JSON cannot carry one of them; none was sent.
        """
        payloads = [payload(value) for value in values]
        if not payloads:
            return []
        record = self._find()
        ids = self._publish(record, payloads, key=key, delay=delay)
        return [Handle(self._session, Question([call_id]), record) for call_id in ids]

    def map(
        self,
        values: Iterable[object],
        *,
        timeout: float | None = None,
        ahead: int = AHEAD,
        return_exceptions: bool = False,
    ) -> Iterator[Any]:
        """Call the function for each value, many at once, and yield the results in order.

        At most `ahead` values are on their way, so an endless source is fine; `timeout` is for each
        result. A call that failed raises when its turn comes, or with `return_exceptions` its
        `CallFailed` stands in the place of the result.

        Raises:
            CallFailed: a call failed.
            InvalidInput: `ahead` is not positive, or JSON cannot carry a value.
        """
        stream = self._stream(values, ahead)

        def results() -> Iterator[Any]:
            for handle in stream:
                try:
                    yield handle.result(timeout)
                except CallFailed as error:
                    if not return_exceptions:
                        raise
                    yield error

        return results()

    async def amap(
        self,
        values: Iterable[object],
        *,
        timeout: float | None = None,
        ahead: int = AHEAD,
        return_exceptions: bool = False,
    ) -> AsyncIterator[Any]:
        """Do as `map` does, in an event loop."""
        stream = await asyncio.to_thread(self._stream, values, ahead)
        while handle := await asyncio.to_thread(next, stream, None):
            try:
                yield await handle.aresult(timeout)
            except CallFailed as error:
                if not return_exceptions:
                    raise
                yield error

    def _stream(self, values: Iterable[object], ahead: int) -> Iterator[Handle]:
        """Send the first values now, and return the handles; taking them sends the rest."""
        if ahead < 1:
            raise InvalidInput(f"ahead={ahead} would send nothing", remedy="at least 1")
        self._find(is_awaited=True)
        rest = iter(values)
        return self._handles(rest, deque(self._ask_each(islice(rest, ahead))), ahead)

    def _handles(self, rest: Iterator[object], sent: deque[Handle], ahead: int) -> Iterator[Handle]:
        clock, is_more = self._session.control.clock, True
        looked_at = clock.monotonic()
        while sent:
            if not sent[0].is_known and clock.monotonic() - looked_at > _MISSED_AFTER:
                looked_at = clock.monotonic()
                self._look_ahead(list(islice(sent, _AT_A_LOOK)))
            yield sent.popleft()
            if is_more and len(sent) <= ahead // 2:
                batch = self._ask_each(islice(rest, ahead - len(sent)))
                is_more = bool(batch)
                sent.extend(batch)

    def _look_ahead(self, handles: Sequence[Handle]) -> None:
        """Look at many calls at once: answers may have been missed."""
        found = answers.outcomes(self._session.control, [CallId(each.id) for each in handles])
        for handle in handles:
            if handle.id in found:
                handle.keep(found[CallId(handle.id)])

    def _ask_each(self, values: Iterable[object]) -> list[Handle]:
        payloads = [payload(value) for value in values]
        if not payloads:
            return []
        record = self._find()
        questions = self._session.desk.ask_each(record, payloads)
        return [Handle(self._session, question, record) for question in questions]

    def _find(self, *, is_awaited: bool = False) -> Record:
        return self._session.socket(self._name, is_awaited=is_awaited)

    def _send_all(
        self, record: Record, payloads: Sequence[Payload], *, key: str, delay: float = 0.0
    ) -> Handle:
        ids = self._publish(record, payloads, key=key, delay=delay)
        return Handle(self._session, Question(ids), record)

    def _publish(
        self, record: Record, payloads: Sequence[Payload], *, key: str, delay: float
    ) -> list[CallId]:
        if delay < 0:
            raise InvalidInput(f"a delay of {delay:g} s has passed already")
        return calls.send(self._session.control, record, payloads, key=key, delay=delay)


def _payloads(value: object, named: dict[str, object]) -> list[Payload]:
    if not named:
        return [payload(value)]
    if value is not None:
        raise InvalidInput("give a value or named values, not both")
    return [payload(each, argument=name) for name, each in named.items()]


class Processor:
    """The sockets of a processor: `flow.price.total`, or `flow.price["odd-name"]`."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def __repr__(self) -> str:
        return f"Processor({self._name!r})"

    def __getattr__(self, name: str) -> Socket:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Socket:
        return Socket(self._session, f"{self._name}.{name}")

    def __dir__(self) -> list[str]:
        address = self._session.address(self._name)
        network, _, processor = address.rpartition("/")
        known = sockets.listed(self._session.control, network)
        return sorted(each.spec.name for each in known if each.processor == processor)
