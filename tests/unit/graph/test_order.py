"""The order inside layers: few crossings, and nothing that jumps."""

import random

from flowctl.graph.order import arrange, crossings
from flowctl.graph.rank import weave


def test_lines_that_can_run_beside_each_other_do() -> None:
    mesh = weave([0, 0, 0, 1, 1, 1], [(0, 5), (1, 4), (2, 3)])
    arrange(mesh, {})
    assert crossings(mesh) == 0


def test_what_was_before_keeps_its_order_even_where_lines_cross() -> None:
    mesh = weave([0, 0, 1, 1], [(0, 3), (1, 2)])
    arrange(mesh, {0: 0.0, 1: 9.0, 2: 0.0, 3: 9.0})
    assert mesh.layers == [[0, 1], [2, 3]]


def test_a_newcomer_finds_its_place_between_the_others() -> None:
    mesh = weave([0, 0, 1, 1, 1], [(0, 2), (1, 3), (0, 4)])
    arrange(mesh, {0: 0.0, 1: 9.0, 2: 0.0, 3: 9.0})
    assert mesh.layers[1] == [2, 4, 3]


def test_a_tree_is_drawn_without_crossings() -> None:
    rng = random.Random(3)
    pairs, layer = [], [0]
    for number in range(1, 60):
        parent = rng.randrange(max(0, number - 8), number)
        pairs.append((parent, number))
        layer.append(layer[parent] + 1)
    mesh = weave(layer, pairs)
    arrange(mesh, {})
    assert crossings(mesh) == 0
