"""Bodies are shown as what they are, and never move a cursor."""

from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

from flowctl.views import bodies


def test_the_examples_are_true() -> None:
    failed, tried = doctest.testmod(bodies)
    assert tried >= 3
    assert not failed


@given(body=st.binary(max_size=200), kind=st.sampled_from(["text/plain", "application/json", ""]))
def test_whatever_comes_can_be_printed(body: bytes, kind: str) -> None:
    assert all(line.isprintable() for line in bodies.pretty(body, kind, most=100).split("\n"))


def test_numbers_are_shown_as_they_are_written() -> None:
    assert bodies.pretty(b"[1.0, 10000000000000000000000001]").split() == [
        "[", "1.0,", "10000000000000000000000001", "]",
    ]  # fmt: skip


def test_a_long_body_says_what_is_left_out() -> None:
    assert bodies.pretty("é".encode() * 10, "text/plain", most=5).endswith("éé\n... 15 bytes more")
