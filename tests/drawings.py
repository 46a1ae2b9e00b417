"""Graphs for tests of pictures, and what a picture of them must say."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from flowctl.graph.build import Edge, Graph, Vertex
from flowctl.graph.glyphs import ASCII, UNICODE
from flowctl.graph.live import Overlay, PlugLive, ProcessorLive
from flowctl.graph.picture import Drawing, text
from flowctl.model.flow import Network, NetworkSpec, Plug, Processor, Socket, Topology
from flowctl.model.naming import plug_name, plug_queue, socket_queue
from flowctl.model.states import Desired, ProcessorStatus
from flowctl.model.work import Trend
from tests.picture import Reader

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RECORD = {"receipt": "r", "created_at": NOW, "updated_at": NOW}

R1 = (
    "http_in>parse", "parse>route", "route>enrich_a", "route>enrich_b", "route>dead_letter",
    "enrich_a>merge", "enrich_b>merge", "merge>score", "score>sink_db", "score>sink_s3",
    "parse>audit", "merge>audit", "http_in>audit", "dead_letter>parse",
)  # fmt: skip
"""The reference: fan-out, fan-in, two long edges, one that leads back."""


def graph(*arrows: str) -> Graph:
    """Return a graph of arrows such as `a>b`, `a!>b` for errors; a word alone is a vertex."""
    names: dict[str, None] = {}
    edges = []
    for number, arrow in enumerate(arrows):
        source, _, target = arrow.partition(">")
        error, source = source.endswith("!"), source.removesuffix("!")
        names |= dict.fromkeys(name for name in (source, target) if name)
        if target:
            name = f"e{number}"
            edges.append(Edge(name=name, source=source, target=target, error=error, title=name))
    vertices = tuple(Vertex(name=name, processor=name) for name in names)
    return Graph(name="g", vertices=vertices, edges=tuple(edges))


def topology_of(spec: NetworkSpec) -> Topology:
    """Return a recipe as the state would tell it."""
    net, processors = spec.name, spec.processors
    return Topology(
        network=Network(id="n", name=net, revision=1, **RECORD),
        processors=tuple(
            Processor(
                id=each.name, name=each.name, network=net, spec=each, generation=1, restarts=0,
                requested_status=Desired.RUNNING, status=ProcessorStatus.RUNNING, **RECORD,
            )
            for each in processors
        ),
        sockets=tuple(
            Socket(
                id=f"{each.name}.{socket.name}", name=f"{each.name}.{socket.name}", network=net,
                processor=each.name, spec=socket, queue=socket_queue(net, each.name, socket.name),
                **RECORD,
            )
            for each in processors
            for socket in each.sockets
        ),
        plugs=tuple(
            Plug(
                id=plug_name(each), name=plug_name(each), network=net, spec=each,
                queue=plug_queue(net, each), **RECORD,
            )
            for each in spec.plugs
        ),
    )  # fmt: skip


def overlay(of: Graph) -> Overlay:
    """Return numbers for everything."""
    return Overlay(
        plugs={
            edge.name: PlugLive(
                depth=7 * n * n, in_rate=3.0 * n, out_rate=2.0 * n, trend=Trend.GROWING, limit=9000
            )
            for n, edge in enumerate(of.edges)
        },
        processors={
            vertex.name: ProcessorLive(wanted=4, running=3, utilisation=0.87, failures=2)
            for vertex in of.vertices
        },
    )


def read(drawing: Drawing, numbers: Overlay | None = None) -> None:
    """Read a drawing back and compare it with its graph; raise where they differ."""
    glyphs = ASCII if drawing.options.ascii else UNICODE
    rows = text(drawing, numbers)
    if drawing.options.ascii:
        assert all(row.isascii() for row in rows)
    lines = Reader(rows, drawing.picture, glyphs).read()
    wires = drawing.layout.wires
    wanted = Counter(
        (
            edge.source,
            edge.target,
            "error" if edge.error else "back" if wires[edge.name].back else "plain",
            edge.name if drawing.picture.labels else "",
        )
        for edge in drawing.graph.edges
    )
    seen = Counter((line.source, line.target, line.style or "plain", line.label) for line in lines)
    assert seen == wanted
