"""Walking in a picture, and what lies on a cell."""

from flowctl.graph.layout import Orient
from flowctl.graph.minimap import minimap
from flowctl.graph.picture import Options, draw
from flowctl.graph.walk import Item, Side, at, cycle, in_order, place, step
from tests.drawings import R1, graph


def test_one_goes_from_a_card_to_its_line_and_on():
    of = graph("a>b", "b>c")
    layout = draw(of, Options(orient=Orient.LR)).layout
    line = step(of, layout, Item("a"), Side.RIGHT)
    assert line == Item("e0", True)
    assert step(of, layout, line, Side.RIGHT) == Item("b")
    assert step(of, layout, line, Side.LEFT) == Item("a")


def test_a_line_that_leads_back_is_walked_as_it_is_seen():
    of = graph("a>b", "b>c", "c>a")
    layout = draw(of, Options(orient=Orient.LR)).layout
    back = Item("e2", True)
    assert layout.wires["e2"].back
    assert step(of, layout, back, Side.LEFT) == Item("a")
    assert step(of, layout, back, Side.RIGHT) == Item("c")


def test_across_one_goes_to_the_next_line_of_the_same_card():
    of = graph("a>b", "a>c")
    layout = draw(of, Options(orient=Orient.LR)).layout
    lines = sorted(("e0", "e1"), key=lambda name: layout.wires[name].points[0].y)
    found = step(of, layout, Item(lines[0], True), Side.DOWN, "a")
    assert found == Item(lines[1], True)
    assert step(of, layout, found, Side.UP, "a") == Item(lines[0], True)


def test_every_item_is_found_on_its_own_cells():
    of = graph(*R1)
    picture = draw(of, Options(orient=Orient.TB)).picture
    for item in in_order(of, picture.layout):
        box = place(picture, item)
        assert at(of, picture, box.x, box.y) == item


def test_it_goes_round_and_round():
    order = [Item(name) for name in "abcd"]
    wanted = [Item("b"), Item("d")]
    assert cycle(order, wanted, Item("b"), 1) == Item("d")
    assert cycle(order, wanted, Item("d"), 1) == Item("b")
    assert cycle(order, wanted, Item("a"), -1) == Item("d")
    assert cycle(order, [], Item("a"), 1) is None


def test_the_map_holds_every_card_in_the_room_it_has():
    layout = draw(graph(*[f"a{n}>a{n + 1}" for n in range(60)])).layout
    small = minimap(layout, 20, 5)
    assert len(small.rows) <= 5
    assert all(len(row) <= 20 for row in small.rows)
    for box in layout.boxes.values():
        found = small.place(box)
        assert any(
            small.rows[y][x] != "\u2800"
            for y in range(found.y, found.y + found.height)
            for x in range(found.x, found.x + found.width)
        )
