"""Canvases for tests: small trees, and a worker that plays all of their steps by plain functions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from flowctl.model.canvas import (
    BOUND,
    Canvas,
    Funnel,
    Launch,
    Node,
    Parallel,
    Pipeline,
    Segment,
    Step,
)
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure, Finished, Outgoing
from flowctl.state.store import Store
from tests.stores import call

BAD = Failure(type="ValueError", message="bad row", traceback="Traceback: bad row")

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "a.mark": lambda value: ["a", value],
    "b.mark": lambda value: ["b", value],
    "c.list": lambda value: [value, value, value],
    "d.size": lambda value: len(json.dumps(value)),
    "e.null": lambda value: None,
}
"""What the sockets of these tests do."""


def step(socket: str = "a.mark") -> Step:
    """A step."""
    return Step(socket=socket)


def pipeline(*steps: Node) -> Pipeline:
    """One after the other."""
    return Pipeline(steps=steps)


def parallel(*branches: Node, keep: bool = False) -> Parallel:
    """All at once."""
    return Parallel(branches=branches, keep=keep)


def funnel(*branches: Node, final: Node, keep: bool = False) -> Funnel:
    """All at once, then one."""
    return Funnel(branches=branches, final=final, keep=keep)


def segment(inner: Node, size: int) -> Segment:
    """A call a chunk."""
    return Segment(step=inner, size=size)


def expected(node: Node, value: Any) -> Any:
    """What plain Python makes of a value on a tree."""
    if isinstance(node, Step):
        return FUNCTIONS[node.socket](value)
    if isinstance(node, Pipeline):
        for each in node.steps:
            value = expected(each, value)
        return value
    if isinstance(node, Segment):
        cuts = range(0, len(value), node.size)
        return [expected(node.step, value[cut : cut + node.size]) for cut in cuts]
    found = [expected(each, value) for each in node.branches]
    return expected(node.final, found) if isinstance(node, Funnel) else found


def launched(program: Node, value: Any, id_: str = "root", **canvas: Any) -> Finished:
    """What is committed where a canvas begins."""
    run_id = str(canvas.pop("run_id", "run"))
    made = Canvas(id=CallId(id_), run_id=run_id, network="shop", program=program, **canvas)
    root = call(
        id_,
        run_id=run_id,
        socket="pipeline",
        status=CallStatus.WAITING,
        finished_at=None,
        duration=None,
        worker="",
    )
    return Finished(call=root, launch=Launch(canvas=made, body=json.dumps(value).encode()))


def done(outgoing: Outgoing, **fields: Any) -> Finished:
    """What is committed of a step that its function finished."""
    message = outgoing.message
    socket = outgoing.queue.partition(".")[2]
    record = call(message.id, run_id=message.run_id, socket=socket, parent=message.parent, **fields)
    value = json.loads(message.body)
    if message.content_type == BOUND:
        value = value["input"]
    result = json.dumps(FUNCTIONS[socket](value)).encode()
    return Finished(call=record, result=result, pointer=message.canvas)


def broken(outgoing: Outgoing, failure: Failure = BAD) -> Finished:
    """What is committed of a step that failed."""
    made = done(outgoing, status=CallStatus.FAILED, failure=failure)
    made.result = None
    return made


def play(store: Store, start: Finished, *, seed: int = 0, most: int = 4) -> list[str]:
    """Work a canvas off in any order, with repeats; return the ids of the calls that ran."""
    luck = random.Random(seed)
    waiting = list(store.traffic.conclude([start])[start.call.id])
    ran: list[str] = []
    while waiting:
        luck.shuffle(waiting)
        some, waiting = waiting[:most], waiting[most:]
        batch = [done(each) for each in some]
        follow = store.traffic.conclude(batch)
        assert set(follow) == {each.call.id for each in batch}
        ran += [each.call.id for each in batch]
        if luck.random() < 0.3:
            repeat_all(store, batch)
        store.traffic.sent(some)
        waiting += [each for more in follow.values() for each in more]
    return ran


def repeat_all(store: Store, batch: Sequence[Finished]) -> None:
    """Commit the same outcomes again, as another worker would."""
    for each in batch:
        again = call(each.call.id, run_id=each.call.run_id, socket=each.call.socket, worker="late")
        assert store.traffic.conclude([Finished(call=again, pointer=each.pointer)]) == {}


def value_of(store: Store, id_: str = "root") -> Any:
    """The result of a canvas that has ended well."""
    assert store.traffic.call(id_).status is CallStatus.FINISHED
    return json.loads(store.traffic.result(id_).body)
