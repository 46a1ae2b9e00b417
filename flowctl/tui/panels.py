"""Boxes over the view: a question, the help, the palette, the messages. One is open at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.geometry import Size

from flowctl.tui.canvas import Canvas
from flowctl.tui.prompt import Typed
from flowctl.views.lines import Line, Span, line
from flowctl.views.tones import Tone


class Panel(Canvas):
    """A box with a title, lines and a foot. Subclasses take the keys."""

    DEFAULT_CSS = "Panel { layer: over; position: absolute; }"
    title = ""
    foot = ""

    def __init__(self) -> None:
        super().__init__()
        self.top = 0

    def content(self, width: int) -> Sequence[Line]:
        """Return what stands inside, for at most so many cells."""
        return ()

    def key(self, key: str, character: str | None) -> None:
        """Take a key; what scrolls is the same for all."""
        steps = {"j": 1, "down": 1, "k": -1, "up": -1, "pagedown": 10, "pageup": -10, "space": 10}
        if key in steps or character in steps:
            self.top += steps.get(key, steps.get(character or "", 0))
            self.draw()
        elif key in ("escape", "q", "enter"):
            self.close()

    def paste(self, text: str) -> None:
        """Take a pasted text."""

    def close(self) -> None:
        """Take the box away."""
        self.remove()

    def place(self, screen: Size) -> None:
        """Take as much room as is needed, in the middle, and paint."""
        most = max(10, min(screen.width, 100) - 4)
        lines = list(self.content(most - 4))
        inner = max([len(each.text) for each in lines] + [len(self.title) + 4, len(self.foot) + 2])
        width = min(most, inner + 4)
        height = min(screen.height - 2, len(lines) + 2)
        self.styles.width, self.styles.height = width, height
        self.styles.offset = ((screen.width - width) // 2, max(0, (screen.height - height) // 2))
        self._paint_box(lines, width, height)

    def draw(self) -> None:
        """Paint again, with another size where that is needed."""
        self.place(self.app.size)

    def _paint_box(self, lines: Sequence[Line], width: int, height: int) -> None:
        room = height - 2
        self.top = max(0, min(self.top, len(lines) - room))
        seen = lines[self.top : self.top + room]
        more = " ↓ more" if self.top + room < len(lines) else ""
        fresh = [_edge(f" {self.title} " if self.title else "", width, "┌┐")]
        fresh += [_framed(each, width) for each in seen]
        fresh += [_edge(f" {self.foot}{more} " if self.foot or more else "", width, "└┘")]
        # The size on the screen follows only with the next layout: paint all, not what changed.
        self.lines = fresh
        self.refresh()


def _edge(text: str, width: int, corners: str) -> Line:
    text = text[: width - 2]
    rest = "─" * (width - 3 - len(text))
    tone = Tone.HEAD if corners[0] == "┌" else Tone.DIM
    return line((f"{corners[0]}─", Tone.DIM), (text, tone), (rest + corners[1], Tone.DIM))


def _framed(inside: Line, width: int) -> Line:
    spans, room = [Span("│ ", Tone.DIM)], width - 4
    for text, tone in inside.spans:
        spans.append(Span(text[:room], tone))
        room -= len(spans[-1].text)
    return Line((*spans, Span(" " * room), Span(" │", Tone.DIM)), inside.over)


class Dialog(Panel):
    """A question about a change. Nothing happens without `y`, or the name where much is at stake."""

    title = "Are you sure?"

    def __init__(
        self, lines: Sequence[Line], yes: Callable[[], None], *, name: str = "", command: str = "",
        copy: Callable[[str], None] = lambda _text: None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._lines, self._yes = lines, yes
        self._wanted, self._command, self._copy = name, command, copy
        self.typed = Typed()
        self.foot = "type the name, Enter" if name else "y yes   Enter, Esc, n: no   Y copies"

    def content(self, width: int) -> Sequence[Line]:
        """Return what is asked, and what is typed so far."""
        found = list(self._lines)
        if self._command:
            found += [line(""), line(("$ ", Tone.DIM), (self._command, Tone.NOTE))]
        if self._wanted:
            typed = (self.typed.text, Tone.STRONG)
            asked = f"type {self._wanted} to confirm: "
            found += [line(""), line(asked, typed, (" ", Tone.MATCH))]
        return found

    def key(self, key: str, character: str | None) -> None:
        """Take the answer; Enter alone is a no."""
        if key == "escape":
            self.close()
        elif self._wanted:
            self._spell(key, character)
        elif character == "y":
            self.close()
            self._yes()
        elif character == "Y":
            self._copy(self._command)
        elif key == "enter" or character in ("n", "q"):
            self.close()

    def _spell(self, key: str, character: str | None) -> None:
        if key != "enter":
            self.typed = self.typed.key(key, character)
            self.draw()
            return
        self.close()
        if self.typed.text.strip() == self._wanted:
            self._yes()

    def paste(self, text: str) -> None:
        """A name may be pasted."""
        self.typed = self.typed.insert(text.strip())
        self.draw()


class Sheet(Panel):
    """Lines to read, such as help or messages."""

    def __init__(
        self, title: str, lines: Sequence[Line], foot: str = "Esc closes", *, end: bool = False
    ) -> None:
        super().__init__()
        self.title, self.foot, self._lines = title, foot, lines
        self.top = len(lines) if end else 0

    def content(self, width: int) -> Sequence[Line]:
        """Return the lines."""
        return self._lines


class Chooser(Panel):
    """A list that becomes shorter while one types; Enter takes what is marked."""

    foot = "type to search   Enter takes   Esc closes"
    most = 16
    """How many options are shown at once."""

    def __init__(
        self,
        title: str,
        options: Callable[[str], Sequence[tuple[Line, Callable[[], None]]]],
    ) -> None:
        super().__init__()
        self.title, self._options = title, options
        self.typed = Typed()
        self._chosen = 0

    def content(self, width: int) -> Sequence[Line]:
        """Return what was typed and what fits it."""
        found = self._options(self.typed.text)
        self._chosen = max(0, min(self._chosen, len(found) - 1))
        room = max(1, min(self.app.size.height - 6, self.most))
        first = max(0, min(self._chosen - room // 2, len(found) - room))
        shown = [
            Line(each.spans, "cursor" if n == self._chosen else "")
            for n, (each, _) in enumerate(found)
        ][first : first + room]
        blank = [line("")] * (room - len(shown))
        wide = line(" " * (width - 2)) if shown else line(("nothing fits", Tone.DIM))
        head = line(("> ", Tone.HEAD), self.typed.text, (" ", Tone.MATCH))
        return [head, *shown, *blank, wide]

    def key(self, key: str, character: str | None) -> None:
        """Take a key."""
        if key in ("up", "down", "tab", "shift+tab", "pageup", "pagedown"):
            steps = {"up": -1, "shift+tab": -1, "pageup": -10, "pagedown": 10}
            self._chosen += steps.get(key, 1)
            self.draw()
        elif key == "escape":
            self.close()
        elif key == "enter":
            found = self._options(self.typed.text)
            self.close()
            if found:
                found[self._chosen][1]()
        else:
            self.typed, self._chosen = self.typed.key(key, character), 0
            self.draw()
