"""What was measured of one object over time, as charts with axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowctl.services import series
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.tui.textview import TextView
from flowctl.views import lines as text
from flowctl.views.lines import Line, Span
from flowctl.views.stats import SPANS, charts
from flowctl.views.tones import Tone

MEASURED = frozenset({"agent", "worker", "processor", "queue"})
"""The kinds of which anything is measured over time."""


class Stats(TextView):
    """One chart below the other."""

    word, also = "stats", ("charts",)
    words = "What was measured of one object over time"
    scopes = frozenset({"text", "object"})
    needs = True
    period = 5.0
    actions = (
        Action("look.stats", ("s",), "charts over time", Group.LOOK, "pick", MEASURED, does="do_open:stats"),
        Action("stats.since", ("'",), "how far back: 15m, 1h, 6h, 24h", Group.TEXT, "stats", does="do_span"),
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._minutes = SPANS[1]

    @property
    def about(self) -> Target:
        """The object."""
        assert self.place.about is not None
        return self.place.about

    def reader(self) -> Read:
        """Read its series."""
        about, minutes = self.about, self._minutes
        return lambda control: _read(control, about, minutes)

    def lines(self, value: Any) -> Sequence[Line]:
        """Draw the charts for the width there is."""
        plain = self.pager.painter.ascii
        drawn = charts(value, self.size.width - 1, self._minutes, ascii_only=plain)
        return drawn or [
            text.line(("Nothing was measured of it: a scheduler does that.", Tone.DIM))
        ]

    def on_resize(self) -> None:
        """Draw anew for another width."""
        if self.reading.value is not None:
            self.display_reading()

    def heading(self) -> list[Span]:
        """Tell how far back it goes."""
        return [*super().heading(), Span(f"  the last {_said(self._minutes)}", Tone.NOTE)]

    def memory(self) -> dict[str, Any]:
        """Keep how far back it goes."""
        return {**super().memory(), "minutes": self._minutes}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go as far back as before."""
        super().recall(memory)
        self._minutes = memory.get("minutes", self._minutes)

    def command(self) -> str:
        """Return what tells most of it as a command."""
        return line("flowctl", "show", self.about.kind, self.about.address)

    def do_span(self) -> None:
        """Go further back, or begin again with the least."""
        self._minutes = SPANS[(SPANS.index(self._minutes) + 1) % len(SPANS)]
        self.look_again()


def _read(control: Control, about: Target, minutes: float) -> list[series.Series]:
    return list(series.of(control, about.kind, about.address, minutes=minutes, points=240).values())


def _said(minutes: float) -> str:
    return f"{minutes / 60:.0f}h" if minutes >= 60 else f"{minutes:.0f}m"
