"""A listing as a screen needs it: rows that keep their identity, in an order, filtered, that fit.

Pure: a table comes in, rows and places of columns go out; the screen only paints what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from flowctl.views.filters import EVERYTHING, Filter
from flowctl.views.table import Column, Document, Table
from flowctl.views.text import NOTHING, printable
from flowctl.views.tones import Tone, is_fault, tone_in

GAP = 2
"""Cells between two columns."""
LEAST = 6
"""A column that may be cut keeps at least so much."""
_SAMPLE = 500
_LONG = 24
"""What is longer than this may be cut before a column is left out."""


@dataclass(frozen=True)
class Row:
    """One object of a listing."""

    key: str
    """Who it is: `network/name`, or the name where there is no network."""
    name: str
    network: str
    cells: tuple[str, ...]
    tones: tuple[Tone, ...]
    document: Document
    text: str = ""
    """What filters look through: the columns that matter most, a cell a line, so that `^` and `$` stand
    for the edges of a cell."""

    @cached_property
    def is_fault(self) -> bool:
        """Whether something about it is not as it should be."""
        return any(is_fault(key, value) for key, value in self.document.items())


@dataclass(frozen=True)
class Board:
    """A listing of one kind."""

    kind: str
    """The plural."""
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    footer: str = ""


def board(table: Table) -> Board:
    """Return a table as rows with identity; nothing that was recorded may move a cursor."""
    keys = [column.key for column in table.columns]
    narrow = [index for index, column in enumerate(table.columns) if not column.wide]
    seen: dict[str, int] = {}
    rows = []
    for name, cells, document in zip(table.names, table.rows, table.items, strict=True):
        network = str(document.get("network") or "")
        key = f"{network}/{name}" if network and not name.startswith(f"{network}.") else name
        seen[key] = seen.get(key, 0) + 1
        key = key if seen[key] == 1 else f"{key}#{seen[key]}"
        shown = tuple(cell if cell.isprintable() else printable(cell) for cell in cells)
        tones = tuple(tone_in(each, document) for each in keys)
        text = "\n".join(shown[index] for index in narrow)
        rows.append(Row(key, name, network, shown, tones, document, text))
    return Board(table.kind, table.columns, tuple(rows), table.footer)


def in_order(table: Table, keys: Sequence[str]) -> Table:
    """Return a table with these columns first, in this order: what matters stays when room is short."""
    known = [column.key for column in table.columns]
    first = [known.index(key) for key in keys if key in known]
    places = [*first, *(n for n in range(len(known)) if n not in first)]
    return replace(
        table,
        columns=tuple(table.columns[n] for n in places),
        rows=tuple(tuple(row[n] for n in places) for row in table.rows),
    )


@dataclass(frozen=True)
class Order:
    """How rows are sorted; an empty column leaves them as they came."""

    column: str = ""
    reverse: bool = False


def next_order(columns: Sequence[Column], order: Order, step: int) -> Order:
    """Return the order by the next column; numbers begin with the greatest."""
    keys = ["", *(column.key for column in columns if column.key)]
    at = keys.index(order.column) if order.column in keys else 0
    key = keys[(at + step) % len(keys)]
    right = any(column.right for column in columns if column.key == key)
    return Order(key, reverse=right)


def arrange(
    whole: Board, wanted: Filter = EVERYTHING, order: Order = Order(), *, faults: bool = False
) -> tuple[Row, ...]:
    """Return the rows that are meant, in order."""
    rows: Iterable[Row] = whole.rows
    if wanted.tests:
        rows = [row for row in rows if wanted.matches(row.text, row.document)]
    if faults:
        rows = [row for row in rows if row.is_fault]
    if not order.column:
        return tuple(reversed(list(rows))) if order.reverse else tuple(rows)
    present = [row for row in rows if row.document.get(order.column) is not None]
    absent = [row for row in rows if row.document.get(order.column) is None]
    present.sort(key=lambda row: _rank(row.document[order.column]), reverse=order.reverse)
    return (*present, *absent)


def _rank(value: object) -> tuple[int, float, str]:
    if isinstance(value, bool | int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value).lower()


@dataclass(frozen=True)
class Slot:
    """Where a column stands."""

    index: int
    x: int
    width: int
    right: bool = False
    key: str = ""


def widths(whole: Board, rows: Sequence[Row], floor: Mapping[str, int]) -> dict[str, int]:
    """Return the natural width of each column, never less than it was (`floor`): nothing jitters."""
    found = {}
    for index, column in enumerate(whole.columns):
        longest = max((len(row.cells[index]) for row in rows), default=0)
        found[column.title] = max(len(column.title) + 1, longest, floor.get(column.title, 0))
    return found


def fit(whole: Board, natural: Mapping[str, int], width: int, *, wide: bool = False) -> list[Slot]:
    """Return where each column stands in so many cells.

    Columns come in their order while there is room; long ones are cut before any is left out. The
    last column that stays gets what is left over.
    """
    chosen = [
        (index, column, natural[column.title])
        for index, column in enumerate(whole.columns)
        if wide or not column.wide
    ]
    silent = {
        index
        for index, _, _ in chosen
        if all(row.cells[index] == NOTHING for row in whole.rows[:_SAMPLE])
    }
    kept = _kept(chosen, silent if whole.rows else set(), width)
    spare = width - sum(_least(size) + GAP for _, _, size in kept) + GAP
    slots, x = [], 0
    for index, column, size in kept:
        given = min(size, _least(size) + max(0, spare))
        spare -= given - _least(size)
        given = max(1, min(given, width - x))
        slots.append(Slot(index, x, given, column.right, column.key))
        x += given + GAP
    return slots


def _kept(
    chosen: list[tuple[int, Column, int]], silent: set[int], width: int
) -> list[tuple[int, Column, int]]:
    """Return the columns that there is room for; trouble is told before anything but the names."""

    def rank(item: tuple[int, Column, int]) -> tuple[bool, bool, int]:
        return item[0] in silent, item[1].key not in _FIRST, item[0]

    ranked = sorted(chosen, key=rank)
    used = -GAP
    kept: list[tuple[int, Column, int]] = []
    for item in ranked:
        used += _least(item[2]) + GAP
        if used <= width or not kept:
            kept.append(item)
        else:
            used -= _least(item[2]) + GAP
    return sorted(kept)


_FIRST = frozenset({"name", "status", "ready", "error", "reason", "failure"})


def _least(size: int) -> int:
    return size if size <= _LONG else max(LEAST, _LONG)


_SENTENCES = frozenset(
    {"error", "reason", "failure", "sentence", "source", "description", "words", "note", "result"}
)


def cut(text: str, width: int, key: str) -> str:
    """Return a cell in at most `width` cells: sentences lose their end, names their middle."""
    if key not in _SENTENCES or len(text) <= width:
        return elide(text, width)
    return f"{text[: width - 1]}…" if width else ""


def elide(text: str, width: int) -> str:
    """Return a text in at most `width` cells, cut in its middle: names differ at both ends.

    >>> elide("shop.parse.rows", 9), elide("short", 9)
    ('shop…rows', 'short')
    """
    if len(text) <= width:
        return text
    if width < 3:
        return text[: max(0, width - 1)] + "…" if width else ""
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def follow(before: Sequence[str], key: str, after: Sequence[str]) -> int:
    """Return where the cursor goes: to its object; if that is gone, to the nearest that is left."""
    if key in after:
        return after.index(key)
    if key not in before:
        return 0
    here, places = before.index(key), {name: place for place, name in enumerate(after)}
    for distance in range(1, len(before)):
        for near in (here + distance, here - distance):
            if 0 <= near < len(before) and before[near] in places:
                return places[before[near]]
    return 0
