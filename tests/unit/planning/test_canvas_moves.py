"""What happens next on a canvas: moves, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from flowctl.model.canvas import BOUND, Node, Path, Step, path_text
from flowctl.model.traffic import Failure
from flowctl.planning.canvas import (
    Arrive,
    Break,
    Close,
    End,
    Move,
    Open,
    Send,
    Value,
    at,
    begin,
    came,
    failed,
    gathered,
    spot,
)
from tests.canvases import BAD, funnel, parallel, pipeline, segment, step

ONE = Value(b"1")


def told(moves: Iterable[Move]) -> list[str]:
    """Moves in short, such as `send 0.1`."""
    return [f"{type(move).__name__.lower()} {path_text(move.path)}".strip() for move in moves]


@pytest.mark.parametrize(
    ("tree", "moves"),
    [
        (pipeline(), ["open", "end"]),
        (parallel(), ["open", "end"]),
        (pipeline(step(), step()), ["open", "send 0"]),
        (parallel(step(), step()), ["open", "send 0", "send 1"]),
        (parallel(parallel(), step()), ["open", "open 0", "close 0", "arrive", "send 1"]),
        (funnel(final=step()), ["open", "send 0"]),
        (pipeline(parallel(), parallel(step())), ["open", "open 0", "close 0", "open 1", "send 1.0"]),
        (pipeline(pipeline(pipeline())), ["open", "open 0", "open 0.0", "close 0.0", "close 0", "end"]),
    ],
)  # fmt: skip
def test_what_a_canvas_begins_with(tree: Node, moves: list[str]) -> None:
    assert told(begin(tree, (), ONE)) == moves


@pytest.mark.parametrize(
    ("tree", "path", "moves"),
    [
        (pipeline(step(), step()), (0,), ["send 1"]),
        (pipeline(step(), step()), (1,), ["end"]),
        (parallel(step(), step()), (1,), ["arrive"]),
        (funnel(step(), final=step()), (0,), ["arrive"]),
        (funnel(step(), final=step()), (1,), ["end"]),
        (parallel(pipeline(step())), (0, 0), ["close 0", "arrive"]),
        (pipeline(parallel(step()), step()), (0, 0), ["arrive 0"]),
        (segment(step(), 2), (7,), ["arrive"]),
    ],
)
def test_where_a_result_goes(tree: Node, path: Path, moves: list[str]) -> None:
    assert told(came(tree, path, ONE)) == moves


def test_a_thousand_empty_patterns_in_a_row_need_no_deep_stack() -> None:
    moves = list(begin(pipeline(*[parallel()] * 3000), (), ONE))
    assert moves[-1] == End((), Value(b"[]"))


def test_a_list_that_is_full_goes_on() -> None:
    (final,) = gathered(funnel(step(), step(), final=step("c.list")), (), [b"1", b'"x"'])
    assert isinstance(final, Send)
    assert (final.path, final.value.body) == ((2,), b'[1,"x"]')
    assert told(gathered(pipeline(parallel(step()), step()), (0,), [b"1"])) == ["close 0", "send 1"]


def test_a_list_is_cut_as_it_was_written() -> None:
    """Numbers that Python would write in another way stay as they are."""
    moves = list(
        begin(segment(step(), 2), (), Value(b'[1.0,1e2, {"a":1} ,12345678901234567890123]'))
    )
    assert [move.value.body for move in moves if isinstance(move, Send)] == [
        b"[1.0,1e2]",
        b'[{"a":1},12345678901234567890123]',
    ]
    assert isinstance(moves[0], Open)
    assert moves[0].total == 2


@pytest.mark.parametrize("body", [b"5", b'{"a":1}', b"null", b"nonsense"])
def test_only_a_list_can_be_cut(body: bytes) -> None:
    (move,) = begin(segment(step(), 2), (), Value(body))
    assert isinstance(move, Break)
    assert move.failure.type == "segment"


def test_bound_values_travel_with_what_comes_in() -> None:
    (_, move) = begin(pipeline(Step(socket="a.x", named='{"k":[1]}')), (), ONE)
    assert isinstance(move, Send)
    assert move.value == Value(b'{"input":1,"args":[],"named":{"k":[1]}}', BOUND)
    (_, move) = begin(pipeline(Step(socket="a.x", args="[5]")), (), Value(b"\0", "image/png"))
    assert isinstance(move, Send)
    assert json.loads(move.value.body)["input"] is None


def test_what_is_no_json_goes_through_pipelines_but_into_no_list() -> None:
    picture = Value(b"\x89", "image/png")
    (move,) = came(pipeline(step(), step()), (0,), picture)
    assert isinstance(move, Send)
    assert move.value == picture
    (move,) = came(parallel(step()), (0,), picture)
    assert isinstance(move, Break)
    assert "parallel[0] (a.mark): image/png cannot be in a list" in move.failure.message
    (move,) = came(parallel(step()), (0,), Value(b'say "hi"', "text/plain"))
    assert move == Arrive((), 0, Value(b'"say \\"hi\\""'))


@pytest.mark.parametrize(
    ("tree", "path", "keeper"),
    [
        (parallel(step(), keep=True), (0,), ()),
        (parallel(pipeline(step(), parallel(step())), keep=True), (0, 1, 0), ()),
        (parallel(parallel(step(), keep=True), keep=True), (0, 0), (0,)),
        (funnel(step(), final=step(), keep=True), (0,), ()),
        (funnel(step(), final=step(), keep=True), (1,), None),
        (pipeline(parallel(step(), keep=True), step()), (1,), None),
        (parallel(step()), (0,), None),
    ],
)
def test_who_takes_a_failure_for_a_value(tree: Node, path: Path, keeper: Path | None) -> None:
    (move,) = failed(tree, path, BAD)
    if keeper is None:
        assert move == Break(path, BAD)
        return
    assert isinstance(move, Arrive)
    assert (move.path, move.index) == (keeper, path[len(keeper)])
    assert json.loads(move.value.body)["message"] == "bad row"


def test_a_place_in_words() -> None:
    tree = pipeline(step(), funnel(step(), segment(step("b.mark"), 3), final=step("c.list")))
    assert spot(tree, (1, 1, 4)) == "pipeline[1].funnel[1].segment[4] (b.mark)"
    assert spot(tree, (1, 2)) == "pipeline[1].funnel.final (c.list)"
    assert spot(tree, ()) == "pipeline"


def test_a_step_has_nothing_below_it() -> None:
    with pytest.raises(IndexError):
        at(pipeline(step()), (0, 0))


def test_moves_are_values() -> None:
    assert Close((1,)) == Close((1,)) != Close((2,))
    assert Failure(type="x", message="y") == Failure(type="x", message="y")
