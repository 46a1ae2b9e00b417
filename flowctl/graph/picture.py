"""The whole way from a graph to text: the best picture for the room there is, and its refreshing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from flowctl.graph.build import Graph
from flowctl.graph.glyphs import ASCII, UNICODE
from flowctl.graph.labels import Level, card_size, card_text, edge_text, label_width, plain
from flowctl.graph.layout import Layout, Metrics, Orient, Skeleton, lay_out, skeletons
from flowctl.graph.live import Overlay
from flowctl.graph.paint import Picture, Slot, paint, write


class Options(Struct, frozen=True, kw_only=True):
    """How a picture is wanted."""

    width: int = 0
    """Columns there are; 0 for as many as it likes."""
    height: int = 0
    """Rows there are; 0 for as many as it likes."""
    orient: Orient | None = None
    """The direction of reading; None for the one that fits."""
    ascii: bool = False
    live: bool = False
    """Whether room for numbers is kept."""
    level: Level | None = None
    """How much lines say; None for as much as fits."""
    line: bool | None = None
    """Whether cards have one line; None for what fits."""


class Drawing(Struct, frozen=True, kw_only=True):
    """A picture with what its texts need."""

    graph: Graph
    options: Options
    level: Level
    picture: Picture

    @property
    def layout(self) -> Layout:
        """Where everything is; its `order` seeds the next drawing."""
        return self.picture.layout


class Part(StrEnum):
    """What a text in a drawing is."""

    TITLE = "title"
    ROW = "row"
    LABEL = "label"


class Written(NamedTuple):
    """A text in its slot."""

    slot: Slot
    text: str
    part: Part
    name: str
    """Of the vertex or the plug that it is about."""


class _Choice(Struct, frozen=True):
    orient: Orient
    level: Level
    line: bool
    """Cards of one line, all as near as can be."""


def draw(
    graph: Graph, options: Options | None = None, seed: Mapping[str, float] | None = None
) -> Drawing:
    """Return the best drawing of a graph; `seed` is the order of an earlier layout of it."""
    options = options or Options()
    parts = skeletons(graph, seed)
    level, layout = _best(graph, parts, options)
    glyphs = ASCII if options.ascii else UNICODE
    picture = paint(graph, layout, glyphs)
    return Drawing(graph=graph, options=options, level=level, picture=picture)


def _best(graph: Graph, parts: Sequence[Skeleton], options: Options) -> tuple[Level, Layout]:
    """Return the first choice that fits; the narrowest of the least telling where none does."""
    kept: tuple[Level, Layout] | None = None
    least = options.level or Level.NONE
    for choice in _choices(options):
        metrics = _metrics(graph, options, choice)
        if choice.level is not least and _is_hopeless(parts, metrics, options):
            continue
        layout = lay_out(parts, metrics)
        if _fits(layout, options):
            return choice.level, layout
        if kept is None or layout.width < kept[1].width:
            kept = choice.level, layout
    assert kept is not None
    return kept


def _is_hopeless(parts: Sequence[Skeleton], metrics: Metrics, options: Options) -> bool:
    return bool(options.width) and _least(parts, metrics) > options.width


def _choices(options: Options) -> Iterator[_Choice]:
    """Yield what to try, the most telling first; what says nothing comes last.

    From top to bottom, full labels would stretch every card: they are drawn only where asked for.
    """
    orients = [options.orient] if options.orient else [Orient.LR, Orient.TB]
    # Names have no shorter form to try.
    every = [level for level in Level if options.live or level is not Level.RATE]
    levels = [options.level] if options.level else every
    for level in [levels[:-1], levels[-1:]]:
        for orient in orients:
            wordy = orient is Orient.TB and len(level) > 1
            if not options.line:
                yield from (_Choice(orient, each, line=False) for each in level[wordy:])
            elif orient is Orient.LR:
                yield from (_Choice(orient, each, line=True) for each in level)
        if Orient.TB in orients and _may_be_lines(options):
            yield from (_Choice(Orient.TB, each, line=True) for each in level[len(level) > 1 :])


def _may_be_lines(options: Options) -> bool:
    return bool(options.height or options.width) if options.line is None else options.line


def _metrics(graph: Graph, options: Options, choice: _Choice) -> Metrics:
    live = options.live
    return Metrics(
        orient=choice.orient,
        cards={
            v.name: card_size(v, choice.level, live=live, line=choice.line) for v in graph.vertices
        },
        label=label_width(graph, choice.level, live=live),
        dense=choice.line,
        width=options.width,
    )


def _fits(layout: Layout, options: Options) -> bool:
    wide = options.width and layout.width > options.width
    return not wide and not (options.height and layout.height > options.height)


def _least(parts: Sequence[Skeleton], metrics: Metrics) -> int:
    """Return a width that the layout cannot be below: cheaper than to lay it out."""
    return max([_least_of(part, metrics) for part in parts], default=0)


def _least_of(part: Skeleton, metrics: Metrics) -> int:
    wide = [metrics.cards[name][0] for name in part.names]
    real = part.mesh.real
    rows = [[wide[item] if item < real else 1 for item in row] for row in part.mesh.layers]
    if metrics.orient is Orient.LR:
        return sum(max(row) for row in rows) + (len(rows) - 1) * 3
    return max(sum(row) + len(row) - 1 for row in rows)


def text(drawing: Drawing, overlay: Overlay | None = None) -> list[str]:
    """Return a drawing as lines, with the numbers of this moment."""
    pieces = [(each.slot, each.text) for each in texts(drawing, overlay)]
    return [row.rstrip() for row in write(drawing.picture, pieces)]


def texts(drawing: Drawing, overlay: Overlay | None) -> Iterator[Written]:
    """Yield what stands in every slot of a drawing, and what it is."""
    picture, level = drawing.picture, drawing.level
    shown = (overlay or Overlay()) if drawing.options.live else None
    adapt = plain if drawing.options.ascii else str
    for edge in drawing.graph.edges:
        slot = picture.labels.get(edge.name)
        if slot is not None:
            words = adapt(edge_text(edge, shown, level, slot.width))
            yield Written(slot, words, Part.LABEL, edge.name)
    for vertex in drawing.graph.vertices:
        slots, lines = picture.cards[vertex.name], card_text(vertex, shown, level)
        if len(slots) == 1:
            lines = [_short(vertex.name, vertex.processor, shown)]
        above = (len(slots) - len(lines)) // 2
        for number, line in enumerate(lines):
            part = Part.ROW if number else Part.TITLE
            yield Written(slots[above + number], adapt(line), part, vertex.name)


def _short(name: str, processor: str, overlay: Overlay | None) -> str:
    numbers = overlay.processors.get(processor) if overlay else None
    return f"b {name}" if numbers and numbers.limiting else name
