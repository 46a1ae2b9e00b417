"""What is committed of steps of canvases, and of canvases that are processors."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from agentd.worker.routing import Output, Route
from agentd.worker.steps import bind, reject, settle
from flowctl.model.canvas import BOUND, FAILURE, Parallel
from flowctl.model.flow import Argument, PlugKind, Retry
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure
from tests.flows import NOW, item, message, outcome, plug, processor, route, socket

BAD = Failure(type="ValueError", message="bad row")
SAVE = plug("parse.rows", "store.save")


def test_the_result_of_a_step_goes_to_its_canvas_alone() -> None:
    made = settle(route(SAVE), message(canvas="c:0.1"), outcome(b"[1]"), NOW, 0.5)
    assert (made.pointer, made.outgoing, made.result) == ("c:0.1", (), b"[1]")
    usual = settle(route(SAVE), message(), outcome(b"[1]"), NOW, 0.5)
    assert (usual.pointer, len(usual.outgoing)) == ("", 1)


def test_steps_are_recorded_whatever_is_tracked() -> None:
    from flowctl.model.flow import Track

    made = settle(route(track=Track.NONE), message(canvas="c:0"), outcome(), NOW, 0.5)
    assert made.record


def test_what_a_generator_yields_is_one_list() -> None:
    outputs = [Output(b"1"), Output(b'"x"'), Output(b"raw", "text/plain")]
    made = settle(route(), message(canvas="c:0"), outcome(outputs=outputs, scatter=True), NOW, 0.5)
    assert json.loads(made.result or b"") == [1, "x", "raw"]


def test_a_step_that_failed_is_a_dead_letter_unless_failures_are_values() -> None:
    error = plug("parse.rows", "alert.send", kind=PlugKind.ERROR)
    made = settle(route(error), message(canvas="c:0"), outcome(failure=BAD), NOW, 0.5)
    assert [each.queue for each in made.outgoing] == ["shop.parse.rows.dead"]
    assert made.outgoing[0].message.canvas == "c:0"
    kept = settle(route(error), message(canvas="c:0?"), outcome(failure=BAD), NOW, 0.5)
    assert (kept.outgoing, kept.call.status) == ((), CallStatus.FAILED)
    assert reject(route(error), message(canvas="c:0?"), BAD, NOW).outgoing == ()


def test_a_step_that_is_tried_again_keeps_its_place() -> None:
    again = settle(
        route(retry=Retry(max=1)), message(canvas="c:0?"), outcome(failure=BAD), NOW, 0.5
    )
    (out,) = again.outgoing
    assert (out.message.canvas, out.message.attempt) == ("c:0?", 2)


def argument(name: str, position: int = 0, kind: str = "POSITIONAL_OR_KEYWORD") -> Argument:
    return Argument(name=name, position=position, kind=kind)


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ({"input": 5, "named": {"right": 2}}, {"left": 5, "right": 2}),
        ({"input": 5, "named": {"left": 2}}, {"left": 2, "right": 5}),
        ({"input": None, "args": [1, 2]}, {"left": 1, "right": 2}),
        ({"input": None, "args": [1], "named": {"right": 2}}, {"left": 1, "right": 2}),
        ({"input": 5, "named": {"left": 1, "right": 2}}, {"left": 1, "right": 2}),
        ({"input": 5, "named": {"more": 1}}, {"left": 5, "more": 1}),
    ],
)
def test_bound_values_and_what_came_in_meet(body: Any, given: Any) -> None:
    found = item(route(), body=json.dumps(body).encode(), content_type=BOUND)
    bind(found, [argument("left"), argument("right", 1)])
    assert (json.loads(found.body), found.named) == (given, True)
    before = found.body
    bind(found, [argument("left")])
    assert found.body == before


def canvas_route(name: str) -> Route:
    from flowctl.model.nodes import ProcessorType

    made = processor("tidy", type=ProcessorType.PARALLEL, canvas='parallel([a.x], errors="keep")')
    return dataclasses.replace(route(), processor=made, socket=socket(f"tidy.{name}", task=""))


def test_a_canvas_that_is_a_processor_begins_with_a_message() -> None:
    asked = message(canvas="outer:3", reply_to="me", hops=4)
    made = settle(canvas_route("start"), asked, outcome(b"7"), NOW, 0.5)
    assert made.launch
    canvas = made.launch.canvas
    assert isinstance(canvas.program, Parallel)
    assert (canvas.exit, canvas.outer, canvas.reply_to) == ("shop.tidy.complete", "outer:3", "me")
    assert (made.call.status, made.pointer, made.launch.body) == (CallStatus.WAITING, "", b"7")


def test_what_a_canvas_came_to_leaves_by_its_end() -> None:
    end = dataclasses.replace(
        canvas_route("complete"), outbound=(plug("tidy.complete", "store.save"),)
    )
    made = settle(end, message(), outcome(b"[7]"), NOW, 0.5)
    assert [each.queue for each in made.outgoing] == ["shop.tidy.complete-store.save"]
    assert settle(end, message(canvas="outer:3"), outcome(b"[7]"), NOW, 0.5).pointer == "outer:3"


def test_the_failure_of_a_canvas_goes_over_error_plugs_and_is_no_dead_letter() -> None:
    error = plug("tidy.complete", "alert.send", kind=PlugKind.ERROR)
    told = message(body=msgspec.json.encode(BAD), content_type=FAILURE)
    end = canvas_route("complete")
    assert settle(end, told, outcome(told.body), NOW, 0.5).outgoing == ()
    end = dataclasses.replace(end, outbound=(error,))
    made = settle(end, told, outcome(told.body), NOW, 0.5)
    assert (made.call.status, len(made.outgoing)) == (CallStatus.FAILED, 1)
    assert json.loads(made.outgoing[0].message.body)["message"] == "bad row"
