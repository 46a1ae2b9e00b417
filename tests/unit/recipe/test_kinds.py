"""Kinds as JSON Schema."""

from __future__ import annotations

from flowctl.recipe import words
from flowctl.recipe.kinds import Anything, Forms, Key, ListOf, MapOf, Record, Variants, describe

PAIR = Record(
    "a pair", (Key("left", words.BOOLEAN, "One.", True), Key("right", Anything(), "Two."))
)


def test_a_record_closes_itself_to_other_keys() -> None:
    assert describe(PAIR) == {
        "title": "a pair",
        "type": "object",
        "properties": {
            "left": {"type": "boolean", "description": "One."},
            "right": {"description": "Two."},
        },
        "additionalProperties": False,
        "required": ["left"],
    }
    assert PAIR.find("left") is PAIR.keys[0]
    assert PAIR.find("up") is None


def test_forms_and_variants_are_alternatives() -> None:
    assert len(describe(Forms(words.TEXT, PAIR))["anyOf"]) == 2
    assert len(describe(Variants("which", (("left", PAIR),)))["oneOf"]) == 1


def test_lists_and_maps_describe_what_they_hold() -> None:
    assert describe(ListOf(words.BOOLEAN))["items"]["type"] == "boolean"
    assert describe(MapOf(words.NAMED, Anything()))["propertyNames"]["pattern"]
