"""Reading by tables goes on after every mistake."""

from __future__ import annotations

from typing import Any

from flowctl.recipe import words
from flowctl.recipe.kinds import Anything, Forms, Key, Kind, ListOf, MapOf, Record, Variants
from flowctl.recipe.notes import Notes
from flowctl.recipe.parse import compose
from flowctl.recipe.read import read

PAIR = Record(
    "a pair", (Key("left", words.whole(0), "One.", True), Key("right", words.TEXT, "Two."))
)


def outcome(kind: Kind, text: str) -> tuple[Any, list[str]]:
    notes = Notes()
    found = read(Record("", (Key("k", kind, "It."),)), compose(f"k: {text}", notes), "", notes)
    return found.get("k"), [f"{p.path}: {p.message}" for p in notes.problems]


def test_a_record_holds_the_keys_that_are_there() -> None:
    assert outcome(PAIR, "{left: 1}") == ({"left": 1}, [])


def test_a_record_tells_what_is_missing_unknown_and_wrong() -> None:
    assert outcome(PAIR, "{rihgt: 1, right: [2]}") == (
        {},
        [
            'k.rihgt: unknown key "rihgt"',
            "k.right: expected a text, found a list",
            'k: "left" is missing',
        ],
    )


def test_a_list_keeps_the_places_of_what_it_cannot_read() -> None:
    assert outcome(ListOf(words.whole(0)), "[1, x, 3]") == (
        (1, None, 3),
        ['k[1]: expected a whole number, 0 or more, found "x"'],
    )


def test_a_map_knows_names_whose_values_are_wrong() -> None:
    found, told = outcome(MapOf(words.NAMED, PAIR), "{a: 1, b: {left: 2}}")
    assert found == {"a": {}, "b": {"left": 2}}
    assert told == ['k.a: expected a mapping, found "1"']


def test_a_variant_is_chosen_by_its_key() -> None:
    other = Record("other", (Key("up", words.TEXT, "Up.", True),))
    kind = Variants("which way", (("up", other), ("left", PAIR)))
    assert outcome(kind, "{left: 1}") == ({"left": 1}, [])
    assert outcome(kind, "{up: a, left: 1}")[1] == ['k.left: unknown key "left"']
    assert outcome(kind, "{}")[1] == ["k: it is not said which way"]
    assert outcome(kind, "x")[1] == ['k: expected a mapping with one of up, left; found "x"']


def test_a_short_form_is_a_word_and_a_long_form_is_not() -> None:
    kind = Forms(words.RETRY, PAIR)
    assert outcome(kind, "3") == ({"max": 3}, [])
    assert outcome(kind, "{left: 3}") == ({"left": 3}, [])


def test_anything_is_kept_as_json() -> None:
    assert outcome(Anything(), "{a: [1, ~, 'x', 1.5, true], b: ü}")[0] == (
        '{"a":[1,null,"x",1.5,true],"b":"ü"}'
    )
    assert outcome(Anything(), "~")[0] == "null"


def test_nothing_is_as_if_it_were_not_written() -> None:
    assert outcome(words.TEXT, "") == (None, [])
    assert outcome(ListOf(words.TEXT), "") == (None, [])
