"""The line at the bottom that a person types into: a command, a filter, a name.

`Typed` is the text with its cursor, pure; `Prompt` shows it, with what the line could become above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flowctl.tui.canvas import Canvas
from flowctl.views.lines import Line, line
from flowctl.views.tones import Tone


@dataclass(frozen=True)
class Typed:
    """A text and where the cursor stands in it."""

    text: str = ""
    at: int = 0

    def key(self, key: str, character: str | None) -> Typed:
        """Return what a key makes of it."""
        if (edit := _EDITS.get(key)) is not None:
            return edit(self)
        if character and character.isprintable():
            return self.insert(character)
        return self

    def insert(self, text: str) -> Typed:
        """Return it with a text put in at the cursor."""
        return Typed(self.text[: self.at] + text + self.text[self.at :], self.at + len(text))


def _left(typed: Typed) -> Typed:
    return replace(typed, at=max(0, typed.at - 1))


def _right(typed: Typed) -> Typed:
    return replace(typed, at=min(len(typed.text), typed.at + 1))


def _rub(typed: Typed) -> Typed:
    if not typed.at:
        return typed
    return Typed(typed.text[: typed.at - 1] + typed.text[typed.at :], typed.at - 1)


def _word(typed: Typed) -> Typed:
    kept = typed.text[: typed.at].rstrip()
    kept = kept[: kept.rfind(" ") + 1]
    return Typed(kept + typed.text[typed.at :], len(kept))


_EDITS: dict[str, Callable[[Typed], Typed]] = {
    "left": _left,
    "right": _right,
    "home": lambda typed: replace(typed, at=0),
    "end": lambda typed: replace(typed, at=len(typed.text)),
    "backspace": _rub,
    "ctrl+h": _rub,
    "delete": lambda typed: Typed(typed.text[: typed.at] + typed.text[typed.at + 1 :], typed.at),
    "ctrl+u": lambda typed: Typed(typed.text[typed.at :], 0),
    "ctrl+k": lambda typed: Typed(typed.text[: typed.at], typed.at),
    "ctrl+w": _word,
    "ctrl+e": lambda typed: replace(typed, at=len(typed.text)),
}

Complete = Callable[[str], Sequence[str]]
"""What a line could become, best first."""


@dataclass
class Question:
    """What is typed for."""

    sign: str
    """Stands before the text, such as `:` or `/`."""
    done: Callable[[str], None]
    """Called with the text at Enter."""
    changed: Callable[[str], None] = lambda _text: None
    dropped: Callable[[], None] = lambda: None
    complete: Complete = lambda _text: ()
    past: Sequence[str] = ()
    """What was typed before, oldest first."""
    start: str = ""
    hint: str = ""
    """Shown while nothing is typed."""


class Prompt(Canvas):
    """The line, while a question is open."""

    DEFAULT_CSS = "Prompt { dock: bottom; height: 1; display: none; }"

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.question: Question | None = None
        self.typed = Typed()
        self.offers: Sequence[str] = ()
        """What the line could become."""
        self._chosen = -1
        self._back = 0

    def ask(self, question: Question) -> None:
        """Open a question."""
        self.question = question
        self.typed = Typed(question.start, len(question.start))
        self._chosen, self._back = -1, 0
        self._offer()
        self.styles.display = "block"

    def close(self) -> None:
        """Close the question without an answer."""
        self.question, self.offers = None, ()
        self.styles.display = "none"

    def key(self, key: str, character: str | None) -> None:
        """Take a key."""
        question = self.question
        if question is None:
            return
        if key == "enter":
            self.close()
            question.done(self.typed.text)
        elif key == "escape" or (key == "backspace" and not self.typed.text):
            self.close()
            question.dropped()
        elif key in ("tab", "shift+tab"):
            self._take(1 if key == "tab" else -1)
        elif key in ("up", "down"):
            self._recall(1 if key == "up" else -1)
        else:
            self._edit(self.typed.key(key, character))

    def paste(self, text: str) -> None:
        """Take a pasted text; it is one line."""
        self._edit(self.typed.insert(" ".join(text.split("\n")).strip()))

    def _edit(self, typed: Typed) -> None:
        self.typed, self._chosen = typed, -1
        self._offer()
        if self.question:
            self.question.changed(typed.text)

    def _offer(self) -> None:
        self.offers = self.question.complete(self.typed.text) if self.question else ()
        self.draw()

    def _take(self, step: int) -> None:
        if self.offers:
            self._chosen = (self._chosen + step) % len(self.offers)
            chosen = self.offers[self._chosen]
            self.typed = Typed(chosen, len(chosen))
            self.draw()

    def _recall(self, step: int) -> None:
        past = self.question.past if self.question else ()
        self._back = max(0, min(self._back + step, len(past)))
        text = past[-self._back] if self._back else ""
        self.typed = Typed(text, len(text))
        self._offer()
        if self.question:
            self.question.changed(text)

    def draw(self) -> None:
        """Paint the line; a block stands for the cursor."""
        if self.question is None:
            return
        text, at = self.typed.text, self.typed.at
        hint = (f" {self.question.hint}", Tone.DIM) if not text else ""
        after = text[at + 1 :]
        cursor = (text[at : at + 1] or " ", Tone.MATCH)
        self.paint([line((self.question.sign, Tone.HEAD), text[:at], cursor, after, hint)])

    def offer_lines(self, limit: int) -> list[Line]:
        """Return what the line could become, the chosen one marked."""
        first = max(0, min(self._chosen - limit // 2, len(self.offers) - limit))
        return [
            line(f" {offer} ", over="cursor" if first + n == self._chosen else "")
            for n, offer in enumerate(self.offers[first : first + limit])
        ]
