"""Charts have the size that was asked for, whatever the values, and show what they were given."""

from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

from flowctl.views import charts

VALUES = st.lists(st.none() | st.floats(0, 1e12, allow_nan=False), max_size=50)


def test_the_examples_are_true() -> None:
    failed, tried = doctest.testmod(charts)
    assert tried > 5
    assert not failed


@given(values=VALUES, width=st.integers(1, 60), height=st.integers(1, 12), plain=st.booleans())
def test_a_chart_fits(values: charts.Values, width: int, height: int, plain: bool) -> None:
    lines = charts.chart(values, width, height, begin="5m", ascii_only=plain)
    assert 1 <= len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert not plain or all(line.isascii() for line in lines)


@given(values=VALUES, width=st.integers(1, 60), plain=st.booleans())
def test_a_sparkline_and_a_gauge_fit(values: charts.Values, width: int, plain: bool) -> None:
    assert len(charts.sparkline(values, width, ascii_only=plain)) == width
    assert len(charts.gauge(len(values), 50, width, ascii_only=plain)) == width


def test_a_line_rises_from_below_to_the_top() -> None:
    lines = charts.chart(
        [0, 1, 2, 3, 4, 5, 6, 7], 12, 4, begin="5m", label=lambda each: f"{each:.0f}"
    )
    assert lines[0].startswith("7 ┤")
    assert lines[2].startswith("0 ┤⣀") or lines[2].startswith("0 ┤⡠")
    assert lines[0].rstrip()[-1] in "⠁⠉⠊⠋⠎⠏"
    assert lines[-1].split() == ["5m", "now"]


def test_nothing_measured_draws_nothing() -> None:
    assert charts.sparkline([None, None]) == "  "
    assert charts.resampled([], 0, 10, 3) == [None, None, None]
    assert [line.strip("┤ 01") for line in charts.chart([None], 20, 3)] == ["", "", "now"]
