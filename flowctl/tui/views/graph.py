"""The live graph of a network: walk along its plugs, zoom, find what limits it, change it in place."""

from __future__ import annotations

from flowctl.errors import NotFound
from flowctl.graph.walk import Item
from flowctl.services import networks
from flowctl.services.control import Control
from flowctl.services.pictures import measure
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.graphview import WALKING, GraphView, Seen, sketched
from flowctl.tui.legend import about, limit_text
from flowctl.tui.places import Place
from flowctl.tui.scene import box_tone, label_tone
from flowctl.tui.sketch import Zoom
from flowctl.tui.targets import Target, line
from flowctl.views.lines import Span
from flowctl.views.tones import Tone

_TROUBLE = (Tone.BAD, Tone.WARN)
_WORDS = {Zoom.MAP: "map", Zoom.BOXES: "boxes", Zoom.CARDS: "cards", Zoom.SOCKETS: "sockets"}


class Graph(GraphView):
    """Processors as cards, plugs as lines, both with what they carry now."""

    word, also = "graph", ("g", "topology")
    words = "A network as a live picture: what flows where, what waits, what limits it"
    key = "3"
    one_network = takes = True
    actions = (
        Action(
            "graph.bottleneck", ("b",), "bottleneck: what limits the flow", Group.GRAPH, "graph",
            does="do_bottleneck",
        ),
        *WALKING,
    )  # fmt: skip

    # Reading

    @property
    def network(self) -> str:
        """The network that is asked for; empty for the first there is."""
        about_ = self.place.about
        if about_ is None:
            return self.deck.network
        return about_.name if about_.kind == "network" else about_.network or self.deck.network

    def reader(self) -> Read:
        """Read the network and its numbers, and lay it out where it has changed."""
        wanted, wish, last = self.network, self.wish(), self.easel.sketch

        def read(control: Control) -> Seen:
            nonlocal last
            names = [each.name for each in networks.listed(control)]
            if not names:
                raise NotFound("network", wanted or "any", remedy="flowctl apply RECIPE")
            topology = networks.topology(control, wanted or names[0])
            reading = measure(control, topology)
            last = sketched(topology, wish, last)
            return Seen(topology, reading, last, len(names))

        return read

    # What is under the cursor

    def target(self) -> Target | None:
        """Return the processor, socket or plug under the cursor."""
        item, seen = self.easel.cursor, self.seen
        if item is None or seen is None:
            return self.place.about
        return self._target(seen, item)

    def _target(self, seen: Seen, item: Item) -> Target | None:
        network = seen.topology.network.name
        if item.is_edge:
            plug = next((each for each in seen.topology.plugs if each.name == item.name), None)
            held = seen.reading.overlay.plugs.get(item.name)
            document = {"queue": plug.queue if plug else "", "ready": held.depth if held else None}
            return Target("plug", item.name, network, document)
        known = {each.name: each for each in self.processors()}
        return known.get(item.name) or Target("socket", item.name, network)

    def heading(self) -> list[Span]:
        """Tell what is under the cursor, and what limits the flow."""
        seen, item, drawn = self.seen, self.easel.cursor, self.easel.sketch
        if seen is None or drawn is None:
            return [Span(self.words)]
        found = [
            Span(seen.topology.network.name, Tone.STRONG),
            Span(f" {_WORDS[drawn.zoom]}", Tone.DIM),
        ]
        if not self.network and seen.networks > 1:
            found.append(Span(f" 1 of {seen.networks}, @ chooses", Tone.DIM))
        if drawn.wish.focus:
            found.append(Span(f" {drawn.wish.hops} around {drawn.wish.focus}", Tone.WARN))
        if self._searched:
            found += [Span(" /"), Span(self._searched, Tone.MATCH)]
        if not seen.reading.broker:
            found.append(Span("  the broker does not answer: depths are unknown", Tone.WARN))
        if item is not None:
            found += [Span("  "), *about(drawn.graph, seen.reading, item)]
        limit = seen.reading.limit
        if limit is not None and (item is None or item.name != limit.processor):
            found.append(Span(f"  b {limit.processor} limits the flow", Tone.WARN))
        return found

    def command(self) -> str:
        """Return the same picture as a command."""
        if self.seen is None:
            return ""
        words = ["flowctl", "graph", self.seen.topology.network.name, "--live"]
        words += ["--sockets"] if self.zoom is Zoom.SOCKETS else []
        words += ["--focus", self.middle, "--hops", str(self.hops)] if self.hops else []
        words += ["--orient", str(self.orient)] if self.orient else []
        return line(*words)

    def staged_changed(self) -> None:
        """Put chips onto the cards of what is staged."""
        notes = {}
        for each in self.processors():
            staged = self.deck.stage.of(each.address)
            if staged is not None:
                notes[Item(each.name)] = Span(staged.text, Tone.CHIP)
        self.easel.notes = notes
        self.easel.draw()

    # Going about

    def _reach(self, item: Item) -> None:
        """Go to an item that may be out of the part that is drawn, or of another grain."""
        if self.hops or (self.zoom is Zoom.SOCKETS and not item.is_edge):
            self.hops, self.middle = 0, ""
            self.zoom = None if self.zoom is Zoom.SOCKETS else self.zoom
            self._wanted = item
            self.redraw()
        self._wanted = item
        self.go_to(item)

    def do_enter(self) -> None:
        """Apply what is staged; else go into the processor, or describe the socket or plug."""
        target = self.target()
        if target is None or target.kind != "processor" or self.deck.stage:
            self.deck.do_enter()
        else:
            inside = Target("processor", target.name, target.network)
            self.deck.going.go(Place(self.word, inside), inside=True)

    def do_bottleneck(self) -> None:
        """Go to what limits the flow, and say why."""
        limit = self.seen.reading.limit if self.seen else None
        if limit is None:
            self.deck.say("nothing limits this flow: everything keeps up", Tone.GOOD)
            return
        self._reach(Item(limit.processor))
        self.deck.say(f"{limit.processor} limits the flow: {limit_text(limit)}", Tone.WARN)

    def problems(self) -> list[Item]:
        """Return what is not as it should be, in the picture as it is drawn."""
        drawn, seen = self.easel.sketch, self.seen
        if drawn is None or seen is None:
            return []
        overlay = seen.reading.overlay
        found = [
            Item(vertex.name)
            for vertex in drawn.graph.vertices
            if box_tone(overlay.processors.get(vertex.processor)) in _TROUBLE
        ]
        found += [
            Item(edge.name, True)
            for edge in drawn.graph.edges
            if label_tone(overlay.plugs.get(edge.name)) in _TROUBLE
        ]
        return found
