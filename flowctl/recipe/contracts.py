"""JSON Schemas: whether one can be used, and what a value does not keep of it.

The only room that knows the library. It would fetch what a schema refers to from the net, in the
middle of a call; so a schema refers to parts of itself only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_MOST = 50
"""Violations that are told of one value."""


class Violation(Struct, frozen=True, kw_only=True):
    """One way in which a value does not fit its schema."""

    path: str
    """Where in the input, as a JSON pointer."""
    message: str
    rule: str = ""
    """The place in the schema that says so, as a JSON pointer."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.path or 'the value'}: {self.message}"


def schema_problem(text: str) -> str:
    """Return why a schema cannot be used, or nothing.

    >>> schema_problem('{"$ref": "https://example.org/row.json"}')
    '"$ref" leads to https://example.org/row.json: a schema refers to parts of itself only'
    >>> schema_problem('{"type": "integer"}')
    ''
    """
    schema = json.loads(text)
    if not isinstance(schema, dict | bool):
        return "a schema is a mapping, or true or false"
    for key, place in _references(schema):
        if not place.startswith("#"):
            return f'"{key}" leads to {place}: a schema refers to parts of itself only'
    try:
        Contract(text)
    except ValueError as error:
        return f"not a JSON Schema: {str(error).partition(chr(10))[0]}"
    return ""


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _REFERENCES and isinstance(value, str):
                yield key, value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


class Contract:
    """A schema, ready to be asked.

    Raises:
        ValueError: the schema cannot be used.
    """

    def __init__(self, text: str) -> None:
        import jsonschema_rs

        self._validator: Any = jsonschema_rs.validator_for(json.loads(text), offline=True)

    def violations(self, value: Any, argument: str = "") -> list[Violation]:
        """Return in which ways a value does not fit; its path begins with the argument."""
        if self._validator.is_valid(value):
            return []
        start = [argument] if argument else []
        found = []
        for error in self._validator.iter_errors(value):
            path = _pointer([*start, *error.instance_path])
            rule = _pointer(error.schema_path)
            found.append(Violation(path=path, message=error.message[:500], rule=rule))
            if len(found) == _MOST:
                break
        return found


def _pointer(steps: Any) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
