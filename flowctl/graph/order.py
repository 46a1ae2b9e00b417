"""The order inside the layers, so that few edges cross (barycentres, then swaps of neighbours).

With the order of an earlier picture given, what was drawn before keeps its order: only new
vertices and the bends of edges look for a better place.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping

from flowctl.graph.rank import Mesh

_SWAPS = 6
"""How often the neighbours of all layers are offered a swap."""


def arrange(mesh: Mesh, seed: Mapping[int, float]) -> None:
    """Order the layers of a mesh in place; `seed` holds where vertices were before."""
    if seed:
        _as_before(mesh, seed)
        _swap_neighbours(mesh, frozenset(seed))
    else:
        _search(mesh)


def _search(mesh: Mesh) -> None:
    """Sweep from several beginnings, as far as the size of the graph allows, and keep the best."""
    found: list[tuple[int, int, list[list[int]]]] = []
    for number in range(4 if len(mesh.above) < 150 else 2 if len(mesh.above) < 300 else 1):
        _begin(mesh, number)
        _sweep(mesh)
        _swap_neighbours(mesh, frozenset())
        found.append((crossings(mesh), number, [list(layer) for layer in mesh.layers]))
        if not found[-1][0]:
            break
    mesh.layers[:] = min(found)[2]


def _begin(mesh: Mesh, number: int) -> None:
    """Put the layers into one of four orders: two walks, and each with its fans to one side."""
    _by_walk(mesh, backwards=number % 2 == 1)
    if number >= 2:
        sign = -1 if number % 2 else 1
        for layer in mesh.layers:
            layer.sort(key=lambda item: sign * len(mesh.below[item]))


def _places(mesh: Mesh) -> list[int]:
    """Return the position of every item in its layer."""
    found = [0] * len(mesh.above)
    for layer in mesh.layers:
        for position, item in enumerate(layer):
            found[item] = position
    return found


def _by_walk(mesh: Mesh, *, backwards: bool) -> None:
    """Put items in the order in which a walk along the edges meets them."""
    met: dict[int, None] = {}
    for layer in [sorted(layer) for layer in mesh.layers]:
        for root in reversed(layer) if backwards else layer:
            stack = [root]
            while stack:
                item = stack.pop()
                if item not in met:
                    met[item] = None
                    stack += [mesh.lower[segment] for segment in reversed(mesh.below[item])]
    rank = {item: position for position, item in enumerate(met)}
    for layer in mesh.layers:
        layer.sort(key=rank.__getitem__)


def _as_before(mesh: Mesh, seed: Mapping[int, float]) -> None:
    keys: dict[int, float] = dict(seed)
    for _ in range(2):
        for item in range(mesh.real):
            if item not in keys:
                ends = [mesh.lower[mesh.chains[mesh.edge[s]][-1]] for s in mesh.below[item]]
                ends += [mesh.upper[mesh.chains[mesh.edge[s]][0]] for s in mesh.above[item]]
                known = [keys[end] for end in ends if end in keys]
                if known:
                    keys[item] = sum(known) / len(known)
    for chain in mesh.chains:
        first = keys.get(mesh.upper[chain[0]], 0.0)
        last = keys.get(mesh.lower[chain[-1]], first)
        for step, segment in enumerate(chain[:-1], 1):
            keys[mesh.lower[segment]] = first + (last - first) * step / len(chain)
    for layer in mesh.layers:
        layer.sort(key=lambda item: (keys.get(item, 0.0), item))


def _sweep(mesh: Mesh) -> None:
    """Pull the layers straight again and again; small graphs get more care than large ones."""
    items = len(mesh.above)
    rounds = 24 if items < 600 else 8 if items < 4000 else 4
    best, least, idle = [list(layer) for layer in mesh.layers], crossings(mesh), 0
    for number in range(rounds):
        if not least or idle == 6:
            break
        _pull(mesh, downwards=number % 2 == 0)
        if items < 400:
            _swap_neighbours(mesh, frozenset())
        found = crossings(mesh)
        idle += 1
        if found < least:
            best, least, idle = [list(layer) for layer in mesh.layers], found, 0
    mesh.layers[:] = best


def _pull(mesh: Mesh, *, downwards: bool) -> None:
    """Sort each layer by where the neighbours in the layer before it stand."""
    places = _places(mesh)
    near, other = (mesh.above, mesh.upper) if downwards else (mesh.below, mesh.lower)
    for layer in mesh.layers if downwards else reversed(mesh.layers):
        keys = {}
        for item in layer:
            found = near[item]
            total = sum([places[other[segment]] for segment in found])
            keys[item] = total / len(found) if found else places[item]
        layer.sort(key=keys.__getitem__)
        for position, item in enumerate(layer):
            places[item] = position


def crossings(mesh: Mesh) -> int:
    """Return how many pairs of segments cross."""
    places, total = _places(mesh), 0
    for layer in mesh.layers:
        seen: list[int] = []
        for item in layer:
            ends = sorted([places[mesh.lower[segment]] for segment in mesh.below[item]])
            if seen:
                total += sum([len(seen) - bisect_right(seen, end) for end in ends])
            for end in ends:
                insort(seen, end)
    return total


def _swap_neighbours(mesh: Mesh, fixed: frozenset[int]) -> None:
    places = _places(mesh)
    for _ in range(_SWAPS if len(mesh.above) < 4000 else 2):
        changed = False
        for layer in mesh.layers:
            changed |= _swap_in(mesh, layer, places, fixed)
        if not changed:
            return


def _swap_in(mesh: Mesh, layer: list[int], places: list[int], fixed: frozenset[int]) -> bool:
    ends = [_ends(mesh, item, places) for item in layer]
    changed = False
    for right in range(1, len(layer)):
        left = right - 1
        if layer[left] in fixed and layer[right] in fixed:
            continue
        if _crossed(ends[left], ends[right]) > _crossed(ends[right], ends[left]):
            layer[left], layer[right] = layer[right], layer[left]
            ends[left], ends[right] = ends[right], ends[left]
            changed = True
    if changed:
        for position, item in enumerate(layer):
            places[item] = position
    return changed


def _ends(mesh: Mesh, item: int, places: list[int]) -> tuple[list[int], list[int]]:
    return (
        [places[mesh.upper[segment]] for segment in mesh.above[item]],
        [places[mesh.lower[segment]] for segment in mesh.below[item]],
    )


def _crossed(left: tuple[list[int], list[int]], right: tuple[list[int], list[int]]) -> int:
    """Return how many crossings two neighbours have in this order."""
    return sum([one > two for side in (0, 1) for one in left[side] for two in right[side]])
