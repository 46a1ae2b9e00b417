"""A picture in braille dots, for what is larger than the screen: two by four dots a character."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowctl.graph.layout import Box, Layout
from flowctl.graph.walk import runs

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of each row of a character the bits of its two dots."""
_BLANK = 0x2800


class Minimap(Struct, frozen=True):
    """A small picture: its rows, and how many cells of the large one a dot stands for."""

    rows: tuple[str, ...]
    across: float
    down: float

    def place(self, box: Box) -> Box:
        """Return the characters that a place of the large picture comes to."""
        left, top = int(box.x / self.across / 2), int(box.y / self.down / 4)
        right = int((box.x + box.width - 1) / self.across / 2)
        bottom = int((box.y + box.height - 1) / self.down / 4)
        return Box(x=left, y=top, width=right - left + 1, height=bottom - top + 1)


def minimap(layout: Layout, width: int, height: int) -> Minimap:
    """Return a layout in at most so many characters; it is never larger than it was."""
    across = max(1.0, layout.width / (2 * width))
    down = max(1.0, layout.height / (4 * height))
    columns = int((layout.width - 1) / across / 2) + 1 if layout.width else 0
    rows = int((layout.height - 1) / down / 4) + 1 if layout.height else 0
    bits = [[0] * columns for _ in range(rows)]
    for x, y in _dots(layout, across, down):
        bits[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    text = tuple("".join([chr(_BLANK + each) for each in row]) for row in bits)
    return Minimap(text, across, down)


def _dots(layout: Layout, across: float, down: float) -> Iterator[tuple[int, int]]:
    for box in layout.boxes.values():
        for y in _range(box.y, box.y + box.height - 1, down):
            for x in _range(box.x, box.x + box.width - 1, across):
                yield x, y
    for wire in layout.wires.values():
        for one, two in runs(wire):
            for y in _range(one.y, two.y, down):
                for x in _range(one.x, two.x, across):
                    yield x, y


def _range(first: int, last: int, scale: float) -> range:
    return range(int(first / scale), int(last / scale) + 1)
