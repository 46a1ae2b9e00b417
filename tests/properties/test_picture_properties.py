"""Whatever the graph: its picture, read back cell by cell, is the graph again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
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


@settings(max_examples=250, deadline=None)
@given(graphs(), options)
def test_a_picture_says_what_its_graph_says(drawn, wanted):
    read(draw(drawn, wanted), overlay(drawn))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(Orient))
def test_plain_characters_have_the_same_shape(drawn, orient):
    fancy = draw(drawn, Options(orient=orient)).layout
    assert fancy == draw(drawn, Options(orient=orient, ascii=True)).layout
