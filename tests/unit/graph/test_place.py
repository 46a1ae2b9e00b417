"""Places across a layer."""

from hypothesis import given
from hypothesis import strategies as st

from flowctl.graph.place import fit, settle
from flowctl.graph.rank import weave


@given(st.lists(st.lists(st.integers(-50, 50), min_size=1, max_size=5).map(sorted), max_size=8))
def test_what_is_fitted_rises_and_stays_within_the_wishes(wishes):
    found = fit(wishes)
    assert found == sorted(found)
    if wishes:
        every = [value for wish in wishes for value in wish]
        assert min(every) <= found[0]
        assert found[-1] <= max(every)


def test_a_chain_runs_straight() -> None:
    mesh = weave([0, 1, 2], [(0, 1), (1, 2)])
    places = settle(mesh, [5, 9, 3], [1, 1], gap=1)
    for segment in range(2):
        assert places.above(mesh, segment) == places.below(mesh, segment)


def test_cards_keep_their_gap_and_pins_keep_off_the_corners() -> None:
    mesh = weave([0, 1, 1, 1], [(0, 1), (0, 2), (0, 3)])
    places = settle(mesh, [3, 3, 3, 3], [4, 4, 4], gap=1)
    one, two, three = mesh.layers[1]
    assert places.start[two] >= places.start[one] + places.size[one] + 1
    assert places.start[three] >= places.start[two] + places.size[two] + 1
    for segment in range(3):
        assert 1 <= places.leave[segment] <= places.size[0] - 2
        # The last label of a layer may stand out.
        if mesh.lower[segment] != three:
            assert places.enter[segment] + 4 <= places.size[mesh.lower[segment]] - 1


def test_a_limit_holds_where_it_can() -> None:
    pairs = [(0, n) for n in range(1, 6)]
    mesh = weave([0, 1, 1, 1, 1, 1], pairs)
    places = settle(mesh, [3] * 6, [1] * 5, gap=0, limit=15)
    assert max(a + b for a, b in zip(places.start, places.size, strict=True)) <= 15
