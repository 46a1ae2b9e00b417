"""What every listing is: columns and rows for people, documents for programs, from one description.

A `Field` says once what a column holds; the cell of the table and the key of the JSON document come
from the same value, so the two cannot drift apart. The documents of a kind only ever grow: `VERSION`
changes when a key is taken away or changes its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from flowctl.views.text import plain, plural

VERSION = 1
"""The version of the JSON documents."""

Document = dict[str, Any]
"""What JSON can hold, keyed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    wide: bool = False
    """Shown only where there is room or it is asked for."""
    key: str = ""
    """The key of its values in the documents; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A listing of one kind."""

    kind: str
    """The plural noun, such as `processors`."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    items: tuple[Document, ...]
    """One document a row."""
    names: tuple[str, ...]
    """What identifies each row to a command."""
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything about one object."""

    kind: str
    """The singular noun."""
    name: str
    properties: tuple[tuple[str, str], ...]
    document: Document
    tables: tuple[tuple[str, Table], ...] = ()
    """Headed tables of what belongs to it."""
    texts: tuple[tuple[str, str], ...] = ()
    """Headed texts: code, tracebacks, output."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column and one key."""

    key: str
    value: Callable[[Any], object]
    show: Callable[[Any, datetime], str] = lambda value, _now: plain(value)
    right: bool = False
    wide: bool = False
    title: str = ""

    @property
    def column(self) -> Column:
        """The column of this field."""
        title = self.title or self.key.replace("_", " ").upper()
        return Column(title, right=self.right, wide=self.wide, key=self.key)


def build(
    kind: str,
    fields: Sequence[Field],
    objects: Iterable[object],
    now: datetime,
    *,
    name: Callable[[Any], str] = lambda thing: str(thing.name),
    footer: str = "",
) -> Table:
    """Return the table of some objects."""
    objects = list(objects)
    values = [[field.value(thing) for field in fields] for thing in objects]
    return Table(
        kind=kind,
        columns=tuple(field.column for field in fields),
        rows=tuple(
            tuple(field.show(value, now) for field, value in zip(fields, row, strict=True))
            for row in values
        ),
        items=tuple(
            {field.key: builtin(value) for field, value in zip(fields, row, strict=True)}
            for row in values
        ),
        names=tuple(name(thing) for thing in objects),
        footer=footer,
    )


def builtin(value: object) -> Any:
    """Return a value as JSON can hold it."""
    return msgspec.to_builtins(value, enc_hook=str)


def listing(table: Table) -> Document:
    """Return the JSON document of a listing."""
    return {"version": VERSION, "kind": table.kind, "items": list(table.items)}


def single(sheet: Sheet) -> Document:
    """Return the JSON document of one object."""
    return {"version": VERSION, "kind": sheet.kind, **sheet.document}


MOST_COUNTED = 100_000
"""How far a listing counts: nobody reads on for so long, and to count millions takes seconds."""


def page_footer(page: int, size_of_page: int, total: int) -> str:
    """Return the line below a page of a longer listing.

    >>> page_footer(1, 10, 11)
    'Page 1 of 2 of 11 total records'
    >>> page_footer(3, 10, MOST_COUNTED + 1)
    'Page 3 of more than 100,000 total records'
    """
    if total > MOST_COUNTED:
        return f"Page {page} of more than {MOST_COUNTED:,} total records"
    pages = max(1, -(-total // size_of_page))
    if page > pages:
        return f"Only {plural(pages, 'page')} exist{'s' if pages == 1 else ''}."
    return f"Page {page} of {pages} of {total:,} total records"
