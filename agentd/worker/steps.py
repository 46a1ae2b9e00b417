"""What is committed of calls that are steps of a canvas, and of those that begin or end one (pure).

The result of a step goes to its canvas and nowhere else: plugs are not followed. So does its
failure, which also lies in the dead letters, from where it can be sent again; unless the canvas
takes failures for values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import msgspec

from agentd.worker import routing
from agentd.worker.items import Item
from agentd.worker.routing import Outcome, Output, Route
from flowctl.model.canvas import (
    BOUND,
    COMPLETE,
    FAILURE,
    START,
    Canvas,
    Launch,
    Node,
    read_pointer,
)
from flowctl.model.flow import Argument
from flowctl.model.naming import socket_queue
from flowctl.model.traffic import Failure, Finished, Message
from flowctl.recipe.expression import read

_JSON = "application/json"


def settle(
    route: Route, message: Message, outcome: Outcome, received_at: datetime, luck: float
) -> Finished:
    """Return what is committed for a call that ended, whatever it is part of."""
    if route.processor.spec.canvas and outcome.failure is None:
        if route.socket.spec.name == START:
            return _launched(route, message, outcome, received_at)
        if message.content_type == FAILURE:
            return _broken(route, message, received_at)
    if not message.canvas:
        return routing.settle(route, message, outcome, received_at, luck)
    if outcome.scatter:
        outcome = replace(outcome, result=_list(outcome.outputs or []), content_type=_JSON)
    finished = routing.settle(_alone(route), message, outcome, received_at, luck)
    return _step(finished, message)


def reject(route: Route, message: Message, failure: Failure, at: datetime) -> Finished:
    """Return what is committed for a delivery that is given up without having run."""
    if not message.canvas:
        return routing.reject(route, message, failure, at)
    return _step(routing.reject(_alone(route), message, failure, at), message)


def _launched(route: Route, message: Message, outcome: Outcome, received_at: datetime) -> Finished:
    """Begin the canvas that a processor is; its call waits until that has ended."""
    processor = route.processor.spec
    canvas = Canvas(
        id=message.id,
        run_id=message.run_id,
        network=route.network,
        program=_tree(processor.canvas),
        name=route.socket.name,
        exit=socket_queue(route.network, processor.name, COMPLETE),
        outer=message.canvas,
        reply_to=message.reply_to,
        gathers=message.gathers if outcome.gathers is None else outcome.gathers,
        hops=message.hops,
        traceparent=message.traceparent,
    )
    call = routing.waiting(route, message, received_at=received_at)
    return Finished(
        call=msgspec.structs.replace(call, started_at=outcome.started_at),
        launch=Launch(canvas=canvas, body=outcome.result, content_type=outcome.content_type),
    )


@lru_cache(maxsize=16)
def _tree(expression: str) -> Node:
    return read(expression)


def _broken(route: Route, message: Message, at: datetime) -> Finished:
    """Fail as the canvas did: its ERROR plugs hear of it; the dead letter is that of the step."""
    failure = msgspec.json.decode(message.body, type=Failure)
    finished = reject(route, message, failure, at)
    finished.outgoing = tuple(each for each in finished.outgoing if not each.message.reason)
    return finished


def _alone(route: Route) -> Route:
    return replace(route, outbound=())


def _step(finished: Finished, message: Message) -> Finished:
    finished.pointer, finished.record = message.canvas, True
    pointer = read_pointer(message.canvas)
    if pointer and pointer.keep:
        finished.outgoing = tuple(each for each in finished.outgoing if not each.message.reason)
    return finished


def _list(outputs: Sequence[Output]) -> bytes:
    """Return what a generator yielded as one value: a step has one result."""
    return b"[" + b",".join(_json(output) for output in outputs) + b"]"


def _json(output: Output) -> bytes:
    is_json = output.content_type == _JSON
    return output.body if is_json else msgspec.json.encode(output.body.decode(errors="replace"))


def bind(item: Item, arguments: Sequence[Argument]) -> None:
    """Put the bound values of a step and what came in together, by the parameters of the task.

    What came in fills the first parameter that has no value yet; where there is none it is dropped.
    """
    if item.message.content_type != BOUND or item.content_type != BOUND:
        return
    given = msgspec.json.decode(item.body, type=_Bound)
    names = [each.name for each in arguments if each.kind in _FILLED]
    values = dict(zip(names, given.args, strict=False)) | given.named
    free = [name for name in names if name not in values]
    if free and not given.args:
        values[free[0]] = given.input
    item.body, item.content_type, item.named = msgspec.json.encode(values), _JSON, True


_FILLED = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")


class _Bound(msgspec.Struct):
    """The body of an input that meets bound values."""

    input: msgspec.Raw = msgspec.Raw(b"null")
    args: list[msgspec.Raw] = []
    named: dict[str, msgspec.Raw] = {}
