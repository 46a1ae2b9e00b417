"""A text on the screen: scrolling, searching, wrapping; the place is kept when the text changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from textual.message import Message

from flowctl.tui.canvas import Canvas
from flowctl.views.lines import Line, Span
from flowctl.views.tones import Tone


class Pager(Canvas):
    """Shows a part of many lines."""

    class Moved(Message):
        """Another part is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.source: list[Line] = []
        """The whole text."""
        self.shown: list[Line] = []
        """The whole text as it is laid out: wrapped, or reduced to what matches."""
        self.top = self.left = 0
        self.wrap = False
        self.only_matches = False
        self.pattern: re.Pattern[str] | None = None

    @property
    def page(self) -> int:
        """How many lines there is room for."""
        return max(1, self.size.height)

    def set_text(self, lines: Sequence[Line]) -> None:
        """Show another text."""
        self.source = list(lines)
        self.lay_out()

    def search(self, text: str) -> None:
        """Mark what matches, and go to the first match from here on; nothing ends the search."""
        self.pattern = pattern_of(text)
        self.lay_out()
        if self.pattern and not self._is_match(self.top):
            self.find(1)

    def find(self, step: int) -> bool:
        """Go to the next (or with -1 the last) line that matches, round the end."""
        count = len(self.shown)
        for distance in range(1, count + 1):
            at = (self.top + distance * step) % count
            if self._is_match(at):
                self.top = at
                self.draw()
                return True
        return False

    def matches(self) -> int:
        """Return how many lines match."""
        return sum(self._is_match(n) for n in range(len(self.shown))) if self.pattern else 0

    def _is_match(self, at: int) -> bool:
        if self.pattern is None or at >= len(self.shown):
            return False
        return self.pattern.search(self.shown[at].text) is not None

    def lay_out(self) -> None:
        """Wrap and reduce anew."""
        lines = self.source
        if self.only_matches and self.pattern:
            search = self.pattern.search
            lines = [line for line in lines if search(line.text)]
        if self.wrap and self.size.width:
            lines = [piece for line in lines for piece in wrapped(line, self.size.width)]
        self.shown = lines
        self.draw()

    def draw(self) -> None:
        """Paint what is to be seen."""
        self.top = max(0, min(self.top, len(self.shown) - self.page))
        seen = self.shown[self.top : self.top + self.page]
        self.paint([self._prepared(line) for line in seen])
        self.post_message(self.Moved())

    def _prepared(self, line: Line) -> Line:
        if self.left:
            line = replace(line, spans=cut(line.spans, self.left))
        return found_in(line, self.pattern) if self.pattern else line

    def move(self, step: int) -> None:
        """Scroll by some lines."""
        self.top += step
        self.draw()

    def shift(self, step: int) -> None:
        """Scroll to the side."""
        longest = max((len(line.text) for line in self.source), default=0)
        self.left = max(0, min(self.left + step, longest - 1))
        self.draw()

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.lay_out()

    def on_mouse_scroll_down(self) -> None:
        """Go on by some lines."""
        self.move(3)

    def on_mouse_scroll_up(self) -> None:
        """Go back by some lines."""
        self.move(-3)


def pattern_of(text: str) -> re.Pattern[str] | None:
    """Return what is searched for: a regular expression, its case counts once it has a capital."""
    if not text:
        return None
    flags = re.IGNORECASE if text == text.lower() else re.NOFLAG
    try:
        return re.compile(text, flags)
    except re.error:
        return re.compile(re.escape(text), flags)


def found_in(line: Line, pattern: re.Pattern[str]) -> Line:
    """Return a line with what matches marked."""
    inside = {x for found in pattern.finditer(line.text) for x in range(found.start(), found.end())}
    if not inside:
        return line
    cells = [
        (char, Tone.MATCH if x in inside else tone) for x, (char, tone) in enumerate(line.cells())
    ]
    return replace(line, spans=_joined(cells))


def _joined(cells: Sequence[tuple[str, Tone]]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for char, tone in cells:
        if spans and spans[-1].tone is tone:
            spans[-1] = Span(spans[-1].text + char, tone)
        else:
            spans.append(Span(char, tone))
    return tuple(spans)


def cut(spans: Sequence[Span], count: int) -> tuple[Span, ...]:
    """Return what is left of spans without their first cells."""
    left = []
    for text, tone in spans:
        if count < len(text):
            left.append(Span(text[count:], tone))
        count = max(0, count - len(text))
    return tuple(left)


def wrapped(line: Line, width: int) -> list[Line]:
    """Return a line in pieces that fit."""
    cells = line.cells()
    starts = range(0, max(1, len(cells)), width)
    return [replace(line, spans=_joined(cells[at : at + width])) for at in starts]
