"""A graph for other programs: Graphviz, Mermaid, a document."""

from __future__ import annotations

import re
from typing import Any

from msgspec import structs

from flowctl.graph.build import Edge, Graph
from flowctl.graph.live import Overlay
from flowctl.graph.physics import drains_in, fills_in


def dot(graph: Graph) -> str:
    """Return a graph in the language of Graphviz.

    >>> print(dot(Graph(name="shop", vertices=(), edges=())))
    digraph "shop" {
      rankdir=LR;
      node [shape=box];
    }
    <BLANKLINE>
    """
    lines = [f"digraph {_quoted(graph.name)} {{", "  rankdir=LR;", "  node [shape=box];"]
    for vertex in graph.vertices:
        label = "\\n".join([_escaped(text) for text in (vertex.name, *vertex.rows)])
        lines.append(f'  {_quoted(vertex.name)} [label="{label}"];')
    for edge in graph.edges:
        style = ", style=dotted" if edge.error else ", style=dashed" if edge.cycle else ""
        ends = f"{_quoted(edge.source)} -> {_quoted(edge.target)}"
        lines.append(f"  {ends} [label={_quoted(edge.title)}{style}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def mermaid(graph: Graph) -> str:
    """Return a graph in the language of Mermaid; vertices are numbered, as names may be words of it.

    >>> print(mermaid(Graph(name="shop", vertices=(), edges=())))
    flowchart LR
    <BLANKLINE>
    """
    number = {vertex.name: f"v{n}" for n, vertex in enumerate(graph.vertices)}
    lines = ["flowchart LR"]
    for vertex in graph.vertices:
        label = "<br>".join([_entities(text) for text in (vertex.name, *vertex.rows)])
        lines.append(f'  {number[vertex.name]}["{label}"]')
    lines += [f"  {number[e.source]} {_arrow(e)} {number[e.target]}" for e in graph.edges]
    return "\n".join([*lines, ""])


def _arrow(edge: Edge) -> str:
    arrow = "-.->" if edge.error else "-->"
    return f'{arrow}|"{_entities(edge.title)}"|' if edge.title else arrow


def _entities(text: str) -> str:
    """Return a text in which nothing means anything to Mermaid."""
    return re.sub(r"[^\w .+/=-]", lambda found: f"#{ord(found[0])};", text)


def document(graph: Graph, overlay: Overlay | None = None) -> dict[str, Any]:
    """Return a graph as plain values, with what is measured where that is given."""
    vertices = [structs.asdict(vertex) for vertex in graph.vertices]
    edges = [structs.asdict(edge) for edge in graph.edges]
    if overlay is not None:
        for vertex in vertices:
            numbers = overlay.processors.get(vertex["processor"])
            vertex["live"] = structs.asdict(numbers) if numbers else None
        for edge in edges:
            edge["live"] = _plug(overlay, edge["name"])
    return {"name": graph.name, "vertices": vertices, "edges": edges}


def _plug(overlay: Overlay, name: str) -> dict[str, Any] | None:
    numbers = overlay.plugs.get(name)
    if numbers is None:
        return None
    found = structs.asdict(numbers) | {"trend": numbers.trend.name.lower()}
    return found | {"drains_in": drains_in(numbers), "full_in": fills_in(numbers)}
