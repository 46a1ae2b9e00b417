"""JSON Schemas: which can be used, and what is told of a value that does not fit."""

from __future__ import annotations

import json

import pytest

from flowctl.recipe.contracts import Contract, Violation, schema_problem

ROW = {
    "type": "object", "required": ["id"], "additionalProperties": False,
    "properties": {"id": {"$ref": "#/$defs/id"}, "a/b": {"type": "array", "items": {"minimum": 0}}},
    "$defs": {"id": {"type": "integer"}},
}  # fmt: skip


def test_every_violation_is_told_with_its_place() -> None:
    contract = Contract(json.dumps(ROW))
    assert contract.violations({"id": 10**40, "a/b": [0]}) == []
    found = contract.violations({"id": "x", "a/b": [1, -1], "more": 1}, "row")
    assert {each.path for each in found} == {"/row/id", "/row/a~1b/1", "/row"}
    assert str(Violation(path="", message="no")) == "the value: no"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "https://example.org/x"}, "parts of itself only"),
        ({"items": [{"not": {"$dynamicRef": "file:///etc/passwd"}}]}, "parts of itself only"),
        ({"$schema": "http://127.0.0.1:1/own"}, "not a JSON Schema"),
        ({"$ref": "#/$defs/none"}, "not a JSON Schema"),
        ({"pattern": "("}, "not a JSON Schema"),
        ([], "a schema is a mapping"),
    ],
)
def test_what_would_be_fetched_or_cannot_be_read_is_refused(schema: object, said: str) -> None:
    assert said in schema_problem(json.dumps(schema))


def test_plain_schemas_can_be_used() -> None:
    assert schema_problem(json.dumps(ROW)) == ""
    assert schema_problem("true") == ""
