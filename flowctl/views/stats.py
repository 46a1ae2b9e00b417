"""Series as charts with axes, one below the other, or two side by side where there is room. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Protocol

from flowctl.views.charts import chart
from flowctl.views.lines import EMPTY, Line, Span, line
from flowctl.views.text import count, size
from flowctl.views.tones import Tone

SPANS = (15.0, 60.0, 360.0, 1440.0)
"""How many minutes may be looked back."""
_HEIGHT = 7
_WIDE = 120
"""From so many cells on two charts stand side by side."""


class Measured(Protocol):
    """One number of one object over time."""

    @property
    def kind(self) -> str:
        """Of what kind the object is."""

    @property
    def metric(self) -> str:
        """What is measured."""

    @property
    def values(self) -> Sequence[float | None]:
        """None where nothing was."""


_TITLES = {
    ("agent", "cpu"): ("cpu, percent of all", 100.0, count),
    ("agent", "load"): ("load, of one minute", 0.0, count),
    ("agent", "memory"): ("memory in use, percent", 100.0, count),
    ("agent", "disk"): ("disk in use, percent", 100.0, count),
    ("worker", "cpu"): ("cpu, percent of one", 0.0, count),
    ("worker", "memory"): ("memory", 0.0, size),
    ("worker", "busy"): ("executors that run a call", 0.0, count),
    ("processor", "wanted"): ("cpus wanted", 0.0, count),
    ("processor", "deployed"): ("cpus given by agents", 0.0, count),
    ("processor", "running"): ("cpus that serve", 0.0, count),
    ("queue", "ready"): ("messages that wait", 0.0, count),
    ("queue", "unacked"): ("messages that are worked on", 0.0, count),
}


def charts(
    found: Iterable[Measured], width: int, minutes: float, *, ascii_only: bool = False
) -> list[Line]:
    """Return the charts for so many cells."""
    begin = f"{minutes / 60:.0f}h ago" if minutes >= 60 else f"{minutes:.0f}m ago"
    many = 2 if width >= _WIDE else 1
    each = (width - 3 * (many - 1)) // many
    drawn = [_chart(one, each, begin, ascii_only) for one in found]
    lines: list[Line] = []
    for row in range(0, len(drawn), many):
        lines += [EMPTY] if lines else []
        lines += [
            _beside(pair, each) for pair in zip_longest(*drawn[row : row + many], fillvalue=EMPTY)
        ]
    return lines


def _chart(one: Measured, width: int, begin: str, ascii_only: bool) -> list[Line]:
    plain: tuple[str, float, Callable[[float], str]] = (one.metric, 0.0, count)
    title, top, label = _TITLES.get((one.kind, one.metric), plain)
    known = [value for value in one.values if value is not None]
    said = f"  now {label(known[-1])}, most {label(max(known))}" if known else "  never measured"
    shown = chart(
        one.values, width, _HEIGHT, top=top, begin=begin, label=label, ascii_only=ascii_only
    )
    return [
        line((title, Tone.HEAD), (said, Tone.DIM)),
        *(line((each, Tone.NOTE)) for each in shown),
    ]


def _beside(pair: Sequence[Line], width: int) -> Line:
    spans: list[Span] = []
    for number, each in enumerate(pair):
        spans += each.spans
        if number < len(pair) - 1:
            spans.append(Span(" " * (width + 3 - len(each.text))))
    return Line(tuple(spans))
