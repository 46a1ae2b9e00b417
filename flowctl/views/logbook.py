"""Lines of logs as a person reads them: which are meant, how each looks, how fast they come.

Pure. A `Book` holds the newest lines in the order of time; a `Sieve` says which of them are seen,
with or without those around a match; a `Style` says how.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from flowctl.views.lines import Line, Span
from flowctl.views.listing import elide
from flowctl.views.text import printable
from flowctl.views.tones import Tone

MOST = 20_000
"""So many lines a book holds; older ones are forgotten."""
AROUND = 3
"""So many lines before and after a match are its context."""
LEVELS = ("", "info", "warning", "error")
"""The levels that one can choose as the least; empty means everything."""
_RANKS = {"debug": 0, "info": 1, "print": 1, "mark": 9, "warning": 2, "error": 3, "critical": 4}
_MARK = "mark"


class Told(Protocol):
    """A line of a log."""

    @property
    def at(self) -> datetime:
        """When it was written."""

    @property
    def source(self) -> str:
        """Who wrote it."""

    @property
    def level(self) -> str:
        """How much it matters."""

    @property
    def text(self) -> str:
        """What it says."""


@dataclass(frozen=True)
class Ruler:
    """A line that a person drew to see what comes after it."""

    at: datetime
    text: str
    source: str = ""
    level: str = _MARK


class Show(StrEnum):
    """Which lines are seen while something is searched for."""

    ALL = "all"
    ONLY = "only"  # what matches
    AROUND = "around"  # what matches, and what stands around it


@dataclass(frozen=True)
class Sieve:
    """Which lines are seen."""

    level: str = ""
    pattern: re.Pattern[str] | None = None
    show: Show = Show.ALL

    def finds(self, told: Told) -> bool:
        """Tell whether a line matches what is searched for."""
        if self.pattern is None or told.level == _MARK:
            return False
        return self.pattern.search(told.text) is not None or bool(self.pattern.search(told.source))

    def keeps(self, told: Told) -> bool:
        """Tell whether a line matters enough."""
        return not self.level or _RANKS.get(told.level, 1) >= _RANKS[self.level]

    def chosen(self, lines: Sequence[Told]) -> list[Told | None]:
        """Return what is seen; None stands for lines that were left out between two matches."""
        kept = [told for told in lines if self.keeps(told)] if self.level else list(lines)
        if self.pattern is None or self.show is Show.ALL:
            return list(kept)
        found = [self.finds(told) or told.level == _MARK for told in kept]
        if self.show is Show.ONLY:
            return [told for told, match in zip(kept, found, strict=True) if match]
        return _with_context(kept, found)


def _with_context(lines: Sequence[Told], found: Sequence[bool]) -> list[Told | None]:
    shown: list[Told | None] = []
    end = 0
    for at, match in enumerate(found):
        if not match:
            continue
        begin = max(end, at - AROUND)
        if begin > end and shown:
            shown.append(None)
        end = max(end, min(len(lines), at + AROUND + 1))
        shown += lines[begin:end]
    return shown


class Book:
    """The newest lines, oldest first."""

    def __init__(self, most: int = MOST) -> None:
        self.lines: list[Told] = []
        self._most = most

    def add(self, fresh: Sequence[Told]) -> None:
        """Take new lines; one that comes late goes where its moment is."""
        late = bool(fresh and self.lines and fresh[0].at < self.lines[-1].at)
        self.lines += fresh
        if late:
            self.lines.sort(key=lambda told: told.at)
        if len(self.lines) > self._most:
            del self.lines[: len(self.lines) - self._most]

    def rule(self, at: datetime) -> None:
        """Draw a line below what there is."""
        self.add([Ruler(max(at, self.lines[-1].at) if self.lines else at, _clock(at))])

    def clear(self) -> None:
        """Forget all."""
        self.lines = []


def place_of(shown: Sequence[Told | None], told: Told | None) -> int:
    """Return where a line stands, or where it would if it is not among these."""
    if told is None:
        return 0
    moments = [each.at if each else None for each in shown]
    known = [(moment, n) for n, moment in enumerate(moments) if moment is not None]
    begin = bisect_left(known, told.at, key=lambda pair: pair[0])
    for moment, n in known[begin:]:
        if shown[n] is told:
            return n
        if moment > told.at:
            break
    return known[begin][1] if begin < len(known) else max(0, len(shown) - 1)


@dataclass(frozen=True)
class Style:
    """How lines look."""

    stamp: str = "time"
    """`time`, `full` or `none`."""
    names: int = 16
    """Cells for who wrote it."""
    pretty: bool = False
    """Whether JSON in a line is laid out below it."""

    def line(self, told: Told | None, width: int) -> list[Line]:
        """Return a line, which may be several where JSON is laid out."""
        if told is None:
            return [Line((Span("  ···", Tone.DIM),))]
        if told.level == _MARK:
            rule = f"── {told.text} ──"
            return [Line((Span(f"{rule:─<{max(0, width)}}", Tone.NOTE),))]
        lead = self._lead(told)
        tone = _TONES.get(told.level, Tone.PLAIN)
        head, value = split_json(told.text) if self.pretty else (told.text, None)
        first = Line((*lead, Span(printable(head), tone)))
        if value is None:
            return [first]
        indent = " " * sum(len(span.text) for span in lead)
        text = json.dumps(value, ensure_ascii=False, indent=2)
        below = [Line((Span(indent), Span(printable(row), tone))) for row in text.splitlines()]
        return [first, *below] if head.strip() else [Line((*lead, *below[0].spans[1:])), *below[1:]]

    def _lead(self, told: Told) -> tuple[Span, ...]:
        shown = {"time": _clock(told.at), "full": _moment(told.at)}.get(self.stamp, "")
        letter = _LETTERS.get(told.level, " ")
        name = f"{elide(printable(told.source), self.names):<{self.names}} " if self.names else ""
        return (
            Span(f"{shown} " if shown else "", Tone.DIM),
            Span(f"{letter} ", _TONES.get(told.level, Tone.DIM)),
            Span(name, Tone.NAME),
        )


_TONES = {
    "warning": Tone.WARN,
    "error": Tone.BAD,
    "critical": Tone.BAD,
    "debug": Tone.DIM,
}
_LETTERS = {"debug": "D", "info": "I", "print": ">", "warning": "W", "error": "E", "critical": "E"}


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def split_json(text: str) -> tuple[str, Any]:
    """Return what stands before the JSON in a line, and its value; None where there is none.

    >>> split_json('got {"a": 1}')
    ('got ', {'a': 1})
    >>> split_json("got {nothing}")
    ('got {nothing}', None)
    """
    begins = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    for begin in sorted(begins):
        try:
            value, end = json.JSONDecoder().raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if value and not text[end:].strip():
            return text[:begin], value
    return text, None


def names_width(lines: Sequence[Told], width: int) -> int:
    """Return how many cells names get: what the longest of the newest needs, and a part of all."""
    longest = max((len(told.source) for told in lines[-500:]), default=0)
    return min(longest, max(8, width // 5))


@dataclass
class Meter:
    """How many lines come in a second, over the last seconds."""

    span: float = 5.0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, at: float, count: int) -> None:
        """Note what came up to a moment."""
        self._seen.append((at, count))
        while self._seen[0][0] < at - self.span:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """Lines in a second."""
        if len(self._seen) < 2:
            return 0.0
        seconds = self._seen[-1][0] - self._seen[0][0]
        return sum(count for _, count in list(self._seen)[1:]) / seconds if seconds > 0 else 0.0
