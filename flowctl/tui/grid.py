"""A listing on the screen: cursor, marks, order, filter; the cursor stays on its object."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.message import Message

from flowctl.tui.canvas import Canvas
from flowctl.views.filters import EVERYTHING, Filter
from flowctl.views.lines import Line, Span
from flowctl.views.listing import Board, Order, Row, Slot, arrange, cut, fit, follow, widths
from flowctl.views.tones import Tone


class Grid(Canvas):
    """Rows of a board below their titles."""

    class Moved(Message):
        """The cursor is on another row, or other rows are shown."""

    class Opened(Message):
        """A row was double-clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board("")
        self.rows: tuple[Row, ...] = ()
        """What is shown, in order."""
        self.order = Order()
        self.filter: Filter = EVERYTHING
        self.wide = self.faults = self.stale = False
        self.at = self.top = 0
        self.marks: dict[str, Row] = {}
        """By key; a marked row may be hidden by the filter."""
        self.chips: Mapping[str, tuple[str, str]] = {}
        """Key of a row to (key of a column, text) that is staged and not applied."""
        self.remembered = ""
        """The key that the cursor goes to as soon as it is there."""
        self._widths: dict[str, int] = {}

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.at] if self.at < len(self.rows) else None

    @property
    def page(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - 1)

    def set_board(self, board: Board, *, stale: bool = False) -> None:
        """Show a new reading."""
        if board.kind != self.board.kind or board.columns != self.board.columns:
            self._widths = {}
        self.board, self.stale = board, stale
        if self.marks:
            present = {row.key: row for row in board.rows}
            self.marks = {key: present[key] for key in self.marks if key in present}
        self.sift()

    def sift(self) -> None:
        """Order and filter anew, with the cursor on its object."""
        before = [row.key for row in self.rows]
        key = self.remembered or (self.row.key if self.row else "")
        self.rows = arrange(self.board, self.filter, self.order, faults=self.faults)
        after = [row.key for row in self.rows]
        if key in after:
            self.remembered = ""
        if before != after or self.remembered == "":
            self.at = follow(before, key, after) if after else 0
        self.draw()

    def draw(self) -> None:
        """Paint what is to be seen."""
        self.at = max(0, min(self.at, len(self.rows) - 1))
        self.top = max(0, min(self.top, self.at, len(self.rows) - 1))
        self.top = max(self.top, self.at - self.page + 1)
        if self.size.width:
            seen = self.rows[self.top : self.top + self.page]
            self._widths = widths(self.board, seen, self._widths)
            slots = fit(self.board, self._widths, self.size.width - 1, wide=self.wide)
            self.paint([self._titles(slots), *(self._line(row, slots) for row in seen)])
        self.post_message(self.Moved())

    def _titles(self, slots: list[Slot]) -> Line:
        shown = []
        for slot in slots:
            column = self.board.columns[slot.index]
            title = column.title
            if column.key and column.key == self.order.column:
                title += "▼" if self.order.reverse else "▲"
            shown.append(title)
        return Line((Span(" "), *_placed(slots, shown, [Tone.HEAD] * len(slots))))

    def _line(self, row: Row, slots: list[Slot]) -> Line:
        cells = [row.cells[slot.index] for slot in slots]
        tones = [row.tones[slot.index] for slot in slots]
        if chip := self.chips.get(row.key):
            keys = [self.board.columns[slot.index].key for slot in slots]
            if chip[0] in keys:
                at = keys.index(chip[0])
                cells[at], tones[at] = chip[1], Tone.CHIP
        marked = row.key in self.marks
        over = "cursor" if row is self.row else "marked" if marked else "stale" * self.stale
        mark = Span("*" if marked else " ", Tone.WARN)
        return Line((mark, *_placed(slots, cells, tones)), over)

    def move(self, step: int) -> None:
        """Move the cursor; it stays within the rows."""
        self.at = max(0, min(self.at + step, len(self.rows) - 1))
        self.remembered = ""
        self.draw()

    def go_to(self, key: str) -> None:
        """Put the cursor on the row with this key, now or as soon as it comes."""
        self.remembered = key
        self.sift()

    def mark(self, rows: tuple[Row, ...] | None = None) -> None:
        """Mark these rows, or mark and unmark the one under the cursor and go on."""
        if rows is not None:
            self.marks |= {row.key: row for row in rows}
        elif self.row is not None:
            if self.marks.pop(self.row.key, None) is None:
                self.marks[self.row.key] = self.row
            self.at += 1
        self.draw()

    def mark_range(self) -> None:
        """Mark from the nearest marked row above (or below) to the cursor."""
        marked = [n for n, row in enumerate(self.rows) if row.key in self.marks]
        above = [n for n in marked if n < self.at]
        start = above[-1] if above else next((n for n in marked if n > self.at), self.at)
        first, last = min(start, self.at), max(start, self.at)
        self.mark(self.rows[first : last + 1])

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks = {}
        self.draw()

    def meant(self) -> list[Row]:
        """Return the rows that an act is about: those marked, or the one under the cursor."""
        if self.marks:
            return list(self.marks.values())
        return [self.row] if self.row else []

    def hidden_marks(self) -> list[Row]:
        """Return the marked rows that cannot be seen, because the filter hides them."""
        shown = {row.key for row in self.rows}
        return [row for key, row in self.marks.items() if key not in shown]

    def on_resize(self) -> None:
        """Fit the columns into the new width."""
        self._widths = {}
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; twice opens."""
        if event.y and self.top + event.y - 1 < len(self.rows):
            self.move(self.top + event.y - 1 - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_mouse_scroll_down(self) -> None:
        """Go on by some rows."""
        self.move(3)

    def on_mouse_scroll_up(self) -> None:
        """Go back by some rows."""
        self.move(-3)


def _placed(slots: list[Slot], cells: list[str], tones: list[Tone]) -> list[Span]:
    """Return the cells where their columns stand."""
    spans, x = [], 0
    for slot, cell, tone in zip(slots, cells, tones, strict=True):
        text = cut(cell, slot.width, slot.key)
        text = text.rjust(slot.width) if slot.right else text.ljust(slot.width)
        spans += [Span(" " * (slot.x - x)), Span(text, tone)] if slot.x > x else [Span(text, tone)]
        x = slot.x + slot.width
    return spans
