"""What no single key can say."""

from __future__ import annotations

import pytest

from flowctl.errors import RecipeError
from flowctl.recipe.parse import parse

HEAD = "network: n\nprocessors: {a: {source: {command: cat}, REST}}\n"


def problems(rest: str, tail: str = "") -> list[str]:
    try:
        parse(HEAD.replace("REST", rest) + tail)
    except RecipeError as error:
        return [f"{p.path}: {p.message}" for p in error.problems]
    return []


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("scale: {min: 3, max: 2}", "processors.a.scale: min 3 is above max 2"),
        ("scale: {max: 2}, cpus: 3", "processors.a.cpus: 3 is not within scale, 0 to 2"),
        (
            "retry: {max: 1, backoff: 2m, cap: 1m}",
            "processors.a.retry: backoff 120s is above cap 60s",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_told(rest: str, problem: str) -> None:
    assert problems(rest) == [problem]


def test_what_follows_from_another_mistake_is_kept_back() -> None:
    assert problems("scale: {min: 1, max: many}, cpus: 3") == [
        'processors.a.scale.max: expected a whole number, 1 or more, found "many"'
    ]


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        ("{d: {processor: b, agent: x}}", 'deployments.d.processor: there is no processor "b"'),
        ("{d: {processor: a}}", "deployments.d: does not say where it runs"),
        (
            "{d: {processor: a, agent: x, cpus: 3}}",
            "processors.a.cpus: its deployments take 3 cpus, more than its 2",
        ),
        ("{d: {processor: a, agent: y}}", "deployments.d.agent: a may run on x only"),
    ],
)
def test_placements_that_cannot_be_are_told(tail: str, problem: str) -> None:
    assert problem in problems("cpus: 2, host: x", f"deployments: {tail}")


def test_a_socket_whose_name_is_no_function_needs_a_task() -> None:
    text = "network: n\nprocessors: {a: {source: {path: /x, module: m}, sockets: {in: }}}"
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert caught.value.problems[0].path == "processors.a.sockets.in.task"


def test_an_empty_command_is_told() -> None:
    with pytest.raises(RecipeError) as caught:
        parse("network: n\nprocessors: {a: {source: {command: []}}}")
    assert caught.value.problems[0].message == "the command is empty"
