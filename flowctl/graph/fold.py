"""A picture that is too wide is folded: cut into rows like a text, with a letter where a line goes on.

A cut runs where only lines that go across are: beside no card, corner, label or arrow. What was cut
is named on both sides of the cut, so that nothing of the picture is lost: put together again at the
same letters, the rows are the picture that was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from flowctl.graph.build import Edge, Graph
from flowctl.graph.labels import Level
from flowctl.graph.layout import Layout, Orient, parts
from flowctl.graph.live import Overlay
from flowctl.graph.paint import Picture
from flowctl.graph.picture import Drawing, Options, draw, text
from flowctl.graph.walk import runs

ROOM = 3
"""Cells that the end of a row needs for the letters of its lines."""
_DOWN = frozenset(' │┆╎|:"')
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Cut(Struct, frozen=True):
    """Where a picture is cut: before this column, through the lines on these rows."""

    x: int
    rows: tuple[int, ...]


class Sheet(Struct, frozen=True):
    """A drawing of a part of a graph, and where it is cut."""

    drawing: Drawing
    cuts: tuple[Cut, ...] = ()


def sheets(
    graph: Graph, options: Options, seed: Mapping[str, float] | None = None
) -> tuple[Sheet, ...]:
    """Return what to draw so that all of a graph is within the width: as it is where it fits."""
    whole = draw(graph, options, seed)
    if not options.width or whole.layout.width <= options.width or options.orient is Orient.TB:
        return (Sheet(whole),)
    narrow: list[Graph] = []
    found: list[Sheet] = []
    for names, edges in parts(graph):
        part = _part(graph, set(names), edges)
        sheet = _sheet(part, options, seed)
        if sheet.cuts:
            found.append(sheet)
        else:
            narrow.append(part)
    rest = _together(graph, narrow)
    return (*found, Sheet(draw(rest, options, seed))) if rest.vertices else tuple(found)


def _part(graph: Graph, names: set[str], edges: Sequence[Edge]) -> Graph:
    vertices = tuple(vertex for vertex in graph.vertices if vertex.name in names)
    return Graph(name=graph.name, vertices=vertices, edges=tuple(edges))


def _together(graph: Graph, several: Sequence[Graph]) -> Graph:
    vertices = tuple(vertex for each in several for vertex in each.vertices)
    edges = tuple(edge for each in several for edge in each.edges)
    return Graph(name=graph.name, vertices=vertices, edges=edges)


def _sheet(graph: Graph, options: Options, seed: Mapping[str, float] | None) -> Sheet:
    drawing = draw(graph, options, seed)
    if drawing.layout.width <= options.width:
        return Sheet(drawing)
    levels = [options.level] if options.level else [Level.SHORT, Level.NONE]
    for level in levels:
        free = replace(options, width=0, height=0, orient=Orient.LR, level=level)
        wide = draw(graph, free, seed)
        where = cuts(wide.picture, options.width)
        if where:
            return Sheet(wide, tuple(where))
    return Sheet(drawing)


def lines(several: Sequence[Sheet], overlay: Overlay | None = None) -> list[str]:
    """Return sheets as lines, one below the other."""
    found: list[str] = []
    for sheet in several:
        rows = text(sheet.drawing, overlay)
        found += ["", *(squeezed(fold(rows, sheet.cuts)) if sheet.cuts else rows)]
    return found[1:]


def squeezed(rows: Sequence[str]) -> list[str]:
    """Return rows without those that only lengthen the lines that run down."""
    return [
        row
        for number, row in enumerate(rows)
        if not number or row != rows[number - 1] or set(row) - _DOWN
    ]


def cuts(picture: Picture, width: int) -> list[Cut] | None:
    """Return where to cut a picture for so many columns, or None where that cannot be."""
    layout = picture.layout
    free = _free(picture)
    found: list[Cut] = []
    start = 0
    while layout.width - start + (ROOM if found else 0) > width:
        room = width - ROOM - (ROOM if found else 0)
        ends = [x for x in range(start + 1, start + room + 1) if x < layout.width and free[x]]
        if not ends:
            return None
        found.append(Cut(ends[-1], _crossing(layout, ends[-1])))
        start = ends[-1]
    return found


def _free(picture: Picture) -> list[bool]:
    """Tell of each column whether nothing but lines that go across is in it and before it."""
    layout = picture.layout
    free = [True] * (layout.width + 1)

    def take(first: int, last: int) -> None:
        for x in range(max(0, first), min(layout.width, last) + 1):
            free[x] = False

    for box in layout.boxes.values():
        take(box.x, box.x + box.width - 1)
    for slot in picture.labels.values():
        take(slot.x, slot.x + slot.width - 1)
    for wire in layout.wires.values():
        take(wire.points[-1].x, wire.points[-1].x)
        for one, two in runs(wire):
            if one.x == two.x:
                take(one.x, one.x)
    return free


def _crossing(layout: Layout, x: int) -> tuple[int, ...]:
    rows = {
        one.y
        for wire in layout.wires.values()
        for one, two in runs(wire)
        if one.y == two.y and one.x <= x <= two.x
    }
    return tuple(sorted(rows))


def fold(rows: Sequence[str], where: Sequence[Cut]) -> list[str]:
    """Return the rows of a picture, cut and set below each other; an empty row is between."""
    found: list[str] = []
    for piece in pieces(rows, where):
        found += ["", *_trimmed(piece)]
    return found[1:]


def pieces(rows: Sequence[str], where: Sequence[Cut]) -> list[list[str]]:
    """Return the rows of each piece of a picture, with the letters of the lines that were cut."""
    wide = max(map(len, rows), default=0)
    even = [row.ljust(wide) for row in rows]
    tags = [{}, *(_tags(cut, before) for cut, before in _numbered(where)), {}]
    ends = [0, *(cut.x for cut in where), wide]
    return [
        [
            _piece(
                row, ends[number], ends[number + 1], (tags[number].get(y), tags[number + 1].get(y))
            )
            for y, row in enumerate(even)
        ]
        for number in range(len(where) + 1)
    ]


def _numbered(where: Sequence[Cut]) -> Iterator[tuple[Cut, int]]:
    before = 0
    for cut in where:
        yield cut, before
        before += len(cut.rows)


def _tags(cut: Cut, before: int) -> dict[int, str]:
    return {y: _name(before + number) for number, y in enumerate(cut.rows)}


def _name(number: int) -> str:
    """Return the letter of a line, or a letter with a number where the letters are used up."""
    lap, at = divmod(number, len(_LETTERS))
    return _LETTERS[at] + (str(lap) if lap else "")


def _piece(row: str, first: int, last: int, tags: tuple[str | None, str | None]) -> str:
    """Return a part of a row with the letters of the line on it; the line is drawn up to them."""
    entering, leaving = tags
    before = entering.ljust(ROOM, row[first]) if entering else " " * (ROOM if first else 0)
    return before + row[first:last] + (row[last] + leaving if leaving else "")


def _trimmed(part: list[str]) -> list[str]:
    """Return rows without those that are empty at both ends of the part."""
    kept = [number for number, row in enumerate(part) if row.strip()]
    return [row.rstrip() for row in part[kept[0] : kept[-1] + 1]] if kept else []
