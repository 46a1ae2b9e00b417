"""Where a person is, was, and can go back to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowctl.tui.targets import Target

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Place:
    """A view of something."""

    view: str
    """The word of the view."""
    about: Target | None = None
    """The object that it is about, where it is about one."""
    filter: str = ""

    @property
    def crumb(self) -> str:
        """What the breadcrumbs say of it."""
        if self.about is None:
            return self.view
        name = _ID.sub(lambda found: found[0][:12], self.about.address)
        view = "" if self.view == self.about.kind else self.view
        return f"{self.about.kind} {name} {view}".strip()


@dataclass
class Stop:
    """A place with what the view remembers of it: cursor, order, scrolling."""

    place: Place
    memory: Mapping[str, Any] = field(default_factory=dict)


class History:
    """The way that was gone: back, forward, and the last place."""

    def __init__(self, first: Place) -> None:
        self._stops = [Stop(first)]
        self._at = 0
        self._trail = [first]
        self._before = -1

    @property
    def here(self) -> Stop:
        """The present place."""
        return self._stops[self._at]

    @property
    def trail(self) -> list[Place]:
        """The way in, from the outermost place, as the breadcrumbs show it."""
        return list(self._trail)

    def go(self, place: Place, *, inside: bool) -> Stop:
        """Go to a place: `inside` the present one, or somewhere else, where a new trail begins."""
        if place == self.here.place:
            return self.here
        del self._stops[self._at + 1 :]
        self._stops.append(Stop(place))
        self._before = self._at
        self._at += 1
        self._trail = [*self._trail, place] if inside else [place]
        return self.here

    def step(self, step: int) -> Stop | None:
        """Go back (-1) or forward (1) in time; nothing where that is the end."""
        if not 0 <= self._at + step < len(self._stops):
            return None
        return self._jump(self._at + step)

    def last(self) -> Stop | None:
        """Go to where one was before, and at the next time back here."""
        return self._jump(self._before) if 0 <= self._before < len(self._stops) else None

    def out(self) -> Stop | None:
        """Go out of the present place to the one around it; nothing at the outermost."""
        if len(self._trail) < 2:
            return None
        trail = self._trail[:-1]
        wanted = trail[-1]
        known = [n for n, stop in enumerate(self._stops) if stop.place == wanted]
        if known:
            stop = self._jump(known[-1])
        else:
            self.go(wanted, inside=False)
            stop = self.here
        self._trail = trail
        return stop

    def replace(self, place: Place) -> None:
        """Say the present place otherwise, such as with another filter."""
        self._stops[self._at].place = place
        self._trail[-1] = place

    def _jump(self, at: int) -> Stop:
        self._before, self._at = self._at, at
        self._trail = [self.here.place]
        return self.here
