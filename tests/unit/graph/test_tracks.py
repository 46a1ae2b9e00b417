"""Lines between two layers: what they share, and what they must not."""

from hypothesis import given
from hypothesis import strategies as st

from flowctl.graph.tracks import route


def test_straight_lines_need_no_track() -> None:
    assert route([(0, 0), (3, 3)]) == ([[], []], 0)


def test_lines_that_change_places_go_round_each_other() -> None:
    moves, count = route([(0, 4), (4, 0)])
    assert [len(way) for way in moves] == [2, 1]
    assert count == 3


def test_lines_that_run_the_same_way_do_not_cross() -> None:
    moves, _ = route([(0, 5), (2, 7)])
    assert moves[0][0][0] > moves[1][0][0]


def cells(lines, moves, count):
    """Return what each line covers: places per row going down, spans per row going across."""
    down, across = {}, {}
    for number, (here, _) in enumerate(lines):
        row = -1
        for track, place in [*moves[number], (count, None)]:
            for y in range(row, track + 1):
                down.setdefault((here, y), set()).add(number)
            if place is not None:
                for x in range(min(here, place), max(here, place) + 1):
                    across.setdefault((x, track), set()).add(number)
                here, row = place, track
    return down, across


@given(st.permutations(range(9)), st.permutations(range(9)), st.integers(0, 9))
def test_no_two_lines_share_more_than_a_crossing(begins, ends, count):
    lines = list(zip(begins[:count], ends[:count], strict=True))
    moves, tracks = route(lines)
    for (_, end), way in zip(lines, moves, strict=True):
        assert not way or way[-1][1] == end
    down, across = cells(lines, moves, tracks)
    assert all(len(owners) == 1 for owners in down.values())
    assert all(len(owners) == 1 for owners in across.values())
