"""Calls that make up one larger call: `pipeline`, `parallel`, `funnel` and `segment`.

They take sockets, and each other, to any depth. What is sent is durable as a whole: it goes on
whatever becomes of the program that sent it, and its result is fetched like that of any call.

    >>> from flowctl import Flow, funnel, parallel, pipeline, segment
    >>> flow = Flow("shop", state="sqlite:////tmp/shop/state.db")
    >>> pipeline(flow.parse.rows, parallel(flow.price.total, flow.price.least.s(limit=3)))
    pipeline(parse.rows, parallel(price.total, price.least(limit=3)))
    >>> funnel([flow.a.x, flow.b.y], flow.sum.up), segment(flow.store.save, 100)
    (funnel(a.x, b.y, final=sum.up), segment(store.save, 100))

Who knows Celery finds `chain`, `group`, `chord` and `chunks` here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from flowctl.client.handles import Handle
from flowctl.client.values import payload
from flowctl.errors import CallFailed, InvalidInput
from flowctl.model.canvas import Funnel, Node, Parallel, Pipeline, Segment, Step

if TYPE_CHECKING:
    from flowctl.client.session import Session
    from flowctl.client.sockets import Socket

ERRORS = ("stop", "keep")


class Pattern:
    """A canvas, or a part of one; immutable, so it may be sent often and be part of others."""

    def __init__(self, node: Node, session: Session | None, text: str) -> None:
        self.node = node
        self.session = session
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __or__(self, other: Part) -> Pattern:
        return pipeline(self, other)

    def __call__(self, value: object = None, *, timeout: float | None = None, key: str = "") -> Any:
        """Send a value through it, and return what comes out in the end.

        Raises:
            CallFailed: a step failed; the message says which, `traceback` is what it wrote.
            TimedOut: it did not end in so many seconds; it goes on.
            NotFound: there is no such socket.
        """
        return self.send(value, key=key).result(timeout)

    async def acall(
        self, value: object = None, *, timeout: float | None = None, key: str = ""
    ) -> Any:
        """Do as a plain call does, in an event loop.

        Raises:
            CallFailed: a step failed.
            TimedOut: it did not end in so many seconds; it goes on.
        """
        return await (await self.asend(value, key=key)).aresult(timeout)

    def send(self, value: object = None, *, key: str = "") -> Handle:
        """Send a value through it and go on; it is durable when this returns.

        With `key` a repeat of the same send is recognised, and runs once.

        Raises:
            NotFound: there is no such socket.
            InvalidInput: JSON cannot carry the value, or the canvas is too large.
        """
        return self.send_many([value], key=key)[0]

    async def asend(self, value: object = None, *, key: str = "") -> Handle:
        """Do as `send` does, in an event loop."""
        return await asyncio.to_thread(self.send, value, key=key)

    def send_many(self, values: Iterable[object], *, key: str = "") -> list[Handle]:
        """Send each of many values through it; all are durable when this returns.

        Raises:
            InvalidInput: JSON cannot carry one of them; none was sent.
        """
        session = self._session()
        payloads = [payload(value) for value in values]
        network = session.settings.network
        asked = session.desk.ask_canvases(self.node, payloads, network=network, key=key)
        return [Handle(session, question) for question in asked]

    def map(
        self,
        values: Iterable[object],
        *,
        timeout: float | None = None,
        return_exceptions: bool = False,
    ) -> Iterator[Any]:
        """Send each of many values through it, and yield what comes out, in order.

        With `return_exceptions` a `CallFailed` stands in the place of a result.

        Raises:
            CallFailed: one of them failed; it is raised when its turn comes.
        """
        handles = self.send_many(values)

        def results() -> Iterator[Any]:
            for handle in handles:
                try:
                    yield handle.result(timeout)
                except CallFailed as error:
                    if not return_exceptions:
                        raise
                    yield error

        return results()

    def _session(self) -> Session:
        if self.session is None:
            raise InvalidInput(
                f"{self} belongs to no flow: it has no sockets", remedy='flow.canvas("...") has one'
            )
        return self.session


Part: TypeAlias = "Pattern | Socket"
"""What a pattern is made of."""
Parts: TypeAlias = "Part | Sequence[Part]"


def pipeline(*steps: Parts) -> Pattern:
    """One after the other: each gets the result of the one before, the first what was sent.

    The result is that of the last; an empty pipeline gives back what it was given.
    """
    made = _parts(steps)
    nodes = tuple(each.node for each in made)
    return Pattern(Pipeline(steps=nodes), _session(made), f"pipeline({_listed(made)})")


def parallel(*branches: Parts, errors: str = "stop") -> Pattern:
    """All at once, each with the same value; the result is the list of theirs, in order.

    A branch that fails fails the whole (`errors="stop"`), or its failure stands in the place of its
    result, as a dictionary with `type`, `message` and `traceback` (`errors="keep"`).
    """
    made = _parts(branches)
    node = Parallel(branches=tuple(each.node for each in made), keep=_keeps(errors))
    return Pattern(node, _session(made), f"parallel({_listed(made)}{_said(errors)})")


def funnel(*branches: Parts, final: Part | None = None, errors: str = "stop") -> Pattern:
    """All at once, then `final` with the list of their results.

    `funnel([a, b], c)` is `funnel(a, b, final=c)`.

    Raises:
        InvalidInput: there is no `final`.
    """
    if final is None:
        if not branches or isinstance(branches[-1], list | tuple):
            raise InvalidInput("a funnel needs an end", remedy="funnel([a, b], c)")
        *branches_, last = branches
        return funnel(*branches_, final=last, errors=errors)  # type: ignore[arg-type]
    made, end = _parts(branches), part(final)
    node = Funnel(branches=tuple(each.node for each in made), final=end.node, keep=_keeps(errors))
    text = f"funnel({_listed([*made])}{', ' if made else ''}final={end}{_said(errors)})"
    return Pattern(node, _session([*made, end]), text)


def segment(step: Part, size: int, *, errors: str = "stop") -> Pattern:
    """Cut the list that comes in into chunks of `size`, and call `step` with each, all at once.

    The result is the list of what it returned, one for each chunk, in order.

    Raises:
        InvalidInput: the size is not positive.
    """
    if size < 1:
        raise InvalidInput(f"a segment of {size} cuts nothing", remedy="at least 1")
    made = part(step)
    node = Segment(step=made.node, size=size, keep=_keeps(errors))
    return Pattern(node, made.session, f"segment({made}, {size}{_said(errors)})")


def bound(session: Session, name: str, args: Sequence[object], named: dict[str, object]) -> Pattern:
    """Return a step of a socket with values that are given to it already.

    Raises:
        InvalidInput: JSON cannot carry one of them.
    """
    given = [*map(_json, args), *(f"{key}={_json(value)}" for key, value in named.items())]
    step = Step(
        socket=name, args=_json(list(args)) if args else "", named=_json(named) if named else ""
    )
    return Pattern(step, session, f"{name}({', '.join(given)})" if given else name)


def _json(value: object) -> str:
    made = payload(value)
    if made.content_type != "application/json":
        raise InvalidInput("bytes cannot be bound to a step", remedy="send them through it")
    return made.body.decode()


def part(value: Part) -> Pattern:
    """Return a socket as a step, and a pattern as it is.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(value, Pattern):
        return value
    from flowctl.client.sockets import Socket

    if isinstance(value, Socket):
        return value.s()
    raise InvalidInput(
        f"{value!r} cannot be part of a canvas", remedy="give sockets, or patterns of sockets"
    )


def _parts(values: Iterable[Parts]) -> list[Pattern]:
    found: list[Pattern] = []
    for value in values:
        if isinstance(value, list | tuple):
            found.extend(part(each) for each in value)
        else:
            found.append(part(value))  # type: ignore[arg-type]
    return found


def _session(parts: Iterable[Pattern]) -> Session | None:
    sessions = {id(each.session): each.session for each in parts if each.session is not None}
    if len(sessions) > 1:
        raise InvalidInput("these sockets are of different flows")
    return next(iter(sessions.values()), None)


def _keeps(errors: str) -> bool:
    if errors not in ERRORS:
        raise InvalidInput(f"errors={errors!r} is unknown", remedy='"stop" or "keep"')
    return errors == "keep"


def _listed(parts: Sequence[Pattern]) -> str:
    return ", ".join(map(repr, parts))


def _said(errors: str) -> str:
    return "" if errors == "stop" else f", errors={json.dumps(errors)}"
