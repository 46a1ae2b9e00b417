"""The one widget that paints: lines in, and only the cells that changed go to the terminal.

Textual's own table repaints all of itself for one cell; over a slow line that is the difference
between 12 kB and a few hundred bytes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from flowctl.tui.palette import Look, to_ascii
from flowctl.views.lines import EMPTY, Line, changes


class Painter(Protocol):
    """What a canvas needs of the app."""

    look: Look
    ascii: bool
    """Whether nothing beyond ASCII may be sent."""


class Canvas(Widget, inherit_bindings=False):
    """Shows lines."""

    DEFAULT_CSS = "Canvas { height: 1fr; width: 1fr; }"
    over = ""
    """A style that lies under every line, such as that of a bar."""

    def __init__(self, name: str | None = None, id: str | None = None) -> None:  # noqa: A002
        super().__init__(name=name, id=id)
        self.lines: list[Line] = []

    @property
    def painter(self) -> Painter:
        """The app, as far as painting goes."""
        return cast("Painter", self.app)

    def paint(self, lines: Sequence[Line]) -> None:
        """Show other lines; what is the same stays untouched."""
        fresh = list(lines)
        width, height = self.size
        dirty = [
            Region(x, y, min(size if size >= 0 else width, width - x), 1)
            for y, x, size in changes(self.lines, fresh)
            if y < height and x < width
        ]
        self.lines = fresh
        if dirty:
            self.refresh(*dirty)

    def render_line(self, y: int) -> Strip:
        """Return a line as Textual wants it."""
        found = self.lines[y] if y < len(self.lines) else EMPTY
        painter = self.painter
        return strip(found, self.size.width, painter.look, self.over, ascii_only=painter.ascii)


def strip(
    shown: Line, width: int, look: Look, under: str = "", *, ascii_only: bool = False
) -> Strip:
    """Return a line in exactly `width` cells."""
    segments, room = [], width
    for text, tone in shown.spans:
        if room <= 0:
            break
        said = to_ascii(text) if ascii_only else text
        size = len(said) if said.isascii() else cell_len(said)
        if size > room:
            said, size = set_cell_size(said, room), room
        segments.append(Segment(said, _style(look.name, tone, under, shown.over)))
        room -= size
    if room > 0:
        segments.append(Segment(" " * room, _style(look.name, "plain", under, shown.over)))
    return Strip(segments, width)


@lru_cache(512)
def _style(name: str, tone: str, under: str, over: str) -> Style:
    from flowctl.tui.palette import LOOKS
    from flowctl.views.tones import Tone

    look = LOOKS[name]
    found = look.over[under] if under else Style.null()
    found += look.styles[Tone(tone)]
    return found + look.over[over] if over else found
