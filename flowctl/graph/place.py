"""Where items stand across their layer, so that edges run straight (pure integers).

Positions are in units: a row when the picture runs left to right, two columns when it runs top to
bottom, so that lines beside each other never touch. Every step solves one layer exactly: the order
and the gaps are kept, and the sum of the distances to the neighbours is as small as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowctl.graph.rank import Mesh


@dataclass
class Places:
    """What was settled, in units."""

    start: list[int]
    """Of every item its first unit."""
    size: list[int]
    leave: list[int]
    """Of every segment the place of its pin on the upper item, counted from the item's start."""
    enter: list[int]
    """The same on the lower item."""

    def above(self, mesh: Mesh, segment: int) -> int:
        """Return where a segment leaves its upper item."""
        return self.start[mesh.upper[segment]] + self.leave[segment]

    def below(self, mesh: Mesh, segment: int) -> int:
        """Return where a segment enters its lower item."""
        return self.start[mesh.lower[segment]] + self.enter[segment]


def settle(
    mesh: Mesh, sizes: Sequence[int], extent: Sequence[int], gap: int, limit: int = 0
) -> Places:
    """Return places for a mesh whose layers are in order.

    `sizes` are the least sizes of the vertices, `extent` is what each segment's lower pin takes
    with its label, `gap` is left free between two vertices, `limit` is how many units there are
    (0 for no limit; a layer that needs more takes more).
    """
    _order_pins(mesh)
    extent, out = _freed(mesh, extent)
    bends = len(mesh.above) - mesh.real
    size = [*(_roomy(mesh, item, sizes[item], extent) for item in range(mesh.real)), *[1] * bends]
    places = Places([0] * len(size), size, [0] * len(mesh.upper), [0] * len(mesh.upper))
    for item in range(mesh.real):
        _spread(places.leave, mesh.below[item], size[item], [1] * len(mesh.below[item]))
        _spread(places.enter, mesh.above[item], size[item], [extent[s] for s in mesh.above[item]])
    room = [limit - each for each in out] if limit else []
    _Solver(mesh, places, extent, gap, room).run()
    return places


def _order_pins(mesh: Mesh) -> None:
    position = [0] * len(mesh.above)
    for layer in mesh.layers:
        for place, item in enumerate(layer):
            position[item] = place
    for item in range(mesh.real):
        mesh.above[item].sort(key=lambda s: (position[mesh.upper[s]], mesh.edge[s]))
        mesh.below[item].sort(key=lambda s: (position[mesh.lower[s]], mesh.edge[s]))


def _freed(mesh: Mesh, extent: Sequence[int]) -> tuple[list[int], list[int]]:
    """Let the last label of each layer stand out over its card: nothing is beside it.

    Return what the pins take then, and what stands out of each layer at most.
    """
    found, out = list(extent), []
    for layer in mesh.layers:
        last = mesh.above[layer[-1]][-1:]
        out.append(sum([found[segment] - 1 for segment in last]))
        for segment in last:
            found[segment] = 1
    return found, out


def _roomy(mesh: Mesh, item: int, least: int, extent: Sequence[int]) -> int:
    """Return a size that holds the card and all pins, none of them on a corner."""
    entering = sum([extent[segment] for segment in mesh.above[item]])
    return max(least, entering + 2, len(mesh.below[item]) + 2)


def _spread(pins: list[int], segments: Sequence[int], size: int, extent: Sequence[int]) -> None:
    free = size - 2 - sum(extent)
    if len(segments) == 1:
        pins[segments[0]] = max(1, min((size - 1) // 2, size - 1 - extent[0]))
        return
    used = 1
    for number, (segment, room) in enumerate(zip(segments, extent, strict=True), 1):
        pins[segment] = used + free * number // (len(segments) + 1)
        used += room


class _Solver:
    """The sweeps over the layers."""

    def __init__(
        self, mesh: Mesh, places: Places, extent: Sequence[int], gap: int, room: list[int]
    ) -> None:
        self.mesh, self.places, self.extent, self.gap = mesh, places, extent, gap
        self.room = room
        real = mesh.real
        # A long edge shall run straight: its bends pull each other hardest.
        self.weight = [
            1 + (mesh.upper[s] >= real) + 2 * (mesh.upper[s] >= real and mesh.lower[s] >= real)
            + (mesh.lower[s] >= real)
            for s in range(len(mesh.upper))
        ]  # fmt: skip
        self.bases = [self._pack(layer) for layer in mesh.layers]

    def _pack(self, layer: list[int]) -> list[int]:
        bases, here = [], 0
        for number, item in enumerate(layer):
            if number and item < self.mesh.real and layer[number - 1] < self.mesh.real:
                here += self.gap
            bases.append(here)
            here += self.places.size[item]
        return bases

    def run(self) -> None:
        """Sweep down and up, then let both sides pull."""
        for layer, bases in zip(self.mesh.layers, self.bases, strict=True):
            for item, base in zip(layer, bases, strict=True):
                self.places.start[item] = base
        numbers = range(len(self.mesh.layers))
        rounds = 3 if len(self.places.start) < 1500 else 1
        for _ in range(rounds):
            for number in numbers:
                self._settle(number, above=True, below=False)
            for number in reversed(numbers):
                self._settle(number, above=False, below=True)
        for number in [*numbers, *reversed(numbers)]:
            self._settle(number, above=True, below=True)
        self._to_the_edge()

    def _settle(self, number: int, *, above: bool, below: bool) -> None:
        layer, bases, start = self.mesh.layers[number], self.bases[number], self.places.start
        wishes = []
        for item, base in zip(layer, bases, strict=True):
            wish = self._wishes(item, base, above=above, below=below)
            wishes.append(wish or [start[item] - base])
        shifts = fit(wishes)
        if self.room:
            most = max(0, self.room[number] - bases[-1] - self.places.size[layer[-1]])
            shifts = [min(max(shift, 0), most) for shift in shifts]
        for item, base, shift in zip(layer, bases, shifts, strict=True):
            start[item] = base + shift
        for item in layer:
            if item < self.mesh.real:
                self._move_pins(item)

    def _wishes(self, item: int, base: int, *, above: bool, below: bool) -> list[int]:
        mesh, places, found = self.mesh, self.places, list[int]()
        start, leave, enter = places.start, places.leave, places.enter
        if above:
            for s in mesh.above[item]:
                want = start[mesh.upper[s]] + leave[s] - enter[s] - base
                found += [want] * self.weight[s]
        if below:
            for s in mesh.below[item]:
                want = start[mesh.lower[s]] + enter[s] - leave[s] - base
                found += [want] * self.weight[s]
        found.sort()
        return found

    def _move_pins(self, item: int) -> None:
        """Let the pins of a card follow their lines as far as its sides allow."""
        mesh, places = self.mesh, self.places
        start, room = places.start[item], places.size[item] - 2
        below, above = mesh.below[item], mesh.above[item]
        if below and room > len(below):
            wants = [places.below(mesh, s) - start for s in below]
            _slide(places.leave, below, wants, [1] * len(below), room)
        if above:
            extent = [self.extent[s] for s in above]
            if room > sum(extent):
                wants = [places.above(mesh, s) - start for s in above]
                _slide(places.enter, above, wants, extent, room)

    def _to_the_edge(self) -> None:
        start = self.places.start
        least = min(start, default=0)
        for item in range(len(start)):
            start[item] -= least


def _slide(
    pins: list[int], segments: list[int], wants: list[int], extent: list[int], room: int
) -> None:
    if len(segments) == 1:
        pins[segments[0]] = min(max(wants[0], 1), room + 1 - extent[0])
        return
    bases, here = [], 1
    for width in extent:
        bases.append(here)
        here += width
    most = room + 1 - here
    wishes = [[want - base] for want, base in zip(wants, bases, strict=True)]
    for segment, base, shift in zip(segments, bases, fit(wishes), strict=True):
        pins[segment] = base + min(max(shift, 0), most)


def fit(wishes: Sequence[list[int]]) -> list[int]:
    """Return rising numbers, each as near as possible to its sorted wishes (by their median).

    >>> fit([[5], [3], [9]])
    [4, 4, 9]
    """
    if len(wishes) == 1:
        return [_median(wishes[0])]
    blocks: list[tuple[list[int], int, int]] = []
    for wish in wishes:
        values, count, middle = wish, 1, _median(wish)
        while blocks and blocks[-1][2] > middle:
            before, more, _ = blocks.pop()
            values, count = sorted(before + values), count + more
            middle = _median(values)
        blocks.append((values, count, middle))
    return [middle for _, count, middle in blocks for _ in range(count)]


def _median(values: list[int]) -> int:
    half = len(values)
    return (values[(half - 1) // 2] + values[half // 2]) // 2
