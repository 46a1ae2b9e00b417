"""The path of one run on the graph of its network: where it was worked on, where it waited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowctl.graph.labels import Level
from flowctl.graph.live import Overlay
from flowctl.graph.walk import Item
from flowctl.model.traffic import Call
from flowctl.services import calls, networks
from flowctl.services.control import Control
from flowctl.services.pictures import Reading
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.graphview import GraphView, Seen, sketched
from flowctl.tui.places import Place
from flowctl.tui.sketch import Sketch, Zoom
from flowctl.tui.targets import Target, line
from flowctl.views.lines import Span
from flowctl.views.paths import Hop, hops, whole
from flowctl.views.tones import Tone


@dataclass(frozen=True)
class Walked(Seen):
    """A run with the picture of its network."""

    run: str = ""
    calls: tuple[Call, ...] = ()


class Path(GraphView):
    """The hops of a run stand out; what it did not touch steps back."""

    word = "path"
    words = "The way of one run on the graph: what it worked and where it waited"
    needs = True
    period = 2.0
    level = Level.SHORT
    actions = (
        Action(
            "look.path", ("p",), "its path on the graph", Group.LOOK, "object",
            frozenset({"call", "run"}), does="do_open:path",
        ),
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.zoom, self.middle, self.hops = None, "", 0
        self.easel.only_found = True
        self._hops: list[Hop] = []

    def reader(self) -> Read:
        """Read the run and the network it went through."""
        about, wish, last = self.place.about, self.wish(), self.easel.sketch

        def read(control: Control) -> Walked:
            nonlocal last
            found = calls.run(control, about.name if about else "")
            topology = networks.topology(control, found[0].network)
            last = sketched(topology, wish, last)
            reading = Reading(Overlay(), None, True, {})
            return Walked(topology, reading, last, 1, found[0].run_id, tuple(found))

        return read

    def staged_changed(self) -> None:
        """Put what was measured onto the picture."""
        if isinstance(self.seen, Walked):
            near = self.easel.sketch.zoom if self.easel.sketch else Zoom.CARDS
            self._hops = hops(self.seen.calls, sockets=near is Zoom.SOCKETS)
            self.easel.notes = {item_of(hop): Span(hop.brief, _tone(hop)) for hop in self._hops}
            self.easel.found = frozenset(self.easel.notes)
            if self._first:
                self._first = False
                self.easel.go(item_of(self._hops[0]))
        self.easel.draw()

    _first = True

    def redraw(self) -> None:
        """Draw as is wanted now; in another zoom other things have names."""
        super().redraw()
        self.staged_changed()

    def way(self, drawn: Sketch) -> list[Item]:
        """Return the hops in the order of time."""
        return [item_of(hop) for hop in self._hops]

    def problems(self) -> list[Item]:
        """Return every hop: `n` follows the run."""
        return [item_of(hop) for hop in self._hops]

    def hop(self) -> Hop | None:
        """Return the hop under the cursor."""
        here = self.easel.cursor
        return next((hop for hop in self._hops if item_of(hop) == here), None)

    def target(self) -> Target | None:
        """Return the call that took longest at the hop under the cursor."""
        hop = self.hop()
        network = self.seen.topology.network.name if self.seen else ""
        return Target("call", hop.call, network) if hop else self.place.about

    def heading(self) -> list[Span]:
        """Tell what the run comes to, and the hop under the cursor."""
        if not isinstance(self.seen, Walked):
            return [Span(self.words)]
        found = [Span(f"run {self.seen.run[:12]}", Tone.STRONG), Span(f"  {whole(self._hops)}")]
        hop, here = self.hop(), self.easel.cursor
        if hop is not None:
            found += [Span("  "), Span(hop.name, Tone.HERE), Span(f"  {hop.words}", _tone(hop))]
        elif here is not None:
            found += [Span("  "), Span(here.name, Tone.HERE), Span("  not on the way", Tone.DIM)]
        return found

    def command(self) -> str:
        """Return the tree of the run as a command."""
        run = self.seen.run if isinstance(self.seen, Walked) else ""
        return line("flowctl", "trace", run) if run else ""

    def search(self, text: str) -> None:
        """Go to what is called so; the way stays marked."""
        super().search(text)
        self.staged_changed()

    def do_problem(self, by: int) -> None:
        """Go on to the next hop in time, or to the one before."""
        self._searched = ""
        super().do_problem(by)

    def recall(self, memory: Any) -> None:
        """Be as one left it."""
        super().recall(memory)
        self._first = not memory


def item_of(hop: Hop) -> Item:
    """Return where a hop is in the picture."""
    return Item(hop.name, hop.is_plug)


def _tone(hop: Hop) -> Tone:
    return Tone.BAD if hop.failed and not hop.is_plug else Tone.NOTE
