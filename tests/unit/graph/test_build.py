"""From a topology to a graph."""

from flowctl.graph.build import Grain, around, build
from flowctl.recipe.parse import parse
from tests.drawings import R1, graph, topology_of

RECIPE = """
version: 1
network: shop
processors:
  read: {source: {path: /tmp, module: m}, sockets: {rows: rows, more: more}}
  write: {source: {path: /tmp, module: m}, sockets: {save: save}}
plugs:
  - read.rows -> read.more
  - read.more -> write.save
  - {from: write.save, to: read.rows, allow_cycle: true, name: again}
  - read.rows !> write.save
"""
SHOP = topology_of(parse(RECIPE))


def test_a_vertex_is_a_processor_and_a_plug_into_itself_a_row_of_its_card() -> None:
    found = build(SHOP)
    assert [(vertex.name, vertex.rows) for vertex in found.vertices] == [
        ("read", ("rows > more",)),
        ("write", ()),
    ]
    assert {(e.source, e.target, e.error, e.cycle, e.title) for e in found.edges} == {
        ("read", "write", False, False, "more>save"),
        ("read", "write", True, False, "rows!>save"),
        ("write", "read", False, True, "again"),
    }


def test_cards_may_list_their_sockets() -> None:
    assert build(SHOP, rows=True).vertices[0].rows == (". more", ". rows", "rows > more")


def test_a_vertex_may_be_a_socket() -> None:
    found = build(SHOP, Grain.SOCKET)
    assert {vertex.name for vertex in found.vertices} == {"read.rows", "read.more", "write.save"}
    assert {vertex.processor for vertex in found.vertices} == {"read", "write"}
    assert len(found.edges) == 4


def test_around_keeps_what_is_near() -> None:
    found = around(graph(*R1), ["score"], 1)
    assert {vertex.name for vertex in found.vertices} == {"merge", "score", "sink_db", "sink_s3"}
    assert len(found.edges) == 3
    assert len(around(graph(*R1), ["score"], 9).vertices) == 11
