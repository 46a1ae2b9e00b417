"""The same drawing as a vector picture: the layout is that of the text, cell for cell."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from flowctl.graph.build import Edge
from flowctl.graph.layout import Box, Orient, Point, Wire
from flowctl.graph.live import Overlay
from flowctl.graph.paint import Slot
from flowctl.graph.picture import Drawing, texts

CELL, LINE = 8, 18
"""Pixels of a cell: its width and its height."""
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">
<style>
  text {{ font: 13px ui-monospace, monospace; fill: #1b1f24; text-anchor: middle }}
  .label {{ font-size: 11px; fill: #57606a; paint-order: stroke; stroke: #fff; stroke-width: 4px }}
  .title {{ font-weight: 600 }}
  rect {{ fill: #f6f8fa; stroke: #57606a; rx: 4px }}
  polyline {{ fill: none; stroke: #57606a; stroke-width: 1.5px; stroke-linejoin: round }}
  .error {{ stroke: #cf222e; stroke-dasharray: 2 3 }}
  .back {{ stroke-dasharray: 6 4 }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>
<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>"""


def svg(drawing: Drawing, overlay: Overlay | None = None) -> str:
    """Return a drawing as SVG."""
    layout = drawing.layout
    size = {"w": CELL * (layout.width + 2), "h": LINE * (layout.height + 2)}
    parts = [_HEAD.format(**size)]
    parts += [_line(e, layout.wires[e.name], layout.orient) for e in drawing.graph.edges]
    parts += [_card(box) for box in layout.boxes.values()]
    parts += _words(drawing, overlay)
    return "\n".join([*parts, "</svg>", ""])


def _at(x: float, y: float) -> str:
    return f"{CELL * (x + 1.5):g},{LINE * (y + 1.5):g}"


def _line(edge: Edge, wire: Wire, orient: Orient) -> str:
    """Return a line with both ends drawn out to the borders of the cards."""
    dx, dy = (1.0, 0.0) if orient is Orient.LR else (0.0, 1.0)
    if wire.back:
        dx, dy = -dx, -dy
    first, last = wire.points[0], wire.points[-1]
    way = [_at(first.x - dx / 2, first.y - dy / 2), *map(_cell, wire.points)]
    way.append(_at(last.x + dx / 2, last.y + dy / 2))
    kind = "error" if edge.error else "back" if wire.back else "plain"
    return f'<polyline class="{kind}" marker-end="url(#head)" points="{" ".join(way)}"/>'


def _cell(point: Point) -> str:
    return _at(point.x, point.y)


def _card(box: Box) -> str:
    x, y = CELL * (box.x + 1), LINE * (box.y + 1)
    return f'<rect x="{x}" y="{y}" width="{CELL * box.width}" height="{LINE * box.height}"/>'


def _words(drawing: Drawing, overlay: Overlay | None) -> Iterator[str]:
    for slot, text, part, _ in texts(drawing, overlay):
        if text:
            yield _word(slot, text, part)


def _word(slot: Slot, text: str, kind: str) -> str:
    x = slot.x + (slot.width if slot.middle else len(text)) / 2
    place = f'x="{CELL * (x + 1):g}" y="{LINE * (slot.y + 1.5) + 4:g}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'
