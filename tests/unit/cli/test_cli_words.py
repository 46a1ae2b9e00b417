"""Lengths of time, moments, amounts; what watching tells; what `explain` finds."""

from datetime import UTC, datetime, timedelta

import pytest

from flowctl.cli.add import pairs, schedule_of
from flowctl.cli.explain import find
from flowctl.cli.watch import changed
from flowctl.cli.words import moment, seconds
from flowctl.errors import InvalidInput, NotFound
from flowctl.recipe.schema import describe
from flowctl.services.processors import target_cpus

NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("90", 90), ("1.5", 1.5), ("250ms", 0.25), ("1h30m", 5400), ("2d", 172800)],
)
def test_lengths_of_time(text: str, length: float) -> None:
    assert seconds(text) == pytest.approx(length)


@pytest.mark.parametrize("text", ["soon", "5 m", "-3s", "3x", "s"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(InvalidInput, match="no length of time"):
        seconds(text)


def test_moments() -> None:
    assert moment("", NOW) is None
    assert moment("10m", NOW) == NOW - timedelta(minutes=10)
    assert moment("2026-11-05T11:00:00+00:00", NOW) == NOW - timedelta(hours=1)
    with pytest.raises(InvalidInput):
        moment("yesterday", NOW)


@pytest.mark.parametrize(("amount", "cpus"), [("4", 4), ("+2", 5), ("-3", 0), ("0", 0)])
def test_amounts_of_cpus(amount: str, cpus: int) -> None:
    assert target_cpus(3, amount) == cpus


@pytest.mark.parametrize("amount", ["-4", "many", "", "1.5", "1000000"])
def test_amounts_that_cannot_be(amount: str) -> None:
    with pytest.raises(InvalidInput):
        target_cpus(3, amount)


def test_watching_tells_what_came_changed_and_went() -> None:
    told = changed(
        {"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 1}}, {"a": {"n": 1}, "b": {"n": 2}, "d": {"n": 1}}
    )
    assert told == [
        {"change": "changed", "n": 2},
        {"change": "added", "n": 1},
        {"change": "deleted", "n": 1},
    ]


def test_every_key_of_a_recipe_can_be_explained() -> None:
    assert find(describe(), ["processors", "retry", "max"])["description"]
    with pytest.raises(NotFound, match='did you mean "retry"'):
        find(describe(), ["processors", "retri"])


def test_options_of_pairs_and_schedules() -> None:
    assert pairs(["A=1", "B=x=y"], "--env") == {"A": "1", "B": "x=y"}
    with pytest.raises(InvalidInput):
        pairs(["A"], "--env")
    assert schedule_of("", "") is None
    every = schedule_of("", "10s")
    assert every is not None
    assert every.every == 10
    with pytest.raises(InvalidInput):
        schedule_of("* * * * *", "10s")
