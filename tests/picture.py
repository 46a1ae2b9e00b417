"""Reads a painted picture back into a graph, as an eye does: from every arrow head along its line,
cell by cell, to the card it comes from. Knows characters, not coordinates; only the cells kept
for labels are told, because a label may hold any character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from flowctl.graph.glyphs import Glyphs
from flowctl.graph.paint import Picture

EAST, SOUTH, WEST, NORTH = (1, 0), (0, 1), (-1, 0), (0, -1)
SIDES = (EAST, SOUTH, WEST, NORTH)
LABEL = "\x00"


class Unreadable(AssertionError):
    """The picture does not say clearly what it means."""


@dataclass(frozen=True)
class Line:
    """A line as it was read."""

    source: str
    target: str
    style: str
    label: str
    cells: frozenset[tuple[int, int]] = field(repr=False, compare=False)


def back(side: tuple[int, int]) -> tuple[int, int]:
    return -side[0], -side[1]


class Reader:
    """One picture and what was read of it."""

    def __init__(self, rows: Sequence[str], picture: Picture, glyphs: Glyphs) -> None:
        width = max(map(len, rows), default=0)
        self.glyphs = glyphs
        self.rows = [list(row.ljust(width)) for row in rows]
        self.labels: dict[tuple[int, int], str] = {}
        for name, slot in picture.labels.items():
            for x in range(slot.x, slot.x + slot.width):
                assert (x, slot.y) not in self.labels, "two labels share a cell"
                self.labels[x, slot.y] = name
        self.across = {self._stroke(n).across: n for n in ("plain", "error", "back")}
        self.down = {self._stroke(n).down: n for n in ("plain", "error", "back")}
        self.owner: dict[tuple[int, int], str] = {}
        self.passed: Counter[tuple[int, int]] = Counter()
        self._find_cards()

    def _stroke(self, name: str):
        return getattr(self.glyphs, name)

    def at(self, x: int, y: int) -> str:
        if (x, y) in self.labels:
            return LABEL
        inside = 0 <= y < len(self.rows) and 0 <= x < len(self.rows[0])
        return self.rows[y][x] if inside else " "

    # Cards

    def _find_cards(self) -> None:
        for y in range(len(self.rows)):
            for x in range(len(self.rows[0])):
                if (x, y) not in self.owner:
                    self._find_card(x, y)

    def _find_card(self, x: int, y: int) -> None:
        if self.at(x, y) == "[":
            right = x
            while self.at(right, y) != "]":
                right += 1
            self._own(x, y, right, y, "".join(self.rows[y][x + 1 : right]))
        elif self._is_corner(x, y):
            sides = self.glyphs.box[5] + self.glyphs.pins
            bottom = y + 1
            while (
                self.at(x, bottom) in sides and self.at(x, bottom + 1) in sides + self.glyphs.box[3]
            ):
                bottom += 1
            right = x + 1
            while not (self.at(right, y) == self.glyphs.box[1] and self.at(right, y + 1) in sides):
                right += 1
            inside = ["".join(self.rows[n][x + 1 : right]) for n in range(y + 1, bottom)]
            self._own(x, y, right, bottom, next(filter(str.strip, inside), ""))

    def _is_corner(self, x: int, y: int) -> bool:
        box, pins = self.glyphs.box, self.glyphs.pins
        return (
            self.at(x, y) == box[0]
            and self.at(x + 1, y) in box[4] + pins
            and self.at(x, y + 1) in box[5] + pins
            and self.at(x, y - 1) not in box[5] + box[0]
        )

    def _own(self, left: int, top: int, right: int, bottom: int, name: str) -> None:
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                if (x, y) in self.owner:
                    raise Unreadable(f"two cards share {x},{y}")
                self.owner[x, y] = name.strip()

    # Lines

    def read(self) -> list[Line]:
        """Return all lines, having made sure that no cell is left over."""
        found = [
            self._follow(x, y, SIDES[self.glyphs.arrows.index(self.at(x, y))])
            for y in range(len(self.rows))
            for x in range(len(self.rows[0]))
            if self._is_head(x, y)
        ]
        self._check_all_read()
        return found

    def _is_head(self, x: int, y: int) -> bool:
        return (x, y) not in self.owner and self.at(x, y) in self.glyphs.arrows

    def _follow(self, x: int, y: int, side: tuple[int, int]) -> Line:
        target = self.owner.get((x + side[0], y + side[1]))
        if target is None:
            raise Unreadable(f"the arrow at {x},{y} meets no card")
        cells, styles, going = {(x, y)}, set(), back(side)
        self.passed[x, y] += 1
        while True:
            x, y = x + going[0], y + going[1]
            if (x, y) in self.owner:
                return self._line(self.owner[x, y], target, styles, cells)
            if (x, y) in cells and self.at(x, y) not in self.down:
                raise Unreadable(f"a line runs in a circle at {x},{y}")
            self.passed[x, y] += 1
            cells.add((x, y))
            going = self._turn(x, y, going, styles)

    def _line(self, source, target, styles, cells) -> Line:
        if len(styles) > 1:
            raise Unreadable(f"a line to {target} is drawn as {styles}")
        # On its line where that runs across, else one cell beside it.
        names = {self.labels[cell] for cell in cells if cell in self.labels}
        beside = [(x + 2, y) for x, y in cells if (x + 1, y) not in self.labels]
        names = names or {self.labels[cell] for cell in beside if cell in self.labels}
        if len(names) > 1:
            raise Unreadable(f"a line to {target} has the labels {names}")
        style = next(iter(styles), "")
        return Line(source, target, style, next(iter(names), ""), frozenset(cells))

    def _turn(self, x: int, y: int, going: tuple[int, int], styles: set[str]) -> tuple[int, int]:
        glyph = self.at(x, y)
        if glyph == LABEL and going in (EAST, WEST):
            return going
        if glyph in self.down:
            if going in (NORTH, SOUTH):
                styles.add(self.down[glyph])
            return going  # across: the other line lies on top
        if glyph in self.across and going in (EAST, WEST):
            styles.add(self.across[glyph])
            return going
        sides = self._corner(x, y, glyph)
        if back(going) not in sides:
            raise Unreadable(f"a line ends at {x},{y} before {glyph!r}")
        return next(side for side in sides if side != back(going))

    def _corner(self, x: int, y: int, glyph: str) -> tuple[tuple[int, int], ...]:
        glyphs = self.glyphs
        if glyphs.south_east != glyphs.south_west:
            named = {
                glyphs.south_east: (SOUTH, EAST), glyphs.south_west: (SOUTH, WEST),
                glyphs.north_east: (NORTH, EAST), glyphs.north_west: (NORTH, WEST),
            }  # fmt: skip
            return named.get(glyph, ())
        if glyph not in (glyphs.south_east, glyphs.north_east):
            return ()
        joined = [side for side in (EAST, WEST) if self._meets(x + side[0], y)]
        if len(joined) != 1:
            raise Unreadable(f"the corner at {x},{y} may turn to {joined}")
        return (SOUTH if glyph == glyphs.south_east else NORTH), joined[0]

    def _meets(self, x: int, y: int) -> bool:
        corners = self.glyphs.south_east + self.glyphs.north_east
        if (x, y) in self.owner:
            return False
        glyph = self.at(x, y)
        flat = self.glyphs.arrows[0] + self.glyphs.arrows[2]
        return glyph == LABEL or glyph in self.across or glyph in corners or glyph in flat

    def _check_all_read(self) -> None:
        for y, row in enumerate(self.rows):
            for x, char in enumerate(row):
                if (x, y) in self.owner or (x, y) in self.labels or char == " ":
                    continue
                if not self.passed[x, y]:
                    raise Unreadable(f"{char!r} at {x},{y} belongs to nothing")
                if self.passed[x, y] > (2 if char in self.down else 1):
                    raise Unreadable(f"{self.passed[x, y]} lines share {x},{y}")
