"""What is too wide is folded, and nothing of it is lost: joined at its letters it is what it was."""

import random

import pytest

from flowctl.graph.fold import ROOM, cuts, lines, pieces, sheets, squeezed
from flowctl.graph.glyphs import ASCII, UNICODE
from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
from flowctl.graph.picture import Options, draw, text
from tests.drawings import R1, graph, overlay
from tests.picture import Reader

FAN = [f"s>w{n}" for n in range(14)] + [f"w{n}>t" for n in range(14)] + ["t>u", "u>v", "v>s"]


def scattered(seed: int):
    rng = random.Random(seed)
    ends = [(rng.randrange(24), rng.randrange(24)) for _ in range(34)]
    forward = [f"v{min(a, b)}>v{max(a, b)}" for a, b in ends if a != b]
    return graph(*dict.fromkeys(forward), "v20>v3", "v9!>v21")


GRAPHS = [graph(*R1), graph(*FAN), *(scattered(seed) for seed in range(6))]


@pytest.mark.parametrize("of", GRAPHS, ids=lambda of: f"{len(of.vertices)}")
@pytest.mark.parametrize("width", [48, 60, 80, 120])
@pytest.mark.parametrize("plain", [False, True])
def test_what_is_folded_is_what_it_was_when_it_is_joined_at_its_letters(of, width, plain):
    drawing = draw(of, Options(orient=Orient.LR, live=True, level=Level.SHORT, ascii=plain))
    where = cuts(drawing.picture, width)
    assert where is not None
    rows = text(drawing, overlay(of))
    found = pieces(rows, where)
    assert all(len(row.rstrip()) <= width for piece in found for row in piece)
    joined = found[0]
    for cut, piece in zip(where, found[1:], strict=True):
        joined = [join(left, right) for left, right in zip(joined, piece, strict=True)]
        letters = [row[cut.x + 1 :].strip() for row in found[0]] if cut is where[0] else []
        assert len(set(filter(None, letters))) == len(list(filter(None, letters)))
    assert [row.rstrip() for row in joined] == rows


def join(left: str, right: str) -> str:
    """Join two pieces of a row: the letter that ends one begins the other."""
    letter = right[:ROOM].rstrip("─┄╌-~= ")
    if not letter:
        return left + right[ROOM:]
    glyph = right[ROOM]
    assert left.endswith(glyph + letter)
    assert right[:ROOM] == letter.ljust(ROOM, glyph)
    return left.removesuffix(glyph + letter) + right[ROOM:]


@pytest.mark.parametrize("of", GRAPHS, ids=lambda of: f"{len(of.vertices)}")
@pytest.mark.parametrize("plain", [False, True])
def test_squeezed_rows_say_the_same(of, plain):
    drawing = draw(of, Options(orient=Orient.LR, level=Level.NONE, ascii=plain))
    rows = text(drawing)
    glyphs = ASCII if plain else UNICODE
    read = [
        sorted(map(repr, Reader(each, drawing.picture, glyphs).read()))
        for each in (rows, squeezed(rows))
    ]
    assert read[0] == read[1]
    assert len(squeezed(rows)) <= len(rows)


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("live", [False, True])
def test_nothing_is_wider_than_the_terminal(width, live):
    wide = graph(*FAN, "x>y", "alone")
    shown = lines(sheets(wide, Options(width=width, live=live)), overlay(wide) if live else None)
    assert max(map(len, shown)) <= width
    for vertex in wide.vertices:
        assert any(vertex.name in row for row in shown)


def test_what_fits_is_not_folded():
    several = sheets(graph(*R1), Options(width=60))
    assert len(several) == 1
    assert not several[0].cuts
    assert lines(several) == text(several[0].drawing)
