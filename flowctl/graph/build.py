"""From a topology to the graph that is drawn: vertices and edges, and nothing of the drawing.

A vertex is a processor, or a socket where these are wanted; an edge is a plug. A plug that leads
back into its own vertex is no line but a row of its card.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from flowctl.model.flow import Plug, PlugKind, Topology


class Grain(StrEnum):
    """What a vertex is."""

    PROCESSOR = "processor"
    SOCKET = "socket"


class Vertex(Struct, frozen=True, kw_only=True):
    """A point of the picture."""

    name: str
    processor: str
    """The processor that it is, or belongs to."""
    rows: tuple[str, ...] = ()
    """Further lines of its card."""


class Edge(Struct, frozen=True, kw_only=True):
    """A line of the picture."""

    name: str
    """The name of the plug."""
    source: str
    target: str
    error: bool = False
    cycle: bool = False
    """Declared as one that closes a cycle."""
    title: str = ""
    """What its line says while nothing is measured."""


class Graph(Struct, frozen=True, kw_only=True):
    """What is drawn. The order of both tuples is the order of declaration."""

    name: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]


def build(topology: Topology, grain: Grain = Grain.PROCESSOR, *, rows: bool = False) -> Graph:
    """Return the graph of a network; with `rows` the cards of processors list their sockets."""
    edges = [_edge(plug, grain) for plug in topology.plugs]
    loops: dict[str, list[str]] = {}
    for plug, edge in zip(topology.plugs, edges, strict=True):
        if edge.source == edge.target:
            loops.setdefault(edge.source, []).append(_loop(plug))
    if grain is Grain.SOCKET:
        vertices = [
            Vertex(name=each.name, processor=each.processor, rows=tuple(loops.get(each.name, ())))
            for each in topology.sockets
        ]
    else:
        sockets = _sockets(topology) if rows else {}
        vertices = [
            Vertex(
                name=each.name,
                processor=each.name,
                rows=(*sockets.get(each.name, ()), *loops.get(each.name, ())),
            )
            for each in topology.processors
        ]
    straight = tuple(edge for edge in edges if edge.source != edge.target)
    return Graph(name=topology.network.name, vertices=tuple(vertices), edges=straight)


def _edge(plug: Plug, grain: Grain) -> Edge:
    source, target = plug.spec.source, plug.spec.target
    if grain is Grain.PROCESSOR:
        source, target = source.partition(".")[0], target.partition(".")[0]
    shown = _way(plug) if grain is Grain.SOCKET else _loop(plug).replace(" ", "")
    if plug.spec.name:
        shown = plug.spec.name
    return Edge(
        title=shown,
        name=plug.name,
        source=source,
        target=target,
        error=plug.spec.kind is PlugKind.ERROR,
        cycle=plug.spec.allow_cycle,
    )


def _way(plug: Plug) -> str:
    """Return the route that a plug serves, or that it carries what a gate rejects."""
    return plug.spec.route or ("reject" if plug.spec.kind is PlugKind.REJECT else "")


def _loop(plug: Plug) -> str:
    source, target = plug.spec.source.partition(".")[2], plug.spec.target.partition(".")[2]
    arrow = "!>" if plug.spec.kind is PlugKind.ERROR else ">"
    way = _way(plug) and f":{_way(plug)}"
    return f"{source}{way} {arrow} {target}"


def _sockets(topology: Topology) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for socket in topology.sockets:
        found.setdefault(socket.processor, []).append(f". {socket.spec.name}")
    return found


def around(graph: Graph, names: Iterable[str], hops: int) -> Graph:
    """Return the part of a graph that is at most so many edges away from some vertices."""
    near = set(names)
    for _ in range(hops):
        touched = [edge for edge in graph.edges if edge.source in near or edge.target in near]
        near |= {name for edge in touched for name in (edge.source, edge.target)}
    return Graph(
        name=graph.name,
        vertices=tuple(vertex for vertex in graph.vertices if vertex.name in near),
        edges=tuple(e for e in graph.edges if e.source in near and e.target in near),
    )
