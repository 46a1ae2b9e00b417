"""A layout becomes characters: first the still picture, then numbers into the room kept for them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from flowctl.graph.build import Edge, Graph
from flowctl.graph.glyphs import Glyphs, Stroke
from flowctl.graph.layout import Box, Layout, Orient, Point, Wire

_SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Right, down, left, up: the order of arrows and pins."""


class Slot(Struct, frozen=True, kw_only=True):
    """Cells kept for text."""

    x: int
    y: int
    width: int
    fill: str
    """What stands where the text is shorter."""
    middle: bool
    """Whether the text stands in the middle."""


class Picture(Struct, frozen=True, kw_only=True):
    """A painted graph without its texts, and where these go."""

    layout: Layout
    rows: tuple[str, ...]
    labels: dict[str, Slot]
    """By plug."""
    cards: dict[str, tuple[Slot, ...]]
    """By vertex, one a line of its card."""


def paint(graph: Graph, layout: Layout, glyphs: Glyphs) -> Picture:
    """Return the picture of a laid out graph."""
    canvas = [[" "] * layout.width for _ in range(layout.height)]
    wires = [(edge, layout.wires[edge.name]) for edge in graph.edges]
    # Across, then down over it, then corners: where two lines cross, the one across has the gap.
    for edge, wire in wires:
        _paint_across(canvas, wire, stroke(edge, wire, glyphs).across)
    for edge, wire in wires:
        _paint_down(canvas, wire, stroke(edge, wire, glyphs).down)
    for _, wire in wires:
        _paint_corners(canvas, [_pin(wire, layout.orient), *wire.points], glyphs)
    for box in layout.boxes.values():
        _paint_box(canvas, box, glyphs)
    for _, wire in wires:
        _paint_ends(canvas, wire, layout, glyphs)
    return Picture(
        layout=layout,
        rows=tuple(["".join(row) for row in canvas]),
        labels=_label_slots(wires, layout, glyphs),
        cards={name: _card_slots(box) for name, box in layout.boxes.items()},
    )


def stroke(edge: Edge, wire: Wire, glyphs: Glyphs) -> Stroke:
    """Return how a line is drawn: errors are dotted, lines back are dashed."""
    if edge.error:
        return glyphs.error
    return glyphs.back if wire.back else glyphs.plain


def _pairs(wire: Wire) -> Iterable[tuple[Point, Point]]:
    return zip(wire.points, wire.points[1:], strict=False)


def _paint_across(canvas: list[list[str]], wire: Wire, glyph: str) -> None:
    for one, two in _pairs(wire):
        if one.y == two.y:
            left, right = (one.x, two.x) if one.x < two.x else (two.x, one.x)
            canvas[one.y][left : right + 1] = [glyph] * (right + 1 - left)


def _paint_down(canvas: list[list[str]], wire: Wire, glyph: str) -> None:
    points = wire.points
    if len(points) == 2 and points[0] == points[1]:
        canvas[points[0].y][points[0].x] = glyph
    for one, two in _pairs(wire):
        if one.x == two.x:
            for y in range(min(one.y, two.y), max(one.y, two.y) + 1):
                canvas[y][one.x] = glyph


def _paint_corners(canvas: list[list[str]], way: list[Point], glyphs: Glyphs) -> None:
    points = [point for n, point in enumerate(way) if not n or point != way[n - 1]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        south = max(before.y, after.y) > here.y
        north = min(before.y, after.y) < here.y
        east = max(before.x, after.x) > here.x
        west = min(before.x, after.x) < here.x
        if north is not south and east is not west:
            if south:
                glyph = glyphs.south_east if east else glyphs.south_west
            else:
                glyph = glyphs.north_east if east else glyphs.north_west
            canvas[here.y][here.x] = glyph


def _paint_box(canvas: list[list[str]], box: Box, glyphs: Glyphs) -> None:
    left, right, bottom = box.x, box.x + box.width - 1, box.y + box.height - 1
    inside = box.width - 2
    if box.height == 1:
        canvas[box.y][left : right + 1] = ["[", *[" "] * inside, "]"]
        return
    nw, ne, se, sw, across, down = list(glyphs.box)
    canvas[box.y][left : right + 1] = [nw, *[across] * inside, ne]
    canvas[bottom][left : right + 1] = [sw, *[across] * inside, se]
    for y in range(box.y + 1, bottom):
        canvas[y][left : right + 1] = [down, *[" "] * inside, down]


def _side(wire: Wire, orient: Orient) -> int:
    """Return which way a line leaves its source and reaches its target, as an index of sides."""
    return (0 if orient is Orient.LR else 1) + (2 if wire.back else 0)


def _pin(wire: Wire, orient: Orient) -> Point:
    """Return the cell of the card where a line begins."""
    dx, dy = _SIDES[_side(wire, orient)]
    return Point(wire.points[0].x - dx, wire.points[0].y - dy)


def _paint_ends(canvas: list[list[str]], wire: Wire, layout: Layout, glyphs: Glyphs) -> None:
    side, pin, head = _side(wire, layout.orient), _pin(wire, layout.orient), wire.points[-1]
    canvas[head.y][head.x] = glyphs.arrows[side]
    if canvas[pin.y][pin.x] in glyphs.box:
        canvas[pin.y][pin.x] = glyphs.pins[side]


def _label_slots(wires: list[tuple[Edge, Wire]], layout: Layout, glyphs: Glyphs) -> dict[str, Slot]:
    if not layout.label:
        return {}
    flat = layout.orient is Orient.LR
    return {
        edge.name: Slot(
            x=wire.label.x,
            y=wire.label.y,
            width=layout.label,
            fill=stroke(edge, wire, glyphs).across if flat else " ",
            middle=flat,
        )
        for edge, wire in wires
    }


def _card_slots(box: Box) -> tuple[Slot, ...]:
    """Return a slot for every line between the borders, or between the brackets."""
    rows = [box.y] if box.height == 1 else range(box.y + 1, box.y + box.height - 1)
    return tuple(Slot(x=box.x + 1, y=y, width=box.width - 2, fill=" ", middle=True) for y in rows)


def write(picture: Picture, texts: Iterable[tuple[Slot, str]]) -> list[str]:
    """Return the rows of a picture with texts in their slots."""
    by_row: dict[int, list[tuple[int, str]]] = {}
    for slot, text in texts:
        by_row.setdefault(slot.y, []).append((slot.x, padded(slot, text)))
    rows = list(picture.rows)
    for y, pieces in by_row.items():
        row, done, parts = rows[y], 0, []
        for x, text in sorted(pieces):
            parts += [row[done:x], text]
            done = x + len(text)
        rows[y] = "".join([*parts, row[done:]])
    return rows


def padded(slot: Slot, text: str) -> str:
    """Return a text as wide as its slot."""
    if slot.middle:
        if text and slot.fill != " " and len(text) + 2 <= slot.width:
            text = f" {text} "
        return text.center(slot.width, slot.fill)
    return text.ljust(slot.width, slot.fill)
