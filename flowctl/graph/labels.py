"""What is written on lines and cards, in a width that never changes with the numbers."""

from __future__ import annotations

from enum import StrEnum

from flowctl.graph.build import Edge, Graph, Vertex
from flowctl.graph.live import Overlay, PlugLive, ProcessorLive
from flowctl.graph.physics import drains_in, fills_in
from flowctl.model.work import Trend


class Level(StrEnum):
    """How much a line says."""

    FULL = "full"  # depth, trend, both rates, when it is empty or full
    SHORT = "short"  # depth, trend, rate
    RATE = "rate"  # the rate alone
    NONE = "none"


_LIVE = {Level.FULL: 31, Level.SHORT: 13, Level.RATE: 6, Level.NONE: 0}
_STILL = {Level.FULL: 28, Level.SHORT: 12, Level.RATE: 0, Level.NONE: 0}
_STATE = {Level.FULL: 15, Level.SHORT: 15, Level.RATE: 9, Level.NONE: 9}
"""Columns of the line of a card that holds numbers."""
_WORDS = ("", "running")
"""Statuses that need no word: the numbers say it."""
_PLAIN = str.maketrans("▲▼→…", "^v>~")


def label_width(graph: Graph, level: Level, *, live: bool) -> int:
    """Return how many cells the label of every edge gets."""
    if live:
        return _LIVE[level]
    return min(_STILL[level], max((len(edge.title) for edge in graph.edges), default=0))


def edge_text(edge: Edge, overlay: Overlay | None, level: Level, width: int) -> str:
    """Return the label of an edge, in at most so many cells."""
    if overlay is None:
        return cut(edge.title, width)
    numbers = overlay.plugs.get(edge.name)
    return cut(_live(numbers, level), width) if numbers else ""


def _live(numbers: PlugLive, level: Level) -> str:
    arriving, leaving = rate(numbers.in_rate), rate(numbers.out_rate)
    if level is Level.RATE:
        return f"{leaving}/s"
    held = f"{amount(numbers.depth)}{_arrow(numbers.trend)}"
    if level is Level.SHORT:
        return f"{held} {leaving}/s"
    return f"{held} {arriving}→{leaving}/s {_outlook(numbers)}".rstrip()


def _arrow(trend: Trend) -> str:
    return {Trend.GROWING: "▲", Trend.SHRINKING: "▼", Trend.STEADY: "="}[trend]


def _outlook(numbers: PlugLive) -> str:
    full, empty = fills_in(numbers), drains_in(numbers)
    if full is not None:
        return f"full {span(full)}"
    return f"empty {span(empty)}" if empty else ""


def card_text(vertex: Vertex, overlay: Overlay | None, level: Level) -> list[str]:
    """Return the lines of a card."""
    lines = [vertex.name]
    if overlay is not None:
        lines.append(_state(overlay.processors.get(vertex.processor), _STATE[level]))
    return lines + list(vertex.rows)


def card_size(vertex: Vertex, level: Level, *, live: bool, line: bool) -> tuple[int, int]:
    """Return the columns and rows of a card: a box, or one line in brackets."""
    if line:
        return len(vertex.name) + 4, 1
    texts = [len(vertex.name), *map(len, vertex.rows)]
    if not live:
        return max(texts) + 4, len(texts) + 2
    return max(max(texts) + 4, _STATE[level] + 3), len(texts) + 3


def _state(numbers: ProcessorLive | None, width: int) -> str:
    if numbers is None:
        return ""
    mark = "b " if numbers.limiting else ""
    if numbers.status not in _WORDS:
        return cut(f"{mark}{numbers.status}", width)
    cpus = f"{mark}{numbers.running}/{numbers.wanted}"
    busy = "" if numbers.utilisation is None else f" {100 * numbers.utilisation:.0f}%"
    failed = f" !{amount(numbers.failures)}" if numbers.failures else ""
    whole = cpus + busy + failed
    return whole if len(whole) <= width else cut(cpus + (failed or busy), width)


def plain(text: str) -> str:
    """Return a text with the marks of ours as plain ASCII; other signs become question marks."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode()


def cut(text: str, width: int) -> str:
    """Return a text that fits; an ellipsis tells that something is missing."""
    return text if len(text) <= width else text[: width - 1] + "…" if width > 0 else ""


def amount(number: float | None) -> str:
    """Return a number in at most four characters.

    >>> amount(0), amount(999), amount(1204), amount(53_000), amount(2_500_000), amount(None)
    ('0', '999', '1.2k', '53k', '2.5M', '?')
    """
    if number is None:
        return "?"
    value = float(number)
    for unit in ("", "k", "M", "G"):
        if value < 999.5:
            return f"{value:.1f}{unit}" if unit and value < 9.95 else f"{value:.0f}{unit}"
        value /= 1000
    return "lots"


def rate(number: float | None) -> str:
    """Return a rate in at most four characters.

    >>> rate(0.04), rate(0.25), rate(3.14), rate(340.2), rate(None)
    ('.04', '.25', '3.1', '340', '?')
    """
    if number is None or number >= 9.95 or number == 0:
        return amount(number)
    if number < 0.995:
        return f"{number:.2f}"[1:]
    return f"{number:.1f}"


def span(seconds: float) -> str:
    """Return a length of time in at most six characters.

    >>> span(4.2), span(250), span(7300), span(90_000), span(9e9)
    ('4s', '4m10s', '2h1m', '1d1h', '>1y')
    """
    whole = round(seconds)
    if whole >= 31_536_000:
        return ">1y"
    for unit, size, less, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "m", 60),
        ("m", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}{rest}{less}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"
