"""The pulse: everything at one look, and every line leads to what it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textual.widget import Widget

from flowctl.services import pulse
from flowctl.tui.feeds import Read
from flowctl.tui.outline import MOVES, Outline
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.tui.view import View
from flowctl.views.lines import Span
from flowctl.views.pulse import Pulse, items, sifted, summary
from flowctl.views.tones import Tone


class PulseView(View):
    """What is wrong, what runs, what waits."""

    word, also = "pulse", ("overview",)
    words = "The whole at one look: what is wrong and why, calls, networks, queues, hosts"
    key = "1"
    scopes = frozenset({"object", "pick", "outline"})
    period = 2.0
    actions = MOVES

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.outline = Outline()
        self._searched = ""

    def compose(self) -> Iterator[Widget]:
        """Put the lines in."""
        yield self.outline

    def reader(self) -> Read:
        """Take the pulse of the network that is chosen, or of all."""
        network = self.deck.network
        return lambda control: pulse.take(control, network)

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the lines."""
        assert isinstance(value, Pulse)
        staged = [(each.target.address, each.text) for each in self.deck.stage.all()]
        shown = sifted(items(value, self.size.width, staged), self._searched)
        self.outline.set_items(shown, stale=stale)

    def staged_changed(self) -> None:
        """Show what is staged."""
        if self.reading.value is not None:
            self.display_reading()

    def target(self) -> Target | None:
        """Return the object under the cursor."""
        item = self.outline.item
        if item is None or not item.kind:
            return None
        return Target(item.kind, item.name, item.network, item.document)

    def heading(self) -> list[Span]:
        """Tell the whole in a sentence."""
        if self.reading.value is None:
            return [Span(self.words)]
        bad = any(each.bad for each in self.reading.value.findings)
        found = [Span(summary(self.reading.value), Tone.BAD if bad else Tone.GOOD)]
        if self._searched:
            found += [Span("  /"), Span(self._searched, Tone.MATCH)]
        return found

    def command(self) -> str:
        """Return the same as a command."""
        network = self.deck.network
        return line("flowctl", "status", *(["-n", network] if network else []))

    def memory(self) -> dict[str, Any]:
        """Keep the cursor."""
        return {"key": self.outline.item.key if self.outline.item else ""}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Put the cursor back."""
        self.outline.remembered = memory.get("key", "")

    def search_start(self) -> str:
        """Go on with the filter as it is."""
        return self._searched

    def search(self, text: str) -> None:
        """Show only lines that say this."""
        self._searched = text
        self.staged_changed()
        self.deck.changed()

    def clear(self) -> bool:
        """Show all lines again."""
        had = bool(self._searched)
        self.search("")
        return had

    def on_outline_moved(self) -> None:
        """Tell the bars."""
        self.deck.changed()

    def on_outline_opened(self) -> None:
        """Open what was double-clicked."""
        self.do_enter()

    def on_resize(self) -> None:
        """Lay the lines out for the new width."""
        self.staged_changed()

    def do_enter(self) -> None:
        """Go to what the line is about, or to the view that tells more."""
        item = self.outline.item
        if item is not None and item.view and not self.deck.stage:
            known = item.view in self.deck.cockpit.views
            self.deck.going.go(Place(item.view if known else "flows"))
        else:
            self.deck.do_enter()

    def do_move(self, step: int) -> None:
        """Move the cursor."""
        self.outline.move(step)

    def do_page(self, part: float) -> None:
        """Move by a part of the page."""
        self.outline.move_lines(int(self.outline.size.height * part))

    def do_edge(self, side: int) -> None:
        """Move to the first or the last."""
        self.outline.move(side * len(self.outline.items))
