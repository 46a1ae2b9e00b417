"""Whatever the graph: its picture, read back cell by cell, is the graph again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.graph.labels import Level
from flowctl.graph.layout import Metrics, Orient, lay_out, skeletons
from flowctl.graph.picture import Options, draw
from tests.drawings import graph, overlay, read

NAMES = [f"{word}{'_x' * (n % 4)}" for n, word in enumerate("abcdefghijklmno")]


@st.composite
def graphs(draw_from):
    names = NAMES[: draw_from(st.integers(1, 15))]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names), st.booleans())
    arrows = [
        f"{source}{'!' if error else ''}>{target}"
        for source, target, error in draw_from(st.lists(pairs, max_size=26))
        if source != target
    ]
    return graph(*names, *arrows)


options = st.builds(
    Options,
    width=st.sampled_from([0, 40, 80, 160]),
    height=st.sampled_from([0, 24]),
    orient=st.sampled_from([None, *Orient]),
    ascii=st.booleans(),
    live=st.booleans(),
    level=st.sampled_from([None, *Level]),
)


@settings(max_examples=150, deadline=None)
@given(graphs(), options)
def test_a_picture_says_what_its_graph_says(drawn, wanted):
    read(draw(drawn, wanted), overlay(drawn))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(Orient))
def test_plain_characters_have_the_same_shape(drawn, orient):
    fancy = draw(drawn, Options(orient=orient)).layout
    assert fancy == draw(drawn, Options(orient=orient, ascii=True)).layout


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_new_vertex_leaves_the_order_of_the_others(drawn, near, far):
    old = skeletons(drawn)
    seed = lay_out(old, metrics(drawn)).order
    arrows = [f"{edge.source}>{edge.target}" for edge in drawn.edges]
    names = [vertex.name for vertex in drawn.vertices]
    grown = graph(*names, *arrows, f"{near}>new", *([f"new>{far}"] if far != near else []))
    before, after = ranks(old), ranks(skeletons(grown, seed))
    for one in names:
        for two in names:
            apart = before[one][0] != before[two][0] or after[one][0] != after[two][0]
            if not apart and before[one][1] < before[two][1]:
                assert after[one][1] < after[two][1]


def metrics(drawn):
    return Metrics(orient=Orient.LR, cards={v.name: (9, 3) for v in drawn.vertices})


def ranks(parts):
    """Return of every vertex its part and layer, and its position there."""
    return {
        part.names[item]: ((min(part.names), number), position)
        for part in parts
        for number, layer in enumerate(part.mesh.layers)
        for position, item in enumerate(layer)
        if item < part.mesh.real
    }
