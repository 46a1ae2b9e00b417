"""Graphs for other programs."""

import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from flowctl.graph.build import Edge, Graph, Vertex
from flowctl.graph.exports import document, dot, mermaid
from flowctl.graph.layout import Orient
from flowctl.graph.picture import Options, draw
from flowctl.graph.svg import svg
from tests.drawings import R1, graph, overlay

ODD = Graph(
    name='a "shop"',
    vertices=(
        Vertex(name="end", processor="end", rows=("x > y",)),
        Vertex(name="b", processor="b"),
    ),
    edges=(Edge(name="p", source="end", target="b", title='say "hi" | <b>', error=True),),
)


def test_dot_quotes_what_it_must() -> None:
    assert dot(ODD).splitlines() == [
        r'digraph "a \"shop\"" {',
        "  rankdir=LR;",
        "  node [shape=box];",
        r'  "end" [label="end\nx > y"];',
        '  "b" [label="b"];',
        r'  "end" -> "b" [label="say \"hi\" | <b>", style=dotted];',
        "}",
    ]


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
def test_graphviz_reads_it() -> None:
    for each in (ODD, graph(*R1)):
        subprocess.run(["dot", "-Tplain"], input=dot(each), text=True, check=True, timeout=30)


def test_mermaid_quotes_what_it_must() -> None:
    assert mermaid(ODD).splitlines() == [
        "flowchart LR",
        '  v0["end<br>x #62; y"]',
        '  v1["b"]',
        '  v0 -.->|"say #34;hi#34; #124; #60;b#62;"| v1',
    ]


def test_a_document_holds_what_is_measured() -> None:
    reference = graph(*R1)
    still, live = document(reference), document(reference, overlay(reference))
    assert "live" not in still["edges"][0]
    assert live["edges"][1]["live"]["full_in"] == pytest.approx(8993)
    assert live["edges"][1]["live"]["trend"] == "growing"
    assert live["vertices"][0]["live"]["running"] == 3


@pytest.mark.parametrize("orient", Orient)
@pytest.mark.parametrize("live", [False, True])
def test_svg_is_well_formed_and_whole(orient: Orient, live: bool) -> None:
    reference = graph(*R1, "a<b>c&d")
    drawn = svg(draw(reference, Options(orient=orient, live=live)), overlay(reference))
    root = ElementTree.fromstring(drawn)
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}polyline")) == len(reference.edges)
    assert len(root.findall(f"{space}rect")) == len(reference.vertices) + 1
    words = [word.text for word in root.findall(f"{space}text")]
    assert {vertex.name for vertex in reference.vertices} <= set(words)
