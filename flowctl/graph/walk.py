"""Walking about in a picture: which card or line is beside another, and which one lies on a cell.

Along the direction of reading one goes from a card to a line and on to the card at its other end;
across it, from a line to the next one at the same card, or from a card to the next card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from flowctl.graph.build import Edge, Graph
from flowctl.graph.layout import Box, Layout, Orient, Point, Wire
from flowctl.graph.paint import Picture


class Side(IntEnum):
    """A direction on the screen."""

    RIGHT = 0
    DOWN = 1
    LEFT = 2
    UP = 3

    @property
    def other(self) -> Side:
        """The opposite direction."""
        return Side((self + 2) % 4)


class Item(NamedTuple):
    """A card or a line of a picture."""

    name: str
    is_edge: bool = False


def step(graph: Graph, layout: Layout, item: Item, side: Side, via: str = "") -> Item | None:
    """Return what is next to an item on one side, or None; `via` is the card one came from."""
    along = (side in (Side.RIGHT, Side.LEFT)) == (layout.orient is Orient.LR)
    if not item.is_edge:
        found = _first(_attached(graph, layout, item.name, side), layout, item) if along else None
        return found or _beside(layout, layout.boxes[item.name], side, item.name)
    edge = next(edge for edge in graph.edges if edge.name == item.name)
    if along:
        return Item(edge.target if course(layout, edge) is side else edge.source)
    ends = sorted((edge.source, edge.target), key=lambda name: name != via)
    return next(filter(None, [_sibling(graph, layout, edge, end, side) for end in ends]), None)


def course(layout: Layout, edge: Edge) -> Side:
    """Return which way a line runs where it leaves its card."""
    side = Side.RIGHT if layout.orient is Orient.LR else Side.DOWN
    return side.other if layout.wires[edge.name].back else side


def _attached(graph: Graph, layout: Layout, name: str, side: Side) -> list[Edge]:
    """Return the lines that touch one side of a card, in the order in which they do."""
    found = [
        edge
        for edge in graph.edges
        if (edge.source == name and course(layout, edge) is side)
        or (edge.target == name and course(layout, edge).other is side)
    ]
    return sorted(found, key=lambda edge: _touch(layout, edge, name))


def _touch(layout: Layout, edge: Edge, name: str) -> int:
    points = layout.wires[edge.name].points
    end = points[0] if edge.source == name else points[-1]
    return end.y if layout.orient is Orient.LR else end.x


def _first(edges: list[Edge], layout: Layout, item: Item) -> Item | None:
    """Return the line that leaves nearest to the middle of a card."""
    box = layout.boxes[item.name]
    flat = layout.orient is Orient.LR
    middle = box.y + box.height / 2 if flat else box.x + box.width / 2
    nearest = min(
        edges, key=lambda edge: abs(_touch(layout, edge, item.name) + 0.5 - middle), default=None
    )
    return Item(nearest.name, True) if nearest else None


def _sibling(graph: Graph, layout: Layout, edge: Edge, end: str, side: Side) -> Item | None:
    course_there = course(layout, edge)
    there = course_there if edge.source == end else course_there.other
    row = [each.name for each in _attached(graph, layout, end, there)]
    at = row.index(edge.name) + (1 if side in (Side.DOWN, Side.RIGHT) else -1)
    return Item(row[at], True) if 0 <= at < len(row) else None


def _beside(layout: Layout, here: Box, side: Side, name: str) -> Item | None:
    """Return the nearest card that lies on one side of a place."""
    found: list[tuple[float, str]] = []
    for other, box in layout.boxes.items():
        ahead, aside = _distance(here, box, side)
        if other != name and ahead > 0:
            found.append((ahead + 3 * aside, other))
    return Item(min(found)[1]) if found else None


def _distance(here: Box, box: Box, side: Side) -> tuple[float, float]:
    """Return how far a card lies ahead, and how far aside, in cells as the eye sees them."""
    dx = box.x + box.width / 2 - here.x - here.width / 2
    dy = 2 * (box.y + box.height / 2 - here.y - here.height / 2)
    apart_x = max(0, box.x - here.x - here.width + 1, here.x - box.x - box.width + 1)
    apart_y = 2 * max(0, box.y - here.y - here.height + 1, here.y - box.y - box.height + 1)
    if side in (Side.RIGHT, Side.LEFT):
        return (dx if side is Side.RIGHT else -dx) if apart_x else 0.0, apart_y
    return (dy if side is Side.DOWN else -dy) if apart_y else 0.0, apart_x


def place(picture: Picture, item: Item) -> Box:
    """Return the cells of an item that are worth seeing: its card, its label, or its arrow."""
    if not item.is_edge:
        return picture.layout.boxes[item.name]
    slot = picture.labels.get(item.name)
    if slot is not None:
        return Box(x=slot.x, y=slot.y, width=slot.width, height=1)
    head = picture.layout.wires[item.name].points[-1]
    return Box(x=head.x, y=head.y, width=1, height=1)


def runs(wire: Wire) -> Iterator[tuple[Point, Point]]:
    """Yield the straight pieces of a line, each from its upper left end to the other."""
    points = wire.points
    if len(points) == 1 or (len(points) == 2 and points[0] == points[1]):
        yield points[0], points[0]
        return
    for one, two in pairwise(points):
        yield (one, two) if (one.x, one.y) <= (two.x, two.y) else (two, one)


def at(graph: Graph, picture: Picture, x: int, y: int) -> Item | None:
    """Return what lies on a cell: a card, or a line that is there or just beside it."""
    layout = picture.layout
    for name, box in layout.boxes.items():
        if box.x <= x < box.x + box.width and box.y <= y < box.y + box.height:
            return Item(name)
    for name, slot in picture.labels.items():
        if slot.y == y and slot.x <= x < slot.x + slot.width:
            return Item(name, True)
    near = ((x, y), (x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1))
    for here in near:
        for edge in graph.edges:
            if any(_on(here, one, two) for one, two in runs(layout.wires[edge.name])):
                return Item(edge.name, True)
    return None


def _on(cell: tuple[int, int], one: Point, two: Point) -> bool:
    return one.x <= cell[0] <= two.x and one.y <= cell[1] <= two.y


def in_order(graph: Graph, layout: Layout) -> list[Item]:
    """Return all items as one reads them, cards and then the lines that leave them."""
    flat = layout.orient is Orient.LR

    def key(name: str) -> tuple[int, int]:
        box = layout.boxes[name]
        return (box.x, box.y) if flat else (box.y, box.x)

    found: list[Item] = []
    leaving: dict[str, list[str]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.source, []).append(edge.name)
    for name in sorted(layout.boxes, key=key):
        found += [Item(name), *(Item(edge, True) for edge in leaving.get(name, ()))]
    return found


def cycle(items: Iterable[Item], wanted: Iterable[Item], here: Item, by: int) -> Item | None:
    """Return the next of the wanted items after (or, by -1, before) the one here, round and round."""
    order = list(items)
    among = set(wanted)
    turn = order.index(here) if here in order else -1
    ring = [*order[turn + 1 :], *order[: turn + 1]]
    if by < 0:
        ring = [*reversed(ring[:-1]), ring[-1]] if ring else []
    return next((item for item in ring if item in among), None)
