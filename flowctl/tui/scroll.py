"""Many lines of logs on the screen, of which only those that are seen are laid out.

While it follows, the newest line stands at the bottom. Scrolling up holds the place, whatever comes.
"""

from __future__ import annotations

from dataclasses import replace

from textual.message import Message

from flowctl.tui.canvas import Canvas
from flowctl.tui.pager import cut, found_in, wrapped
from flowctl.views.lines import Line
from flowctl.views.logbook import Book, Sieve, Style, Told, names_width, place_of


class Scroll(Canvas):
    """A window over a book."""

    class Moved(Message):
        """Another part is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.sieve, self.style_of = Book(), Sieve(), Style()
        self.shown: list[Told | None] = []
        """What the sieve leaves, oldest first."""
        self.follow, self.wrap = True, False
        self.hit: Told | None = None
        """The match that one went to."""
        self.matches = 0
        self._top, self._left = 0, 0

    @property
    def page(self) -> int:
        """How many lines there is room for."""
        return max(1, self.size.height)

    def lay_out(self) -> None:
        """Choose anew what is seen; who does not follow keeps the place."""
        anchor = next((each for each in self.shown[self._top :] if each is not None), None)
        self.shown = self.sieve.chosen(self.book.lines)
        self.matches = sum(map(self.sieve.finds, self.book.lines)) if self.sieve.pattern else 0
        if not self.follow:
            self._top = place_of(self.shown, anchor)
        self.draw()

    def draw(self) -> None:
        """Paint what is to be seen."""
        if not self.size.width:
            return
        style = replace(self.style_of, names=names_width(self.book.lines, self.size.width))
        if self.follow:
            self._top = self._last_top(style)
        self._top = max(0, min(self._top, self._last_top(style)))
        painted: list[Line] = []
        for told in self.shown[self._top :]:
            painted += self._rows(told, style)
            if len(painted) >= self.page:
                break
        # At the end the newest line is whole; what does not fit goes out at the top.
        self.paint(
            painted[-self.page :] if self._top >= self._last_top(style) else painted[: self.page]
        )
        self.post_message(self.Moved())

    def _rows(self, told: Told | None, style: Style) -> list[Line]:
        found = style.line(told, self.size.width)
        if self.wrap:
            found = [piece for each in found for piece in wrapped(each, self.size.width)]
        elif self._left:
            found = [replace(each, spans=cut(each.spans, self._left)) for each in found]
        if self.sieve.pattern and told is not None:
            found = [found_in(each, self.sieve.pattern) for each in found]
        if told is not None and told is self.hit:
            found = [replace(each, over="cursor") for each in found]
        return found

    def _last_top(self, style: Style) -> int:
        """Return the first line of the last page."""
        room, at = self.page, len(self.shown)
        while at > 0 and room > 0:
            at -= 1
            room -= len(self._rows(self.shown[at], style)) if self.wrap or style.pretty else 1
        return at

    def move(self, step: int) -> None:
        """Scroll; upwards ends the following."""
        if step < 0:
            self.follow = False
        self._top += step
        self.draw()

    def edge(self, side: int) -> None:
        """Go to the beginning, or to the end and follow."""
        self.follow = side > 0
        self._top = 0
        self.draw()

    def shift(self, step: int) -> None:
        """Scroll to the side."""
        self._left = max(0, self._left + step)
        self.draw()

    def find(self, step: int) -> bool:
        """Go to the next (or with -1 the last) line that matches, round the end."""
        count = len(self.shown)
        start = self._start(step)
        for distance in range(1, count + 1):
            at = (start + distance * step) % count
            told = self.shown[at]
            if told is not None and self.sieve.finds(told):
                self._go_to(at)
                return True
        return False

    def _start(self, step: int) -> int:
        if self.hit is not None and any(each is self.hit for each in self.shown):
            return next(n for n, each in enumerate(self.shown) if each is self.hit)
        # Who follows looks for the newest first; else from the top of the page on.
        return len(self.shown) if self.follow and step < 0 else self._top - (step > 0)

    def _go_to(self, at: int) -> None:
        self.hit = self.shown[at]
        self.follow = False
        if not self._top <= at < self._top + self.page - 1:
            self._top = max(0, at - self.page // 3)
        self.draw()

    def text(self) -> str:
        """Return what is seen through the sieve, as plain text."""
        style = replace(self.style_of, names=names_width(self.book.lines, 200))
        rows = [row for told in self.shown for row in style.line(told, 40)]
        return "".join(f"{row.text.rstrip()}\n" for row in rows)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.draw()

    def on_mouse_scroll_down(self) -> None:
        """Go on by some lines."""
        self.move(3)

    def on_mouse_scroll_up(self) -> None:
        """Go back by some lines."""
        self.move(-3)
