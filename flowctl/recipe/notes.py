"""Where complaints about a recipe are gathered, each with its place in the text."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

from flowctl.errors import Problem
from flowctl.recipe.document import Place

_HINTS = 100
_CANDIDATES = 1000
_MOST = 1000


class Notes:
    """Problems so far, and the place in the text of every path that was read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._places: dict[str, Place] = {}
        self._left_out = 0

    def mark(self, path: str, place: Place) -> None:
        """Remember where a path stands."""
        self._places[path] = place

    def add(self, path: str, message: str, remedy: str = "", *, place: Place | None = None) -> None:
        """Complain about a path."""
        if len(self.problems) >= _MOST:
            self._left_out += 1
            return
        at = place or self._place(path) or Place(0, 0)
        self.problems.append(Problem(message, at.line, at.column, path, remedy))

    def has(self, path: str) -> bool:
        """Tell whether there is a complaint about a path or something below it."""
        below = (f"{path}.", f"{path}[")
        return any(p.path == path or p.path.startswith(below) for p in self.problems)

    def near(self, name: str, known: Iterable[str]) -> str:
        """Return the known name that is most like `name`, or nothing.

        Looking for it is slow, so only the first complaints of a very wrong recipe get one.
        """
        if len(self.problems) >= _HINTS:
            return ""
        near = difflib.get_close_matches(name, islice(known, _CANDIDATES), n=1)
        return near[0] if near else ""

    def hint(self, name: str, known: Iterable[str]) -> str:
        """Return the question that offers the nearest known name, or what is known."""
        names = list(known)
        if near := self.near(name, names):
            return f'did you mean "{near}"?'
        return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""

    def sorted(self) -> tuple[Problem, ...]:
        """Return all problems in the order of the text."""
        found = sorted(set(self.problems), key=lambda p: (p.line, p.column, p.path))
        rest = [Problem(f"and {self._left_out:,} more problems")] if self._left_out else []
        return (*found, *rest)

    def _place(self, path: str) -> Place | None:
        while path and path not in self._places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._places.get(path)
