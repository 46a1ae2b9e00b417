"""Which edges are turned, and in which layer vertices stand."""

from flowctl.graph.rank import layers_of, turned, weave


def test_the_edge_that_leads_back_to_the_source_is_turned() -> None:
    assert turned(3, [(0, 1), (1, 2), (2, 0)], set()) == {2}


def test_an_edge_declared_as_closing_a_cycle_is_turned_before_any_other() -> None:
    assert turned(3, [(1, 2), (2, 0), (0, 1)], {1}) == {1}


def test_a_declared_cycle_that_is_none_runs_on() -> None:
    assert turned(2, [(0, 1)], {0}) == set()


def test_two_ways_at_once_turn_one() -> None:
    assert turned(2, [(0, 1), (1, 0)], set()) == {1}


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = [(n, n + 1) for n in range(5000)]
    assert turned(5001, chain, set()) == set()
    assert layers_of(5001, chain)[-1] == 5000


def test_a_source_stands_beside_its_first_reader() -> None:
    assert layers_of(5, [(0, 1), (1, 2), (2, 3), (4, 3)]) == [0, 1, 2, 3, 2]


def test_an_edge_is_cut_into_segments_of_one_layer() -> None:
    mesh = weave([0, 1, 2], [(0, 1), (1, 2), (0, 2)])
    assert [len(chain) for chain in mesh.chains] == [1, 1, 2]
    assert mesh.layers == [[0], [1, 3], [2]]
    assert (mesh.upper[mesh.chains[2][1]], mesh.lower[mesh.chains[2][1]]) == (3, 2)
