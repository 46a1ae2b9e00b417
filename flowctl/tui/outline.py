"""Lines in sections, some of which lead somewhere; the cursor goes from one of those to the next."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from flowctl.tui.actions import Action, Group
from flowctl.tui.canvas import Canvas
from flowctl.views.lines import Line
from flowctl.views.listing import follow
from flowctl.views.pulse import Item

MOVES = (
    Action("outline.down", ("j", "down"), "down", Group.MOVE, "outline", does="do_move:1"),
    Action("outline.up", ("k", "up"), "up", Group.MOVE, "outline", does="do_move:-1"),
    Action("outline.page-down", ("pagedown", "ctrl+f"), "a page down", Group.MOVE, "outline", does="do_page:1.0"),
    Action("outline.page-up", ("pageup",), "a page up", Group.MOVE, "outline", does="do_page:-1.0"),
    Action("outline.half-down", (")", "ctrl+d"), "half a page down", Group.MOVE, "outline", does="do_page:0.5"),
    Action("outline.half-up", ("(", "ctrl+u"), "half a page up", Group.MOVE, "outline", does="do_page:-0.5"),
    Action("outline.top", ("g", "home"), "the first", Group.MOVE, "outline", does="do_edge:-1"),
    Action("outline.bottom", ("G", "end"), "the last", Group.MOVE, "outline", does="do_edge:1"),
)  # fmt: skip


class Outline(Canvas):
    """Items below each other, with a cursor on one that leads somewhere."""

    class Moved(Message):
        """The cursor is on another item."""

    class Opened(Message):
        """An item was double-clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.items: Sequence[Item] = ()
        self.at = self.top = 0
        """Which of the items that lead somewhere; which line is the first to be seen."""
        self.stale = False
        self.remembered = ""

    @property
    def stops(self) -> list[int]:
        """The lines that lead somewhere."""
        return [n for n, item in enumerate(self.items) if item.leads]

    @property
    def item(self) -> Item | None:
        """The item under the cursor."""
        stops = self.stops
        return self.items[stops[self.at]] if self.at < len(stops) else None

    def set_items(self, items: Sequence[Item], *, stale: bool = False) -> None:
        """Show other items, with the cursor on the same one."""
        before = [each.key for each in self.items if each.leads]
        key = self.remembered or (self.item.key if self.item else "")
        self.items, self.stale = items, stale
        after = [each.key for each in items if each.leads]
        if key in after or not self.remembered:
            self.at, self.remembered = follow(before, key, after), ""
        self.draw()

    def draw(self) -> None:
        """Paint what is to be seen: the cursor, and above the first item all of what heads it."""
        stops, room = self.stops, max(1, self.size.height)
        self.at = max(0, min(self.at, len(stops) - 1))
        here = stops[self.at] if stops else 0
        self.top = 0 if self.at == 0 else min(self.top, here)
        self.top = max(self.top, here - room + 1)
        self.top = max(0, min(self.top, len(self.items) - room))
        self.paint(
            [self._line(n, here) for n in range(self.top, min(len(self.items), self.top + room))]
        )
        self.post_message(self.Moved())

    def _line(self, number: int, here: int) -> Line:
        item = self.items[number]
        under = number == here and item.leads
        return Line(item.line.spans, "cursor" if under else "stale" * self.stale)

    def move(self, step: int) -> None:
        """Move the cursor by so many items."""
        self.at, self.remembered = self.at + step, ""
        self.draw()

    def move_lines(self, step: int) -> None:
        """Move the cursor by about so many lines."""
        stops = self.stops
        if not stops:
            return
        wanted = stops[min(self.at, len(stops) - 1)] + step
        near = min(range(len(stops)), key=lambda n: abs(stops[n] - wanted))
        self.move(near - self.at)

    def on_resize(self) -> None:
        """Fit into the new height."""
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; twice opens."""
        if self.top + event.y in self.stops:
            self.move(self.stops.index(self.top + event.y) - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_mouse_scroll_down(self) -> None:
        """Go on by some lines."""
        self.move_lines(3)

    def on_mouse_scroll_up(self) -> None:
        """Go back by some lines."""
        self.move_lines(-3)
