"""A document as a tree that remembers where everything stood, free of any YAML library.

Plain words become values by the rules of JSON, not of YAML 1.1: only `true` and `false` are
booleans (so `on:` is a key and `no` is a country), `010` is ten, `1:30` and dates are text.
"""

from __future__ import annotations

import re

from msgspec import Struct

_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,4})?")

Value = None | bool | int | float | str


class Place(Struct, frozen=True, gc=False):
    """A position in the text; both count from 1."""

    line: int
    column: int


class Scalar(Struct, frozen=True, gc=False):
    """A single word or text."""

    place: Place
    text: str
    value: Value
    size: int = 1
    depth: int = 1


class Listing(Struct, frozen=True):
    """A list. `size` counts nodes with every alias expanded, `depth` counts levels."""

    place: Place
    items: tuple[Node, ...]
    size: int
    depth: int


class Entry(Struct, frozen=True):
    """A key of a table and what stands under it."""

    key: str
    place: Place
    value: Node


class Table(Struct, frozen=True):
    """A mapping. Keys are text and occur once."""

    place: Place
    entries: tuple[Entry, ...]
    size: int
    depth: int


Node = Scalar | Listing | Table


def resolve(text: str) -> Value:
    """Return the value of an unquoted word.

    >>> [resolve(word) for word in ("on", "no", "010", "1e3", "0x1F", "~", "1:30")]
    ['on', 'no', 10, 1000.0, '0x1F', None, '1:30']
    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return text


def name_of(node: Node) -> str:
    """Return what a node is, for the end of `expected ..., found ...`."""
    if isinstance(node, Listing):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    if node.value is None:
        return "nothing"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return f'"{text}"'
