"""Runs: the newest of them, and one as a waterfall of its calls."""

from __future__ import annotations

from typing import Any

from flowctl.services import calls
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.tui.targets import line
from flowctl.views.lines import Span
from flowctl.views.listing import Board, board
from flowctl.views.text import duration, plural
from flowctl.views.tones import Tone
from flowctl.views.traffic import RunRow, summed
from flowctl.views.waterfall import waterfall


class Trace(ListView):
    """The calls of a run on one scale of time; it follows while they run."""

    word = "trace"
    words = "One run as a waterfall: a light line waits in a queue, a solid bar works"
    kind = "call"
    needs = True
    actions = (
        Action("look.trace", ("t",), "its run as a waterfall", Group.LOOK, "object",
               frozenset({"call", "run", "message"}), does="do_open:trace"),
    )  # fmt: skip

    def reader(self) -> Read:
        """Read all calls of the run."""
        about, width = self.place.about, self.size.width or self.app.size.width
        assert about is not None
        self._width = width

        def read(control: Control) -> tuple[Board, RunRow]:
            found = calls.run(control, about.name)
            table = waterfall(found, width - 1, control.clock.now())
            return board(table), summed(found)

        return read

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the calls."""
        super().show(value[0], stale=stale)

    def on_resize(self) -> None:
        """Draw for the new width."""
        if self.size.width != self._width:
            self.look_again()

    def heading(self) -> list[Span]:
        """Tell how the run went as a whole."""
        if not self.reading.value:
            return super().heading()
        run: RunRow = self.reading.value[1]
        found = [Span(f"run {run.id[:12]}", Tone.STRONG), Span(f"  {plural(run.calls, 'call')}")]
        if run.failed:
            found.append(Span(f"  {run.failed:,} failed", Tone.BAD))
        if run.running:
            found.append(Span(f"  {run.running:,} open", Tone.WARN))
        if run.seconds is not None:
            found.append(Span(f"  {duration(run.seconds)}", Tone.NOTE))
        return [*found, Span("  ─ waits  █ works", Tone.DIM), *self._narrowed()]

    def _narrowed(self) -> list[Span]:
        text = self.grid.filter.text
        return [Span("  /"), Span(text, Tone.MATCH)] if text else []

    def command(self) -> str:
        """Return the same as a command."""
        return line("flowctl", "trace", self.place.about.name if self.place.about else "")


class Runs(ListView):
    """A row a run, the newest first."""

    word, also = "runs", ("traces",)
    words = "What began and all that came of it: calls, failures, time"
    kind = "run"
    period = 2.0
