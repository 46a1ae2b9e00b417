"""Pictures of known graphs, read back; and the reader itself, which must not be fooled."""

from pathlib import Path

import pytest
from msgspec import structs

from flowctl.graph.build import Grain, build
from flowctl.graph.glyphs import UNICODE
from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
from flowctl.graph.picture import Options, draw, text
from flowctl.recipe.parse import parse
from tests.drawings import R1, graph, overlay, read, topology_of
from tests.picture import Reader, Unreadable

ROOT = Path(__file__).parents[3]
RECIPES = sorted((ROOT / "recipes").glob("*/recipe.yaml"))
EVERY_WAY = [
    Options(orient=orient, ascii=plain, live=live, level=level)
    for orient in Orient
    for plain in (False, True)
    for live in (False, True)
    for level in (None, Level.RATE, Level.NONE)
]


@pytest.mark.parametrize("options", EVERY_WAY, ids=repr)
def test_the_reference_is_drawn_right(options: Options) -> None:
    reference = graph(*R1)
    drawing = draw(reference, options)
    read(drawing, overlay(reference))
    assert drawing.layout.crossings == 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("orient", Orient)
def test_every_shipped_recipe_is_drawn_right(path: Path, grain: Grain, orient: Orient) -> None:
    spec = parse(path.read_text(), source=str(path), folder=str(path.parent))
    found = build(topology_of(spec), grain, rows=True)
    read(draw(found, Options(orient=orient)))
    read(draw(found, Options(orient=orient, live=True, ascii=True)), overlay(found))


def test_the_reference_fits_a_small_terminal_with_all_its_rates() -> None:
    reference = graph(*R1)
    drawing = draw(reference, Options(width=60, height=24, live=True))
    assert (drawing.level, drawing.layout.orient) == (Level.RATE, Orient.TB)
    assert drawing.layout.width <= 60
    assert drawing.layout.height <= 24
    assert "\n".join(text(drawing, overlay(reference))).count("/s") == len(R1)


@pytest.mark.parametrize("live", [False, True])
def test_the_reference_reads_left_to_right_in_160_columns(live: bool) -> None:
    drawing = draw(graph(*R1), Options(width=160, live=live))
    assert drawing.layout.orient is Orient.LR
    assert drawing.layout.width <= 160
    assert drawing.picture.labels


def test_the_reference_in_characters() -> None:
    assert (
        "\n".join(text(draw(graph(*R1), Options(width=60, height=24, level=Level.NONE))))
        == """\
                                      [ http_in ]
                                        ▼     │
                                    [ parse ] │
                                      │ ▲ │   │
                            ╭─────────╯ ╎ ╰─╮ │
                            ▼           ╎   │ │
                      [ route ]         ╎   │ │
          ╭─────────────╯ │ ╰─╮         ╎   │ │
          │             ╭─╯   │         ╎   │ │
          ▼             ▼     ▼         ╎   │ │
[  enrich_a ] [  enrich_b ] [ dead_letter ] │ │
          ╰───────╮   │                     │ │
                  ▼   ▼                     │ │
                [ merge ]                   │ │
                  │   ╰───────────────────╮ │ │
                  ▼                       ▼ ▼ ▼
              [ score ]                 [ audit ]
              ╭─╯   │
              ▼     ▼
      [ sink_db ] [ sink_s3 ]"""
    )


def test_numbers_never_move_anything() -> None:
    reference = graph(*R1)
    drawing = draw(reference, Options(live=True))
    still, moving = text(drawing), text(drawing, overlay(reference))
    slots = {
        (x, slot.y)
        for slots in [drawing.picture.labels.values(), *drawing.picture.cards.values()]
        for slot in slots
        for x in range(slot.x, slot.x + slot.width)
    }
    for y, (one, two) in enumerate(zip(still, moving, strict=True)):
        for x, (before, after) in enumerate(zip(one, two, strict=False)):
            assert before == after or (x, y) in slots


def test_what_was_drawn_keeps_its_order() -> None:
    old = draw(graph(*R1)).layout
    new = draw(graph(*R1, "route>enrich_c", "enrich_c>merge"), seed=old.order).layout
    below = sorted(new.boxes, key=lambda name: new.boxes[name].y)
    for one in old.boxes:
        for two in old.boxes:
            if old.boxes[one].x == old.boxes[two].x and old.boxes[one].y < old.boxes[two].y:
                assert below.index(one) < below.index(two)


def test_a_graph_without_edges_is_a_row_of_cards() -> None:
    drawing = draw(graph("a", "b", "c"), Options(width=60))
    assert drawing.layout.height == 3 or drawing.layout.width <= 60
    read(drawing)


def test_an_empty_graph_is_an_empty_picture() -> None:
    assert text(draw(graph())) == []


def test_a_label_that_is_cut_says_so() -> None:
    short = graph("a>b")
    edge = structs.replace(
        short.edges[0], title="a-very-long-name-of-a-plug-that-nobody-would-type"
    )
    drawing = draw(structs.replace(short, edges=(edge,)))
    assert "a-very-long-name-of-a-plug-…" in "\n".join(text(drawing))


def broken(rows: list[str], old: str, new: str) -> list[str]:
    y = next(y for y, row in enumerate(rows) if old in row)
    return [*rows[:y], rows[y].replace(old, new, 1), *rows[y + 1 :]]


@pytest.mark.parametrize(
    ("old", "new"),
    [("╭", "│"), ("▶", "─"), ("╮", "╯"), ("╰", " "), ("─▶", "─ "), ("─▶", "┄▶"), ("▶", "◀")],
)
def test_the_reader_sees_what_is_wrong(old: str, new: str) -> None:
    drawing = draw(
        graph("a>b", "a>c", "b>d", "c>d", "a>d"), Options(orient=Orient.LR, level=Level.NONE)
    )
    rows = broken(text(drawing), old, new)
    with pytest.raises(Unreadable):
        Reader(rows, drawing.picture, UNICODE).read()
