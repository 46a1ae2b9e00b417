"""What may stand at a place of a recipe: the vocabulary in which `schema` is written.

A kind is only a value. `read` walks a document by it, `describe` walks it to a JSON Schema, so the
parser and the schema that editors see cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowctl.recipe.document import Scalar

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plain:
    """One word, number or text."""

    expects: str
    """What belongs here, such as `a duration such as 30s`."""
    convert: Callable[[Scalar], Any]
    """Raises ValueError; a sentence in it is shown, an empty one means just `expects`."""
    json: Json = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value at all; read as JSON text."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one kind."""

    item: Kind


@dataclass(frozen=True, slots=True)
class MapOf:
    """Names that the author chooses, each with a value of one kind."""

    key: Plain
    value: Kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: str = ""
    """What holds where the key is not written, for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """Keys that are known beforehand."""

    title: str
    keys: tuple[Key, ...]
    either: tuple[str, ...] = ()
    """Keys of which one is there at least; `build` says which it must be."""

    def find(self, name: str) -> Key | None:
        """Return the key with that name."""
        return next((key for key in self.keys if key.name == name), None)


@dataclass(frozen=True, slots=True)
class Variants:
    """A record whose first key, of those listed, says which keys may stand beside it."""

    title: str
    records: tuple[tuple[str, Record], ...]


@dataclass(frozen=True, slots=True)
class Forms:
    """A long form, and a short one for the common case."""

    short: Plain
    long: Record | ListOf


Kind = Plain | Anything | ListOf | MapOf | Record | Variants | Forms


def describe(kind: Kind) -> Json:
    """Return the JSON Schema of a kind."""
    match kind:
        case Plain():
            return {"description": kind.expects, **kind.json}
        case ListOf():
            return {"type": "array", "items": describe(kind.item)}
        case MapOf():
            return _map(kind)
        case Record():
            return _record(kind)
        case Anything() | Variants() | Forms():
            return _open(kind)


def _open(kind: Anything | Variants | Forms) -> Json:
    if isinstance(kind, Variants):
        return {"title": kind.title, "oneOf": [describe(record) for _, record in kind.records]}
    if isinstance(kind, Forms):
        return {"anyOf": [describe(kind.short), describe(kind.long)]}
    return {}


def _map(kind: MapOf) -> Json:
    return {
        "type": "object",
        "propertyNames": describe(kind.key),
        "additionalProperties": describe(kind.value),
    }


def _record(kind: Record) -> Json:
    schema: Json = {
        "title": kind.title,
        "type": "object",
        "properties": {key.name: _key(key) for key in kind.keys},
        "additionalProperties": False,
    }
    if kind.either:
        schema["anyOf"] = [{"required": [name]} for name in kind.either]
    required = [key.name for key in kind.keys if key.required]
    return {**schema, "required": required} if required else schema


def _key(key: Key) -> Json:
    default = f" Default: {key.default}." if key.default else ""
    return {**describe(key.kind), "description": key.doc + default}
