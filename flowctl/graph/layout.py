"""The layout: where every card stands and where every line runs, in cells of a terminal.

This is the one door to layout. The engine behind it is our own (layers, order, places, tracks),
because three things must hold that no engine for pixels promises: a cell belongs to one line only,
except where two cross at a right angle; room for labels is part of the layout; and what was
drawn before keeps its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from flowctl.graph.build import Edge, Graph
from flowctl.graph.order import arrange, crossings
from flowctl.graph.place import Places, settle
from flowctl.graph.rank import Mesh, layers_of, turned, weave
from flowctl.graph.tracks import route


class Orient(StrEnum):
    """Which way a picture reads."""

    LR = "lr"
    TB = "tb"


class Point(Struct, frozen=True, array_like=True):
    """A cell."""

    x: int
    y: int


class Box(Struct, frozen=True, kw_only=True):
    """The place of a card."""

    x: int
    y: int
    width: int
    height: int


class Wire(Struct, frozen=True, kw_only=True):
    """The way of a line: the cell beside its source, its corners, the cell of its arrow head."""

    points: tuple[Point, ...]
    label: Point
    """Where its label begins."""
    back: bool
    """Whether it runs against the direction of reading."""


class Metrics(Struct, frozen=True, kw_only=True):
    """What is to be laid out: sizes of cards, room for labels, direction."""

    orient: Orient
    cards: dict[str, tuple[int, int]]
    """Of every vertex the columns and rows its card needs."""
    label: int = 0
    """Cells reserved for the label of every edge; 0 for none."""
    dense: bool = False
    """Whether cards and layers stand as near as they can."""
    width: int = 0
    """Columns to stay within where that can be done; 0 for as many as it likes."""


class Layout(Struct, frozen=True, kw_only=True):
    """A graph with its places."""

    orient: Orient
    width: int
    height: int
    boxes: dict[str, Box]
    wires: dict[str, Wire]
    label: int
    order: dict[str, float]
    """Seeds the next layout, so that nothing jumps."""
    crossings: int


class Skeleton(Struct, frozen=True):
    """What does not depend on sizes or direction: a connected part with its order."""

    names: list[str]
    edges: list[Edge]
    back: set[int]
    mesh: Mesh


def skeletons(graph: Graph, seed: Mapping[str, float] | None = None) -> list[Skeleton]:
    """Return the connected parts of a graph, layered and ordered; `seed` is an earlier order."""
    return [_skeleton(names, edges, seed or {}) for names, edges in parts(graph)]


def parts(graph: Graph) -> list[tuple[list[str], list[Edge]]]:
    """Return the connected parts of a graph: the names of the vertices, and the edges."""
    home = {vertex.name: vertex.name for vertex in graph.vertices}

    def find(name: str) -> str:
        while home[name] != name:
            home[name] = home[home[name]]
            name = home[name]
        return name

    for edge in graph.edges:
        home[find(edge.source)] = find(edge.target)
    found: dict[str, tuple[list[str], list[Edge]]] = {}
    for vertex in graph.vertices:
        found.setdefault(find(vertex.name), ([], []))[0].append(vertex.name)
    for edge in graph.edges:
        found[find(edge.source)][1].append(edge)
    return list(found.values())


def _skeleton(names: list[str], edges: list[Edge], seed: Mapping[str, float]) -> Skeleton:
    number = {name: index for index, name in enumerate(names)}
    pairs = [(number[edge.source], number[edge.target]) for edge in edges]
    back = turned(len(names), pairs, {i for i, edge in enumerate(edges) if edge.cycle})
    pairs = [(b, a) if index in back else (a, b) for index, (a, b) in enumerate(pairs)]
    mesh = weave(layers_of(len(names), pairs), pairs)
    arrange(mesh, {number[name]: seed[name] for name in names if name in seed})
    return Skeleton(names, edges, back, mesh)


def lay_out(parts: Sequence[Skeleton], metrics: Metrics) -> Layout:
    """Return the places of everything."""
    done = [_Part(part, metrics) for part in parts]
    limit = metrics.width or max([part.width for part in done], default=0)
    boxes: dict[str, Box] = {}
    wires: dict[str, Wire] = {}
    order: dict[str, float] = {}
    x = y = width = height = 0
    for part in done:
        if x and x + part.width > limit:
            x, y = 0, height + 1
        boxes.update(part.boxes(x, y))
        wires.update(part.wires(x, y))
        order.update(part.order(y if part.flat else x // 2))
        width, height = max(width, x + part.width), max(height, y + part.height)
        x += part.width + 3
    return Layout(
        orient=metrics.orient,
        width=width,
        height=height,
        boxes=boxes,
        wires=wires,
        label=metrics.label,
        order=order,
        crossings=sum(crossings(part.mesh) for part in parts),
    )


class _Part:
    """One connected part, with its own corner as origin.

    `main` runs with the layers, `cross` along them.
    """

    def __init__(self, part: Skeleton, metrics: Metrics) -> None:
        self.part, self.metrics = part, metrics
        self.flat = metrics.orient is Orient.LR
        mesh = part.mesh
        self.cards = [metrics.cards[name] for name in part.names]
        self.places = self._settle()
        self.depth = [self._depth(layer) for layer in mesh.layers]
        self.start = [0]
        self.head: list[int] = []
        self.moves: list[list[tuple[int, int]]] = [[] for _ in mesh.upper]
        for number, layer in enumerate(mesh.layers[:-1]):
            self._open_gap(number, [s for item in layer for s in mesh.below[item]])
        length = self.start[-1] + self.depth[-1]
        breadth = self._breadth()
        self.width, self.height = (length, breadth) if self.flat else (breadth, length)

    def _settle(self) -> Places:
        mesh, label = self.part.mesh, self.metrics.label
        extent = [1] * len(mesh.upper)
        if self.flat:
            sizes = [rows for _, rows in self.cards]
        else:
            sizes = [columns // 2 + 1 for columns, _ in self.cards]
            for chain in mesh.chains:
                extent[chain[-1]] = (label + 4) // 2 if label else 1
        gap = 0 if self.metrics.dense and not self.flat else 1
        limit = 0 if self.flat else (self.metrics.width + 1) // 2
        return settle(mesh, sizes, extent, gap, limit)

    def _depth(self, layer: list[int]) -> int:
        side = 0 if self.flat else 1
        return max(self.cards[item][side] for item in layer if item < self.part.mesh.real)

    def _breadth(self) -> int:
        places, mesh = self.places, self.part.mesh
        units = max(a + b for a, b in zip(places.start, places.size, strict=True))
        moved = [place for moves in self.moves for _, place in moves]
        units = max([units, *[place + 1 for place in moved]])
        wide = max((self._label_end(s[-1]) for s in mesh.chains), default=0)
        return units if self.flat else max(2 * units - 1, wide)

    def _label_end(self, segment: int) -> int:
        return 2 * self.places.below(self.part.mesh, segment) + 2 + self.metrics.label

    def _open_gap(self, number: int, segments: list[int]) -> None:
        """Route the lines between a layer and the next, and see how much room that takes."""
        mesh, places = self.part.mesh, self.places
        ends = [(places.above(mesh, s), places.below(mesh, s)) for s in segments]
        moves, tracks = route(ends)
        for segment, found in zip(segments, moves, strict=True):
            self.moves[segment] = found
        head, tail = self._head(segments), self._tail(segments)
        self.head.append(head)
        tracks = max(2 * tracks - 1, 0) if self.flat else tracks
        self.start.append(self.start[number] + self.depth[number] + head + tracks + tail)

    def _head(self, segments: list[int]) -> int:
        if self.flat or not self.metrics.dense:
            return 1
        # An arrow head alone looks like a plain line; others need a cell that shows what they are.
        mesh, back, edges = self.part.mesh, self.part.back, self.part.edges
        starting = [mesh.edge[s] for s in segments if mesh.upper[s] < mesh.real]
        return int(any(index in back or edges[index].error for index in starting))

    def _tail(self, segments: list[int]) -> int:
        if not self.flat:
            return 1
        mesh, label = self.part.mesh, self.metrics.label
        return label + 3 if label and any(mesh.lower[s] < mesh.real for s in segments) else 2

    def order(self, offset: int) -> dict[str, float]:
        """Return where the vertices stand, for the next layout."""
        start = self.places.start
        return {name: offset + start[item] for item, name in enumerate(self.part.names)}

    def boxes(self, x: int, y: int) -> dict[str, Box]:
        """Return the cards, moved to a place."""
        found = {}
        for number, layer in enumerate(self.part.mesh.layers):
            for item in layer:
                if item < self.part.mesh.real:
                    found[self.part.names[item]] = self._box(item, number, x, y)
        return found

    def _box(self, item: int, layer: int, x: int, y: int) -> Box:
        main, cross, size = self.start[layer], self.places.start[item], self.places.size[item]
        if self.flat:
            return Box(x=x + main, y=y + cross, width=self.depth[layer], height=size)
        return Box(x=x + 2 * cross, y=y + main, width=2 * size - 1, height=self.cards[item][1])

    def wires(self, x: int, y: int) -> dict[str, Wire]:
        """Return the lines, moved to a place."""
        layer_of = {item: n for n, layer in enumerate(self.part.mesh.layers) for item in layer}
        return {
            edge.name: self._wire(index, layer_of, x, y)
            for index, edge in enumerate(self.part.edges)
        }

    def _wire(self, index: int, layer_of: dict[int, int], x: int, y: int) -> Wire:
        mesh, places = self.part.mesh, self.places
        chain = mesh.chains[index]
        layer = layer_of[mesh.upper[chain[0]]]
        deep = self.depth[layer] if self.flat else self.cards[mesh.upper[chain[0]]][1]
        cross = places.above(mesh, chain[0])
        way = [(self.start[layer] + deep, cross)]
        for segment in chain:
            way += self._corners(segment, layer, cross)
            cross, layer = places.below(mesh, segment), layer + 1
        end = self.start[layer] - 1
        way.append((end, cross))
        points = [Point(x + a, y + b) if self.flat else Point(x + 2 * b, y + a) for a, b in way]
        last, back = points[-1], index in self.part.back
        label = Point(last.x - 1 - self.metrics.label, last.y)
        return Wire(
            points=tuple(reversed(points) if back else points),
            label=label if self.flat else Point(last.x + 2, last.y),
            back=back,
        )

    def _corners(self, segment: int, layer: int, cross: int) -> list[tuple[int, int]]:
        base = self.start[layer] + self.depth[layer] + self.head[layer]
        found = []
        for track, place in self.moves[segment]:
            main = base + (2 * track if self.flat else track)
            found += [(main, cross), (main, place)]
            cross = place
        return found
