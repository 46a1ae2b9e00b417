"""What views of a graph have in common: a picture on an easel, walking in it, zoom, search.

Subclasses read, say what things are, and what is worth going to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual.widget import Widget

from flowctl.errors import NotFound
from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
from flowctl.graph.walk import Item, Side, cycle, in_order
from flowctl.model.flow import Topology
from flowctl.services.pictures import Reading
from flowctl.tui.actions import Action, Group
from flowctl.tui.easel import Easel
from flowctl.tui.places import Place
from flowctl.tui.sketch import Sketch, Wish, Zoom, sketch
from flowctl.tui.targets import Target
from flowctl.tui.view import View
from flowctl.views.tones import Tone

QUICK = 24
"""Up to so many sockets a picture is drawn at the key; larger ones by who reads, so that no key waits."""
_HOPS = (0, 1, 2, 3)
_ORIENTS = (None, Orient.LR, Orient.TB)


@dataclass(frozen=True)
class Seen:
    """What was read at one moment, and how it is drawn."""

    topology: Topology
    reading: Reading
    sketch: Sketch
    networks: int
    """How many there are."""


WALKING = (
    Action("move.right", ("right",), "along the line, or to what is right", Group.MOVE, "picture", does="do_walk:0"),
    Action("move.down", ("j", "down"), "down", Group.MOVE, "picture", does="do_walk:1"),
    Action("move.left", ("left",), "back along the line, or left", Group.MOVE, "picture", does="do_walk:2"),
    Action("move.up", ("k", "up"), "up", Group.MOVE, "picture", does="do_walk:3"),
    Action("graph.next", ("n",), "next problem or match", Group.GRAPH, "picture", does="do_problem:1"),
    Action("graph.last", ("N",), "the problem or match before", Group.GRAPH, "picture", does="do_problem:-1"),
    Action("graph.out", ("{",), "out: cards, boxes, map", Group.GRAPH, "picture", does="do_zoom:-1"),
    Action("graph.in", ("}",), "in: boxes, cards, sockets", Group.GRAPH, "picture", does="do_zoom:1"),
    Action("graph.around", ("a",), "only what is 1, 2 or 3 plugs around this", Group.GRAPH, "picture", does="do_around"),
    Action("graph.turn", ("v",), "left to right, top to bottom, or what fits", Group.GRAPH, "picture", does="do_turn"),
    Action("graph.first", ("g", "home"), "the first", Group.MOVE, "picture", does="do_edge:-1"),
    Action("graph.end", ("G", "end"), "the last", Group.MOVE, "picture", does="do_edge:1"),
    Action("graph.page-down", ("pagedown", "ctrl+f"), "a page down", Group.MOVE, "picture", does="do_page:1.0"),
    Action("graph.page-up", ("pageup",), "a page up", Group.MOVE, "picture", does="do_page:-1.0"),
    Action("graph.half-down", (")", "ctrl+d"), "half a page down", Group.MOVE, "picture", does="do_page:0.5"),
    Action("graph.half-up", ("(", "ctrl+u"), "half a page up", Group.MOVE, "picture", does="do_page:-0.5"),
)  # fmt: skip


class GraphView(View):
    """A view with a picture of a network."""

    scopes = frozenset({"object", "pick", "picture"})
    level: ClassVar[Level | None] = None
    """How much lines say; None for what there is room for."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.easel = Easel()
        inside = place.about is not None and place.about.kind in ("processor", "socket")
        self.zoom: Zoom | None = Zoom.SOCKETS if inside else None
        self.orient: Orient | None = None
        self.middle = place.about.name if inside and place.about else ""
        self.hops = 1 if inside else 0
        self.seen: Seen | None = None
        self._searched = ""
        self._wanted: Item | None = Item(place.filter) if place.filter else None

    def compose(self) -> Iterator[Widget]:
        """Put the picture in."""
        yield self.easel

    def wish(self) -> Wish:
        """Return what is to be drawn."""
        size = self.easel.size
        return Wish(
            width=size.width, height=size.height, zoom=self.zoom, orient=self.orient,
            focus=self.middle if self.hops else "", hops=self.hops, ascii=self.deck.cockpit.ascii,
            level=self.level,
        )  # fmt: skip

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the picture with the numbers of this moment."""
        seen: Seen = value
        self.seen = seen
        wish = self.wish()
        if wish.width and seen.sketch.wish != wish and self._is_quick(seen.topology):
            seen = replace(seen, sketch=sketched(seen.topology, wish, seen.sketch))
            self.seen = seen
            self.look_again()
        self.easel.set_sketch(seen.sketch)
        self.easel.overlay = seen.reading.overlay
        if self._wanted is not None:
            self.go_to(self._wanted)
        self.deck.stage.seen(self.processors())
        self.staged_changed()

    @staticmethod
    def _is_quick(topology: Topology) -> bool:
        return len(topology.sockets) <= QUICK

    def redraw(self) -> None:
        """Draw as is wanted now: at once where that is quick, else by who reads."""
        if self.seen is not None and self._is_quick(self.seen.topology):
            drawn = sketched(self.seen.topology, self.wish(), self.easel.sketch)
            self.seen = replace(self.seen, sketch=drawn)
            self.easel.set_sketch(drawn)
            self.easel.draw()
        self.look_again()
        self.deck.changed()

    def memory(self) -> dict[str, Any]:
        """Keep where one was, and how near."""
        return {
            "at": self.easel.cursor, "zoom": self.zoom, "orient": self.orient, "middle": self.middle,
            "hops": self.hops, "sketch": self.easel.sketch,
        }  # fmt: skip

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it."""
        if memory:
            self._wanted = memory["at"]
            self.zoom, self.orient = memory["zoom"], memory["orient"]
            self.middle, self.hops = memory["middle"], memory["hops"]
            self.easel.sketch = memory["sketch"]

    def processors(self) -> list[Target]:
        """Return all processors of the network."""
        if self.seen is None:
            return []
        return [
            Target("processor", each.name, each.network, {
                "cpus": each.spec.cpus, "running_cpus": each.running_cpus, "status": str(each.status),
                "requested_status": str(each.requested_status),
            })
            for each in self.seen.topology.processors
        ]  # fmt: skip

    # Going about

    def problems(self) -> list[Item]:
        """Return what is worth going to."""
        return []

    def way(self, drawn: Sketch) -> list[Item]:
        """Return all items in the order in which `n` goes through them."""
        return in_order(drawn.graph, drawn.drawing.layout)

    def go_to(self, item: Item) -> None:
        """Put the cursor on an item, where it is in the picture."""
        drawn = self.easel.sketch
        if drawn is None:
            return
        layout = drawn.drawing.layout
        if item.name in layout.boxes or item.name in layout.wires:
            self._wanted = None
            self.easel.go(Item(item.name, item.name not in layout.boxes))

    def on_easel_moved(self) -> None:
        """Tell the bars."""
        self.deck.changed()

    def on_easel_opened(self) -> None:
        """Open what was double-clicked."""
        self.do_enter()

    def do_enter(self) -> None:
        """Open what is under the cursor."""
        self.deck.do_enter()

    def on_easel_sized(self) -> None:
        """Fit the picture into the new room."""
        self.redraw()

    def do_walk(self, side: int) -> None:
        """Move the cursor to what is next on one side."""
        self.easel.walk(Side(side))

    def do_page(self, part: float) -> None:
        """Move by a part of the page."""
        self.easel.page(part)

    def do_edge(self, side: int) -> None:
        """Go to the first or the last card."""
        drawn = self.easel.sketch
        cards = (
            [i for i in in_order(drawn.graph, drawn.drawing.layout) if not i.is_edge]
            if drawn
            else []
        )
        if cards:
            self.easel.go(cards[0 if side < 0 else -1])

    def do_zoom(self, step: int) -> None:
        """Go nearer, or farther away."""
        drawn = self.easel.sketch
        near = drawn.zoom if drawn else Zoom.CARDS
        wanted = Zoom(max(0, min(near + step, Zoom.SOCKETS)))
        if wanted is near:
            self.deck.say(
                "nearer than this are the objects: Enter" if step > 0 else "that is all of it"
            )
            return
        self._wanted = self._same(wanted, near)
        self.zoom = wanted
        self.redraw()
        if self._wanted is not None:
            self.go_to(self._wanted)

    def _same(self, wanted: Zoom, near: Zoom) -> Item | None:
        """Return what the cursor is on, as it is called in another zoom."""
        item = self.easel.cursor
        if item is None or item.is_edge or (wanted is Zoom.SOCKETS) is (near is Zoom.SOCKETS):
            return item
        if near is Zoom.SOCKETS:
            return Item(item.name.partition(".")[0])
        sockets = self.seen.topology.sockets if self.seen else ()
        return next((Item(each.name) for each in sockets if each.processor == item.name), None)

    def do_around(self) -> None:
        """Show only what is near the object under the cursor: 1, 2, 3 plugs away, then all again."""
        item, drawn = self.easel.cursor, self.easel.sketch
        if item is None or drawn is None:
            return
        if not self.hops or not self.middle:
            edge = next(
                (e for e in drawn.graph.edges if item.is_edge and e.name == item.name), None
            )
            self.middle = edge.source if edge else item.name
        self.hops = _HOPS[(self.hops + 1) % len(_HOPS)]
        self._wanted = item
        self.redraw()
        self.go_to(item)

    def do_turn(self) -> None:
        """Turn the picture."""
        self.orient = _ORIENTS[(_ORIENTS.index(self.orient) + 1) % len(_ORIENTS)]
        word = {None: "as it fits", Orient.LR: "left to right", Orient.TB: "top to bottom"}
        self.redraw()
        self.deck.say(f"drawn {word[self.orient]}")

    def do_problem(self, by: int) -> None:
        """Go to the next problem, or to the next match of a search."""
        drawn = self.easel.sketch
        if drawn is None or self.easel.cursor is None:
            return
        wanted = list(self.easel.found) if self._searched else self.problems()
        found = cycle(self.way(drawn), wanted, self.easel.cursor, by)
        if found is None:
            said = (
                f'nothing is called "{self._searched}"'
                if self._searched
                else "no problem to be seen"
            )
            self.deck.say(said, Tone.WARN if self._searched else Tone.GOOD)
        else:
            self.easel.go(found)

    # Searching

    def search_start(self) -> str:
        """Go on with the search as it is."""
        return self._searched

    def search(self, text: str) -> None:
        """Mark what is called so, and go to the first."""
        self._searched = text
        drawn = self.easel.sketch
        if drawn is None:
            return
        low = text.lower()
        found = [Item(v.name) for v in drawn.graph.vertices if low and low in v.name.lower()]
        found += [Item(e.name, True) for e in drawn.graph.edges if low and low in e.name.lower()]
        self.easel.found = frozenset(found)
        if found and self.easel.cursor not in self.easel.found:
            self.easel.go(found[0])
        self.easel.draw()
        self.deck.changed()

    def clear(self) -> bool:
        """End the search, then show all again."""
        if self._searched:
            self.search("")
            return True
        inside = self.place.about is not None and self.place.about.kind != "network"
        if self.hops and not inside:
            self.hops, self.middle = 0, ""
            self._wanted = self.easel.cursor
            self.redraw()
            return True
        return False


def sketched(topology: Topology, wish: Wish, before: Sketch | None) -> Sketch:
    """Return the picture for a wish; where what it is about is gone, all of the network."""
    try:
        return sketch(topology, wish, before)
    except NotFound:
        return sketch(topology, replace(wish, focus="", hops=1), before)
