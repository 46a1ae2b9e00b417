"""Complaints and their places."""

from __future__ import annotations

from flowctl.recipe.document import Place
from flowctl.recipe.notes import Notes


def test_a_path_without_a_place_takes_that_of_what_holds_it() -> None:
    notes = Notes()
    notes.mark("plugs[2]", Place(7, 3))
    notes.add("plugs[2].to", "wrong")
    notes.add("elsewhere", "wrong")
    assert [(p.line, p.column) for p in notes.problems] == [(7, 3), (0, 0)]


def test_problems_come_in_the_order_of_the_text_and_once() -> None:
    notes = Notes()
    for line in (3, 1, 3):
        notes.add("x", "wrong", place=Place(line, 1))
    assert [p.line for p in notes.sorted()] == [1, 3]


def test_the_nearest_name_is_offered_else_what_there_is() -> None:
    notes = Notes()
    assert notes.hint("cpu", ["cpus", "scale"]) == 'did you mean "cpus"?'
    assert notes.hint("zzz", ["cpus", "scale"]) == "known: cpus, scale"
    assert notes.hint("zzz", [str(n) for n in range(99)]) == ""


def test_a_very_wrong_recipe_gets_no_offers_and_an_end() -> None:
    notes = Notes()
    for _ in range(1001):
        notes.add("x", "wrong", place=Place(1, 1))
    assert notes.near("cpu", ["cpus"]) == ""
    assert notes.sorted()[-1].message == "and 1 more problems"


def test_complaints_below_a_path_count_for_it() -> None:
    notes = Notes()
    notes.add("a.scale.max", "wrong")
    assert notes.has("a.scale")
    assert not notes.has("a.sca")
