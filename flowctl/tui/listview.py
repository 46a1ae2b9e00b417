"""Views that are a listing: a kind of objects, a row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from textual.widget import Widget

from flowctl.services.control import Control
from flowctl.services.pages import Selection, page
from flowctl.tui.feeds import Read
from flowctl.tui.grid import Grid
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.tui.view import View
from flowctl.views.filters import EVERYTHING, parse
from flowctl.views.kinds import plural_of
from flowctl.views.lines import Span
from flowctl.views.listing import Board, Order, Row, board, next_order
from flowctl.views.text import count, plural
from flowctl.views.tones import Tone


class ListView(View):
    """A listing of one kind, live."""

    kind: ClassVar[str] = ""
    scopes = frozenset({"list", "object", "pick"})

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.grid = Grid()
        self.grid.filter = parse(place.filter)

    def compose(self) -> Iterator[Widget]:
        """Put the grid in."""
        yield self.grid

    def selection(self) -> Selection:
        """Return which objects are listed."""
        about = self.place.about
        which = Selection(network=self.deck.network, rows=200)
        if about is None:
            return which
        return Selection(
            rows=200,
            network=about.name if about.kind == "network" else about.network,
            processor=about.name if about.kind == "processor" else "",
            agent=about.name if about.kind == "agent" else "",
        )

    def reader(self) -> Read:
        """Read the table of the kind."""
        kind, which = self.kind, self.selection()

        def read(control: Control) -> Board:
            return board(page(control, kind, which))

        return read

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the rows."""
        self.grid.set_board(value, stale=stale)
        self.staged_changed()

    def row_target(self, row: Row) -> Target:
        """Return the object of a row."""
        return Target(self.kind, row.name, row.network, row.document)

    def target(self) -> Target | None:
        """Return the object under the cursor."""
        return self.row_target(self.grid.row) if self.grid.row else None

    def targets(self) -> list[Target]:
        """Return what is marked, or the object under the cursor."""
        return [self.row_target(row) for row in self.grid.meant()]

    def hidden(self) -> list[Target]:
        """Return what is marked and cannot be seen."""
        return [self.row_target(row) for row in self.grid.hidden_marks()]

    def heading(self) -> list[Span]:
        """Tell how many there are, and what makes it fewer or other."""
        grid = self.grid
        total, shown = len(grid.board.rows), len(grid.rows)
        many = plural(total, self.kind) if total == shown else f"{shown:,} of {total:,} {self.word}"
        found = [Span(many, Tone.STRONG)]
        if grid.filter.text:
            found += [Span("  /"), Span(grid.filter.text, Tone.MATCH)]
        if grid.filter.note:
            found.append(Span(f"  {grid.filter.note}", Tone.WARN))
        if grid.faults:
            found.append(Span("  faults only", Tone.WARN))
        if grid.marks:
            hidden = len(grid.hidden_marks())
            note = f", {count(hidden)} hidden" if hidden else ""
            found.append(Span(f"  {count(len(grid.marks))} marked{note}", Tone.CHIP))
        if shown > grid.page:
            found.append(Span(f"  {grid.at + 1}/{shown}", Tone.DIM))
        return found

    def command(self) -> str:
        """Return the listing as a command."""
        which = self.selection()
        scope = ["-n", which.network] if which.network else []
        return line("flowctl", "ls", plural_of(self.kind), *scope)

    def memory(self) -> dict[str, Any]:
        """Keep cursor, order, filter and columns."""
        grid = self.grid
        key = grid.row.key if grid.row else ""
        return {"key": key, "order": grid.order, "wide": grid.wide, "faults": grid.faults}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it."""
        self.grid.remembered = memory.get("key", "")
        self.grid.order = memory.get("order", Order())
        self.grid.wide = memory.get("wide", False)
        self.grid.faults = memory.get("faults", False)

    def search_start(self) -> str:
        """Go on with the filter as it is."""
        return self.grid.filter.text

    def search(self, text: str) -> None:
        """Filter."""
        keys = [column.key for column in self.grid.board.columns if column.key]
        self.grid.filter = parse(text, keys) if text else EVERYTHING
        self.grid.sift()
        self.deck.changed()

    def clear(self) -> bool:
        """Drop the filter, then the marks."""
        if self.grid.filter.text:
            self.search("")
            return True
        if self.grid.marks:
            self.grid.unmark()
            return True
        return False

    def on_grid_moved(self) -> None:
        """Tell the bars."""
        self.deck.changed()

    def on_grid_opened(self) -> None:
        """Open what was double-clicked."""
        self.deck.do_enter()

    def do_move(self, step: int) -> None:
        """Move the cursor."""
        self.grid.move(step)

    def do_page(self, part: float) -> None:
        """Move by a part of the page."""
        self.grid.move(int(self.grid.page * part))

    def do_edge(self, side: int) -> None:
        """Move to the first or the last row."""
        self.grid.move(side * len(self.grid.rows))

    def do_sort(self, step: int) -> None:
        """Sort by the next column."""
        self.grid.order = next_order(self.grid.board.columns, self.grid.order, step)
        self.grid.sift()

    def do_reverse(self) -> None:
        """Turn the order round."""
        self.grid.order = Order(self.grid.order.column, not self.grid.order.reverse)
        self.grid.sift()

    def do_wide(self) -> None:
        """Show all columns, or only those that matter most."""
        self.grid.wide = not self.grid.wide
        self.grid.draw()

    def do_faults(self) -> None:
        """Show only what is not as it should be, or all."""
        self.grid.faults = not self.grid.faults
        self.grid.sift()

    def do_mark(self) -> None:
        """Mark."""
        self.grid.mark()

    def do_mark_range(self) -> None:
        """Mark a range."""
        self.grid.mark_range()

    def do_mark_all(self) -> None:
        """Mark all that can be seen through the filter."""
        self.grid.mark(self.grid.rows)

    def do_unmark(self) -> None:
        """Unmark all."""
        self.grid.unmark()
