"""A document read by the tables of `schema`: plain values out, complaints gathered on the way.

Nothing stops at the first mistake: what cannot be read is left out and complained about, and all
the rest is still read, so that one look at a recipe finds everything that is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flowctl.recipe.document import Entry, Listing, Node, Scalar, Table, name_of
from flowctl.recipe.kinds import (
    Anything,
    Forms,
    Key,
    Kind,
    ListOf,
    MapOf,
    Plain,
    Record,
    Variants,
)
from flowctl.recipe.notes import Notes


def read(kind: Kind, node: Node, path: str, notes: Notes) -> Any:
    """Return the value of a node, or None where it cannot be read.

    A record becomes a dict of the keys that are there, a list a tuple with None for each item that
    cannot be read.
    """
    match kind:
        case Plain():
            return _plain(kind, node, path, notes)
        case ListOf():
            return _list(kind, node, path, notes)
        case MapOf():
            return _map(kind, node, path, notes)
        case Record():
            return _record(kind, node, path, notes)
        case Anything() | Variants() | Forms():
            return _open(kind, node, path, notes)


def _open(kind: Anything | Variants | Forms, node: Node, path: str, notes: Notes) -> Any:
    if isinstance(kind, Variants):
        return _variant(kind, node, path, notes)
    if isinstance(kind, Forms):
        return read(_form(kind, node), node, path, notes)
    return json_text(plain_value(node))


def _plain(kind: Plain, node: Node, path: str, notes: Notes) -> Any:
    try:
        if not isinstance(node, Scalar):
            raise ValueError
        return kind.convert(node)
    except ValueError as error:
        why = str(error)
        message = "" if why.startswith("not a ") else why
        found = f"expected {kind.expects}, found {name_of(node)}"
        notes.add(path, message or found, place=node.place)
        return None


def _list(kind: ListOf, node: Node, path: str, notes: Notes) -> tuple[Any, ...] | None:
    if _is_nothing(node):
        return ()
    if not isinstance(node, Listing):
        notes.add(path, f"expected a list, found {name_of(node)}", place=node.place)
        return None
    return tuple(_items(kind, node, path, notes))


def _items(kind: ListOf, node: Listing, path: str, notes: Notes) -> Iterator[Any]:
    for index, item in enumerate(node.items):
        inner = f"{path}[{index}]"
        notes.mark(inner, item.place)
        yield read(kind.item, item, inner, notes)


def _map(kind: MapOf, node: Node, path: str, notes: Notes) -> dict[str, Any] | None:
    if _is_nothing(node):
        return {}
    if not isinstance(node, Table):
        notes.add(path, f"expected a mapping, found {name_of(node)}", place=node.place)
        return None
    values = {}
    for entry in node.entries:
        inner = _join(path, entry.key)
        notes.mark(inner, entry.place)
        key = _plain(kind.key, Scalar(entry.place, entry.key, entry.key), inner, notes)
        value = read(kind.value, entry.value, inner, notes)
        # A name that cannot be used still counts as known: what points at it is not wrong too.
        values[key or entry.key] = value
    if isinstance(kind.value, Plain):
        return {key: value for key, value in values.items() if value is not None}
    return {key: {} if value is None else value for key, value in values.items()}


def _record(kind: Record, node: Node, path: str, notes: Notes) -> dict[str, Any] | None:
    if _is_nothing(node):
        node = Table(node.place, (), 1, 1)
    if not isinstance(node, Table):
        notes.add(path, f"expected a mapping, found {name_of(node)}", place=node.place)
        return None
    values = {}
    for entry in node.entries:
        if key := _known(kind, entry, path, notes):
            values[key.name] = _value(key, entry, path, notes)
    for key in kind.keys:
        if key.required and key.name not in values:
            notes.add(path, f'"{key.name}" is missing', _meaning(key), place=_where(path, node))
    return {name: value for name, value in values.items() if value is not None}


def _known(kind: Record, entry: Entry, path: str, notes: Notes) -> Key | None:
    key = kind.find(entry.key)
    if not key:
        hint = notes.hint(entry.key, [key.name for key in kind.keys])
        message = f'unknown key "{entry.key}"'
        notes.add(_join(path, entry.key), message, hint, place=entry.place)
    return key


def _value(key: Key, entry: Entry, path: str, notes: Notes) -> Any:
    inner = _join(path, entry.key)
    notes.mark(inner, entry.place)
    if _is_nothing(entry.value) and not isinstance(key.kind, Anything):
        if key.required:
            notes.add(inner, "expected a value, found nothing", _meaning(key))
        return None
    return read(key.kind, entry.value, inner, notes)


def _variant(kind: Variants, node: Node, path: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(node, Table):
        shapes = ", ".join(name for name, _ in kind.records)
        found = name_of(node)
        notes.add(path, f"expected a mapping with one of {shapes}; found {found}", place=node.place)
        return None
    keys = {entry.key for entry in node.entries}
    for name, record in kind.records:
        if name in keys:
            return _record(record, node, path, notes)
    shapes = ", ".join(name for name, _ in kind.records)
    notes.add(path, f"it is not said {kind.title}", f"one of {shapes}", place=_where(path, node))
    return None


def _form(kind: Forms, node: Node) -> Kind:
    is_short = isinstance(node, Scalar) and not _is_nothing(node)
    return kind.short if is_short else kind.long


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _meaning(key: Key) -> str:
    return key.doc[0].lower() + key.doc[1:].rstrip(".")


def _where(path: str, node: Node) -> Any:
    """Return the place of the node where nothing names its path: the key above it is better."""
    return None if path else node.place


def plain_value(node: Node) -> Any:
    """Return a node as JSON knows it."""
    if isinstance(node, Listing):
        return [plain_value(item) for item in node.items]
    if isinstance(node, Table):
        return {entry.key: plain_value(entry.value) for entry in node.entries}
    return node.value


def json_text(value: Any) -> str:
    """Return the one JSON text of a value; a payload is kept as this."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
