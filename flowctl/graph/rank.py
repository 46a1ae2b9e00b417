"""Which way every edge runs, and in which layer every vertex stands (pure integers).

Vertices are numbers, edges are pairs of them. An edge that closes a cycle is *turned*: it takes
part in the layout the other way round and keeps its arrow where it belongs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

Pair = tuple[int, int]


def turned(count: int, pairs: Sequence[Pair], weak: Collection[int]) -> set[int]:
    """Return the edges to turn so that no cycle is left; those in `weak` before any other."""
    strong = [index for index in range(len(pairs)) if index not in weak]
    found = _back_edges(count, pairs, strong)
    following: list[list[int]] = [[] for _ in range(count)]
    for index in strong:
        source, target = pairs[index]
        if index in found:
            source, target = target, source
        following[source].append(target)
    for index in sorted(weak):
        source, target = pairs[index]
        if _reaches(following, target, source):
            found.add(index)
            source, target = target, source
        following[source].append(target)
    return found


def _back_edges(count: int, pairs: Sequence[Pair], chosen: Sequence[int]) -> set[int]:
    """Return the edges that lead to a vertex which the search still has open; sources go first."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    entered = [0] * count
    for index in chosen:
        leaving[pairs[index][0]].append(index)
        entered[pairs[index][1]] += 1
    state, found = [0] * count, set[int]()
    for root in sorted(range(count), key=lambda vertex: entered[vertex] > 0):
        if not state[root]:
            _search(root, leaving, pairs, state, found)
    return found


def _search(
    root: int, leaving: list[list[int]], pairs: Sequence[Pair], state: list[int], found: set[int]
) -> None:
    state[root], stack = 1, [(root, iter(leaving[root]))]
    while stack:
        vertex, rest = stack[-1]
        for index in rest:
            target = pairs[index][1]
            if state[target] == 1:
                found.add(index)
            elif not state[target]:
                state[target] = 1
                stack.append((target, iter(leaving[target])))
                break
        else:
            state[vertex] = 2
            stack.pop()


def _reaches(following: list[list[int]], start: int, goal: int) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        vertex = waiting.pop()
        if vertex == goal:
            return True
        fresh = [each for each in following[vertex] if each not in seen]
        seen.update(fresh)
        waiting += fresh
    return False


def layers_of(count: int, pairs: Sequence[Pair]) -> list[int]:
    """Return the layer of every vertex of a graph without cycles.

    Each stands right after the last that leads to it; one that sends more than it gets moves up
    to what it sends to, so that no source stands far from its first reader.
    """
    following: list[list[int]] = [[] for _ in range(count)]
    entered = [0] * count
    for source, target in pairs:
        following[source].append(target)
        entered[target] += 1
    layer, missing = [0] * count, list(entered)
    order = [vertex for vertex in range(count) if not missing[vertex]]
    for vertex in order:
        for target in following[vertex]:
            layer[target] = max(layer[target], layer[vertex] + 1)
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    for vertex in reversed(order):
        if len(following[vertex]) > entered[vertex]:
            layer[vertex] = min(layer[target] for target in following[vertex]) - 1
    return layer


@dataclass
class Mesh:
    """A layered graph whose edges are cut into segments of one layer each.

    Items are the vertices, then one *bend* for every layer that an edge passes.
    """

    real: int
    """How many of the items are vertices."""
    layers: list[list[int]]
    upper: list[int]
    """Of every segment the item it leaves."""
    lower: list[int]
    edge: list[int]
    above: list[list[int]]
    """Of every item the segments that come from the layer before."""
    below: list[list[int]]
    chains: list[list[int]]
    """Of every edge its segments, from the upper end to the lower one."""


def weave(layer: Sequence[int], pairs: Sequence[Pair]) -> Mesh:
    """Return the mesh of vertices in layers and of edges that all run downwards."""
    levels = list(layer)
    mesh = Mesh(len(levels), [], [], [], [], [[] for _ in levels], [[] for _ in levels], [])
    for index, (source, target) in enumerate(pairs):
        mesh.chains.append(_chain(mesh, levels, index, source, target))
    mesh.layers = [[] for _ in range(max(levels, default=-1) + 1)]
    for item, level in enumerate(levels):
        mesh.layers[level].append(item)
    return mesh


def _chain(mesh: Mesh, levels: list[int], index: int, source: int, target: int) -> list[int]:
    chain, here = [], source
    for level in range(levels[source] + 1, levels[target] + 1):
        there = target
        if level < levels[target]:
            there = len(levels)
            levels.append(level)
            mesh.above.append([])
            mesh.below.append([])
        segment = len(mesh.upper)
        mesh.upper.append(here)
        mesh.lower.append(there)
        mesh.edge.append(index)
        mesh.below[here].append(segment)
        mesh.above[there].append(segment)
        chain.append(segment)
        here = there
    return chain
