"""Which picture of a network fits the screen: how fine, which way, and how large where nothing fits. Pure.

A sketch is laid out anew only when its network, its size or a wish changes; numbers come later and
move nothing. What was laid out before is the seed of the next, so that nothing jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from msgspec import structs

from flowctl.graph.build import Grain, Graph
from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
from flowctl.graph.picture import Drawing, Options, draw
from flowctl.model.flow import Topology
from flowctl.services.pictures import Wanted, graph

FEW = 60
"""Up to so many vertices every way to draw them is tried."""


class Zoom(IntEnum):
    """How near one is."""

    MAP = 0
    BOXES = 1
    CARDS = 2
    SOCKETS = 3


_LINE: dict[Zoom | None, bool] = {Zoom.BOXES: True, Zoom.CARDS: False, Zoom.SOCKETS: False}
"""Whether cards have one line; where it does not say, what fits."""


@dataclass(frozen=True)
class Wish:
    """What is to be drawn, and where."""

    width: int
    height: int
    zoom: Zoom | None = None
    """None for cards where they fit, else boxes."""
    orient: Orient | None = None
    focus: str = ""
    hops: int = 1
    ascii: bool = False
    level: Level | None = None


@dataclass(frozen=True)
class Sketch:
    """A drawing that fulfils a wish."""

    wish: Wish
    zoom: Zoom
    drawing: Drawing
    seeds: Mapping[Grain, Mapping[str, float]] = field(default_factory=dict)
    """The order of the newest whole picture of each grain."""

    @property
    def graph(self) -> Graph:
        """What is drawn."""
        return self.drawing.graph

    @property
    def fits(self) -> bool:
        """Tell whether all of it is on the screen."""
        return _fits(self.drawing, self.wish)


def sketch(topology: Topology, wish: Wish, before: Sketch | None = None) -> Sketch:
    """Return the picture for a wish; the one before where nothing has changed.

    Raises:
        NotFound: there is nothing of the name that is to be in the middle.
    """
    grain = Grain.SOCKET if wish.zoom is Zoom.SOCKETS else Grain.PROCESSOR
    shape = graph(topology, Wanted(grain, focus=wish.focus, hops=wish.hops))
    if before is not None and (before.graph, before.wish) == (shape, wish):
        return before
    # What was drawn for a screen of no size was never seen.
    seeds = before.seeds if before is not None and before.wish.width else {}
    drawing = _drawn(shape, wish, seeds.get(grain))
    if not wish.focus:
        seeds = {**seeds, grain: drawing.layout.order}
    cards = any(len(slots) > 1 for slots in drawing.picture.cards.values())
    near = wish.zoom if wish.zoom is not None else Zoom.CARDS if cards else Zoom.BOXES
    return Sketch(wish, near, drawing, seeds)


def _drawn(shape: Graph, wish: Wish, seed: Mapping[str, float] | None) -> Drawing:
    """Return a picture that fits, else the one that is seen with the least scrolling."""
    few = len(shape.vertices) <= FEW
    for options in _fitting(wish) if few else ():
        drawing = draw(shape, options, seed)
        mute = wish.zoom is Zoom.CARDS and drawing.level is Level.NONE
        if _fits(drawing, wish) and not mute:
            return drawing
        # The order is searched for once; all other tries keep it.
        seed = seed or drawing.layout.order
    large = [draw(shape, options, seed) for options in _large(wish, few=few)]
    return min(large, key=lambda drawing: _screens(drawing, wish))


def _fitting(wish: Wish) -> Iterator[Options]:
    """Yield what to try, the most telling first: what waits is worth more than reading to the right."""
    whole = Options(
        width=wish.width, height=wish.height, orient=wish.orient, ascii=wish.ascii, live=True,
        level=wish.level, line=_LINE.get(wish.zoom),
    )  # fmt: skip
    if wish.level is None:
        if wish.orient is not Orient.TB:
            yield structs.replace(whole, orient=Orient.LR, level=Level.FULL)
        yield structs.replace(whole, level=Level.SHORT)
    yield whole


def _large(wish: Wish, *, few: bool) -> Iterator[Options]:
    """Yield pictures that may be larger than the screen: they scroll."""
    line = wish.zoom is Zoom.BOXES
    for orient in [wish.orient] if wish.orient else list(Orient) if few else [Orient.LR]:
        short = Level.NONE if line else Level.SHORT if orient is Orient.LR else Level.RATE
        level = wish.level or short
        yield Options(orient=orient, ascii=wish.ascii, live=True, line=line, level=level)


def _fits(drawing: Drawing, wish: Wish) -> bool:
    return drawing.layout.width <= wish.width and drawing.layout.height <= wish.height


def _screens(drawing: Drawing, wish: Wish) -> int:
    layout = drawing.layout
    return -(-layout.width // max(1, wish.width)) * -(-layout.height // max(1, wish.height))
