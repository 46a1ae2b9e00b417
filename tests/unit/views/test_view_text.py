"""Numbers and times as people read them."""

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from flowctl.views import kinds, text

NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("module", [text, kinds])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (999.9, "1k"), (1000, "1k"), (12_345, "12.3k"), (1e15, "1000T")],
)
def test_counts_stay_short(number: float, shown: str) -> None:
    assert text.count(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0, "0ms"),
        (0.9999, "1000ms"),
        (59.94, "59.9s"),
        (60, "1m"),
        (3600, "1h"),
        (3661, "1h1m"),
        (86_400 * 400, "400d"),
    ],
)
def test_durations_show_two_units(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_ages_tell_past_and_future_apart() -> None:
    assert text.age(NOW - timedelta(seconds=90), NOW) == "1m30s"
    assert text.age(NOW + timedelta(seconds=5), NOW) == "in 5s"
    assert text.age(NOW + timedelta(seconds=0.5), NOW) == "0ms"
    assert text.age(None, NOW) == "-"


def test_what_was_recorded_cannot_move_the_cursor() -> None:
    assert "\x1b" not in text.printable("a\x1b[2Jb\r\n\x07")
    assert text.printable("größe 木") == "größe 木"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (True, "yes"),
        (["a", "b"], "a,b"),
        ({"k": 1}, "k=1"),
        (0, "0"),
    ],
)
def test_plain_cells(value: object, shown: str) -> None:
    assert text.plain(value) == shown
