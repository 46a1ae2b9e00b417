"""Canvases in one line."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.errors import InvalidInput
from flowctl.model.canvas import Funnel, Node, Parallel, Pipeline, Segment, Step, nodes
from flowctl.recipe import expression
from flowctl.recipe.expression import read, write

steps = st.builds(
    Step,
    socket=st.sampled_from(["a.x", "odd-name.rows", "other/a.x", "class.rows"]),
    args=st.sampled_from(["", "[1]", '["ü",null,[true]]']),
    named=st.sampled_from(["", '{"limit":3}', '{"a":{"b":[-1.5]},"c":false}']),
)


def _larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, max_size=3).map(tuple)
    keep = st.booleans()
    return st.one_of(
        st.builds(Pipeline, steps=several),
        st.builds(Parallel, branches=several, keep=keep),
        st.builds(Funnel, branches=several, final=inner, keep=keep),
        st.builds(Segment, step=inner, size=st.integers(1, 99), keep=keep),
    )


@given(st.recursive(steps, _larger, max_leaves=12))
def test_what_is_written_reads_as_the_same(node: Node) -> None:
    text = write(node)
    assert write(read(text)) == text
    assert _steps(read(text)) == _steps(node)


def _steps(node: Node) -> list[Step]:
    return [each for _, each in nodes(node) if isinstance(each, Step)]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("pipeline(a.x, b.y)", "a.x | b.y"),
        ("a.x |\n  [b.y, c.z]", "a.x | [b.y, c.z]"),
        ("funnel(a.x, b.y, final=c.z)", "funnel([a.x, b.y], c.z)"),
        ("chord([a.x], c.z, errors='keep')", 'funnel([a.x], c.z, errors="keep")'),
        ("segment(a.x, size=5)", "segment(a.x, 5)"),
        ("parallel([a.x], errors='stop')", "[a.x]"),
        ("a.x(true, k=None)", "a.x(true, k=null)"),
    ],
)
def test_ways_to_write_the_same(text: str, same: str) -> None:
    assert write(read(text)) == same


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "a is no socket"),
        ("a.x |", "invalid syntax"),
        ("a.x | 5", "5 is no socket: write processor.socket, at character 7"),
        ("a.x(b.y)", "b.y is no JSON value"),
        ("segment(a.x)", "the size of a chunk"),
        ("segment(a.x, 0)", "the size of a chunk"),
        ("funnel(a.x)", "needs an end"),
        ("parallel(a.x, errors='drop')", '"stop" or "keep"'),
        ("parallel(a.x, error='keep')", 'there is no "error" here'),
        ("pipeline(a.x, errors='keep')", 'there is no "errors" here'),
        ("__import__('os').system('ls')", "is no socket"),
        ("a.x(**{})", "one by one"),
        ("a.x(k={1: 2})", "only text as keys"),
        ("a.x(1e999)", "not JSON"),
        ("a.x + b.y", "is no socket"),
        ("[" * 300 + "a.x" + "]" * 300, "nested"),
        ("a.x(b'raw')", "no JSON value"),
        ("a.x | " * 20_000 + "a.x", "too long"),
    ],
)
def test_what_is_no_canvas(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        read(text)


def test_examples() -> None:
    assert doctest.testmod(expression).failed == 0
