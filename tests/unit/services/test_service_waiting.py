"""Waiting tells for what, and ends in time."""

import pytest

from flowctl.errors import TimedOut
from flowctl.services.waiting import Standing, until


class Steps:
    """A clock that moves a second at each look."""

    def __init__(self) -> None:
        self.moment = 0.0

    def monotonic(self) -> float:
        self.moment += 1
        return self.moment

    def now(self) -> None:
        raise AssertionError("nobody asks for the date")


def test_every_new_sentence_is_told_once() -> None:
    looks = iter(
        [Standing(False, "a"), Standing(False, "a"), Standing(False, "b"), Standing(True, "c")]
    )
    told: list[str] = []
    assert until(lambda: next(looks), Steps(), on_change=told.append, longest=0.0) == "c"  # type: ignore[arg-type]
    assert told == ["a", "b"]


def test_the_last_sentence_is_the_reason_of_a_timeout() -> None:
    with pytest.raises(TimedOut, match="after 3 s: parse is starting"):
        until(lambda: Standing(False, "parse is starting"), Steps(), timeout=3, longest=0.0)  # type: ignore[arg-type]
