"""Processors that are pipelines, parallels, funnels and segments, as recipes write them."""

from __future__ import annotations

import pytest

from flowctl.errors import RecipeError
from flowctl.model.flow import NetworkSpec
from flowctl.recipe.dump import dump
from flowctl.recipe.parse import parse

HEAD = """
version: 1
network: shop
processors:
  a:
    source: {code: "def x(v): return v\\ndef y(v): return v"}
    sockets: [x, y]
"""
HEAD = HEAD.replace("sockets: [x, y]", "sockets: {x: x, y: y}")


def read(text: str, plugs: str = "") -> NetworkSpec:
    return parse(HEAD + text + plugs)


@pytest.mark.parametrize(
    ("text", "canvas"),
    [
        ("{type: pipeline, steps: [a.x, [a.x, a.y], 'a.x(v=1)']}", "a.x | [a.x, a.y] | a.x(v=1)"),
        ("{type: pipeline, steps: [a.x]}", "pipeline(a.x)"),
        ("{type: pipeline, steps: []}", "pipeline()"),
        ("{type: parallel, steps: [a.x, a.x | a.y]}", "[a.x, a.x | a.y]"),
        ("{type: parallel, steps: [a.x], errors: keep}", 'parallel([a.x], errors="keep")'),
        ("{type: funnel, steps: [a.x, a.y], final: a.x}", "funnel([a.x, a.y], a.x)"),
        ("{type: segment, steps: [a.x], size: 5}", "segment(a.x, 5)"),
        ("{type: segment, steps: [a.x, a.y], size: 5}", "segment(a.x | a.y, 5)"),
    ],
)
def test_ways_to_write_one(text: str, canvas: str) -> None:
    spec = read(f"  tidy: {text}\n")
    tidy = spec.processors[1]
    assert tidy.canvas == canvas
    assert [socket.name for socket in tidy.sockets] == ["complete", "start"]
    assert parse(dump(spec)) == spec


def test_a_plug_from_the_start_leaves_from_the_end() -> None:
    text = "  tidy: {type: pipeline, steps: [a.x]}\n"
    spec = read(text, "plugs: [tidy.start -> a.y, tidy.complete !> a.x]\n")
    assert [plug.source for plug in spec.plugs] == ["tidy.complete", "tidy.complete"]


def test_a_start_may_have_a_schedule_and_a_queue() -> None:
    text = "  tidy: {type: pipeline, steps: [a.x], sockets: {start: {every: 5s}}}\n"
    spec = read(text)
    assert spec.processors[1].sockets[1].schedule
    assert parse(dump(spec)) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{type: pipeline, steps: [a.z]}", 'there is no socket "a.z"'),
        ("{type: pipeline, steps: [tidy.start]}", "tidy would call itself"),
        ("{type: pipeline, steps: [a.x], final: a.y}", '"final" is not for a pipeline'),
        ("{type: funnel, steps: [a.x]}", '"final" is missing'),
        ("{type: segment, steps: [a.x]}", '"size" is missing'),
        ("{type: pipeline, steps: ['a.x |']}", "this is no canvas"),
        ("{type: pipeline, steps: [a.x], sockets: {more: {}}}", "start and complete, and no other"),
        ("{type: gate, steps: [a.x]}", '"steps" is not for a gate'),
    ],
)
def test_what_cannot_be(text: str, said: str) -> None:
    with pytest.raises(RecipeError) as told:
        read(f"  tidy: {text}\n")
    assert any(said in problem.message for problem in told.value.problems)


def test_nothing_leads_into_the_end() -> None:
    with pytest.raises(RecipeError) as told:
        read("  tidy: {type: pipeline, steps: [a.x]}\n", "plugs: [a.y -> tidy.complete]\n")
    assert any("gets what tidy came to" in problem.message for problem in told.value.problems)
