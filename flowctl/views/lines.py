"""Lines of text with tones: what every view of the screen comes to, and what changed between two.

Pure. A widget shows lines and repaints only the cells that `changes` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowctl.views.tones import Tone

NEAR = 6
"""Changed cells that are nearer than this are repainted in one go: a jump of the cursor costs more."""


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Line:
    """One line; `over` names a style that is laid over all of it, up to the end of the line."""

    spans: tuple[Span, ...] = ()
    over: str = ""

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(span.text for span in self.spans)

    def cells(self) -> list[tuple[str, Tone]]:
        """Return each character with its tone."""
        return [(char, tone) for text, tone in self.spans for char in text]


EMPTY = Line()


def line(*pieces: str | tuple[str, Tone], over: str = "") -> Line:
    """Return a line of plain texts and of texts with a tone.

    >>> line("a ", ("b", Tone.BAD)).text
    'a b'
    """
    spans = [Span(piece) if isinstance(piece, str) else Span(*piece) for piece in pieces]
    return Line(tuple(span for span in spans if span.text), over)


def changes(old: Sequence[Line], new: Sequence[Line]) -> Iterable[tuple[int, int, int]]:
    """Yield (row, first column, width) of what has to be painted again; width -1 is a whole line."""
    for y in range(max(len(old), len(new))):
        before = old[y] if y < len(old) else EMPTY
        after = new[y] if y < len(new) else EMPTY
        if before == after:
            continue
        if before.over != after.over:
            yield y, 0, -1
            continue
        for start, end in runs(before, after):
            yield y, start, end - start


def runs(before: Line, after: Line) -> list[tuple[int, int]]:
    """Return the ranges of columns in which two lines differ, joined where they are near."""
    left, right = before.cells(), after.cells()
    length = max(len(left), len(right))
    blank = (" ", Tone.PLAIN)
    left += [blank] * (length - len(left))
    right += [blank] * (length - len(right))
    found: list[tuple[int, int]] = []
    for x in range(length):
        if left[x] == right[x]:
            continue
        if found and x - found[-1][1] < NEAR:
            found[-1] = (found[-1][0], x + 1)
        else:
            found.append((x, x + 1))
    return found
