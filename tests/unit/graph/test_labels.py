"""What is written, and that it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.graph.build import Edge, Graph, Vertex
from flowctl.graph.labels import Level, card_text, edge_text, label_width, plain, rate, span
from flowctl.graph.live import Overlay, PlugLive, ProcessorLive
from flowctl.model.work import Trend

EDGE = Edge(name="e", source="a", target="b", title="rows>save")
VERTEX = Vertex(name="a", processor="a", rows=("x > y",))
GRAPH = Graph(name="g", vertices=(VERTEX, Vertex(name="b", processor="b")), edges=(EDGE,))


def said(level: Level, **numbers: object) -> str:
    overlay = Overlay(plugs={"e": PlugLive(**numbers)})
    return edge_text(EDGE, overlay, level, label_width(GRAPH, level, live=True))


def test_a_line_says_what_there_is_room_for() -> None:
    numbers = {"depth": 1204, "in_rate": 340.0, "out_rate": 335.2, "trend": Trend.GROWING}
    assert said(Level.RATE, **numbers) == "335/s"
    assert said(Level.SHORT, **numbers) == "1.2k▲ 335/s"
    assert said(Level.FULL, **numbers) == "1.2k▲ 340→335/s"
    assert said(Level.FULL, limit=5000, **numbers) == "1.2k▲ 340→335/s full 13m11s"


def test_a_queue_that_shrinks_says_when_it_is_empty() -> None:
    shown = said(Level.FULL, depth=600, in_rate=1.0, out_rate=11.0, trend=Trend.SHRINKING)
    assert shown == "600▼ 1.0→11/s empty 1m"


def test_what_is_not_known_is_a_question_mark() -> None:
    assert said(Level.FULL) == "?= ?→?/s"


@given(
    st.builds(
        PlugLive,
        depth=st.none() | st.integers(0, 10**12),
        in_rate=st.none() | st.floats(0, 1e9),
        out_rate=st.none() | st.floats(0, 1e9),
        trend=st.sampled_from(Trend),
        limit=st.integers(0, 10**9),
    ),
    st.sampled_from(Level),
)
def test_no_label_is_ever_cut(numbers, level):
    shown = edge_text(EDGE, Overlay(plugs={"e": numbers}), level, 99)
    assert len(shown) <= label_width(GRAPH, level, live=True) or level is Level.NONE
    assert plain(shown).isascii()


def test_a_still_line_says_its_sockets() -> None:
    assert edge_text(EDGE, None, Level.FULL, 20) == "rows>save"
    assert edge_text(EDGE, None, Level.SHORT, 6) == "rows>…"


@pytest.mark.parametrize(
    ("numbers", "line"),
    [
        (ProcessorLive(wanted=4, running=3, utilisation=0.87), "3/4 87%"),
        (ProcessorLive(wanted=4, running=4, failures=12, limiting="slow"), "b 4/4 !12"),
        (ProcessorLive(wanted=1, status="paused"), "paused"),
        (None, ""),
    ],
)
def test_a_card_says_how_its_processor_does(numbers: ProcessorLive | None, line: str) -> None:
    overlay = Overlay(processors={"a": numbers} if numbers else {})
    assert card_text(VERTEX, overlay, Level.FULL) == ["a", line, "x > y"]


def test_failures_go_before_the_load_where_room_is_short() -> None:
    numbers = ProcessorLive(wanted=16, running=16, utilisation=1, failures=3)
    overlay = Overlay(processors={"a": numbers})
    assert card_text(VERTEX, overlay, Level.RATE)[1] == "16/16 !3"


def test_times_and_rates_are_short() -> None:
    assert [span(0.2), span(59.6), span(3600)] == ["0s", "1m", "1h"]
    assert [rate(0), rate(0.004), rate(9.94), rate(9.96)] == ["0", ".00", "9.9", "10"]
