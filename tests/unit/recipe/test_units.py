"""Durations, sizes and rates."""

from __future__ import annotations

import pytest

from flowctl.recipe.units import (
    duration_text,
    number_text,
    parse_duration,
    parse_rate,
    parse_size,
    rate_text,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("250ms", 0.25),
        ("3ms", 0.003),
        ("1d", 86400.0),
        ("1.5s", 1.5),
        ("2.5", 2.5),
        ("10", 10.0),
        ("0", 0.0),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "1y", "1s1h", "1 2", "inf", "nan", "1e999", "99999d"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30.0, "30s"), (5400.0, "1h30m"), (0.25, "250ms"), (0.0, "0s"), (1.5, "1.5"), (1e-9, "1e-09")],
)
def test_durations_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 2**29), ("1g", 2**30), ("1.5GiB", 3 * 2**29), ("64 KB", 65536), ("1000", 1000)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1M", "1X", "1e3"])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_sizes_are_written_in_the_largest_unit_that_fits() -> None:
    assert [size_text(n) for n in (2**29, 2**30, 1000, 0, 1536)] == ["512M", "1G", 1000, 0, 1536]


def test_rates_are_read_and_written() -> None:
    assert parse_rate("60/m") == (60.0, 60.0)
    assert rate_text(1000.0, 3600.0) == "1000/h"
    assert rate_text(5.0, 7.0) == ""
    assert number_text(2.5) == "2.5"


@pytest.mark.parametrize("text", ["100", "0/s", "x/s", "1/y", "-1/s"])
def test_other_texts_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)
