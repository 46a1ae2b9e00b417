"""The canvas of a graph: what is drawn, which part of it is seen, and where the cursor is."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.message import Message

from flowctl.graph.layout import Box
from flowctl.graph.live import Overlay
from flowctl.graph.walk import Item, Side, at, in_order, place, step
from flowctl.tui.canvas import Canvas
from flowctl.tui.scene import Scene, compose, inset
from flowctl.tui.sketch import Sketch, Zoom
from flowctl.views.lines import EMPTY, Line, Span
from flowctl.views.tones import Tone

_MAP = (24, 6)
"""Columns and rows of the small map in the corner, at most."""


class Easel(Canvas):
    """Shows a window of a sketch."""

    class Moved(Message):
        """The cursor is on something else."""

    class Opened(Message):
        """Something was double-clicked."""

    class Sized(Message):
        """There is other room."""

    def __init__(self) -> None:
        super().__init__()
        self.sketch: Sketch | None = None
        self.overlay = Overlay()
        self.cursor: Item | None = None
        self.via = ""
        """The card from which the line under the cursor was reached."""
        self.notes: Mapping[Item, Span] = {}
        self.found: frozenset[Item] = frozenset()
        self.only_found = False
        self.left = self.top = 0

    def set_sketch(self, sketch: Sketch) -> None:
        """Show another picture, with the cursor on what it was on."""
        self.sketch = sketch
        if self.cursor is None or not self._knows(self.cursor):
            order = in_order(sketch.graph, sketch.drawing.layout)
            self.cursor = next(iter(order), None)

    def _knows(self, item: Item) -> bool:
        assert self.sketch is not None
        layout = self.sketch.drawing.layout
        return item.name in (layout.wires if item.is_edge else layout.boxes)

    def draw(self) -> None:
        """Paint what is to be seen."""
        if self.sketch is None or not self.size.width:
            return
        if self.sketch.zoom is Zoom.MAP:
            self.paint(inset(self._scene(), self.size.width, self.size.height)[1])
            return
        self._keep_in_view()
        scene = self._scene()
        lines = compose(scene)
        side = self._margin
        if side:
            lines = [Line((Span(" " * side), *line.spans)) for line in lines]
        self.paint(lines if self.sketch.fits else self._with_map(lines, scene))

    @property
    def _margin(self) -> int:
        """Return the columns that are free on the left of a narrow picture."""
        assert self.sketch is not None
        return max(0, (self.size.width - self.sketch.drawing.layout.width) // 2)

    def _scene(self) -> Scene:
        assert self.sketch is not None
        window = Box(x=self.left, y=self.top, width=self.size.width, height=self.size.height)
        return Scene(
            self.sketch.drawing, self.overlay, window, self.cursor, self.notes, self.found,
            self.only_found,
        )  # fmt: skip

    def _keep_in_view(self) -> None:
        assert self.sketch is not None
        layout, size = self.sketch.drawing.layout, self.size
        if self.cursor is not None:
            box = place(self.sketch.drawing.picture, self.cursor)
            self.left = _seen(self.left, size.width, box.x, box.width)
            self.top = _seen(self.top, size.height, box.y, box.height)
        self.left = max(0, min(self.left, layout.width - size.width))
        self.top = max(0, min(self.top, layout.height - size.height))

    def _with_map(self, lines: list[Line], scene: Scene) -> list[Line]:
        """Lay a small map into the corner that is farthest from the cursor."""
        width, height = min(_MAP[0], self.size.width // 3), min(_MAP[1], self.size.height // 3)
        small = inset(scene, width, height)[1]
        wide = max((len(line.text) for line in small), default=0)
        box = self._cursor_box()
        right = box is None or box.x - self.left < self.size.width / 2
        below = box is None or box.y - self.top < self.size.height / 2
        framed = _framed(small, wide)
        x = self.size.width - wide - 2 if right else 0
        y = self.size.height - len(framed) if below else 0
        lines = lines + [EMPTY] * (self.size.height - len(lines))
        for number, line in enumerate(framed):
            lines[y + number] = _over(lines[y + number], line, x, wide + 2)
        return lines

    def _cursor_box(self) -> Box | None:
        if self.cursor is None or self.sketch is None:
            return None
        return place(self.sketch.drawing.picture, self.cursor)

    def go(self, item: Item, via: str = "") -> None:
        """Put the cursor on an item."""
        if self.sketch is not None and self._knows(item):
            self.cursor, self.via = item, via
            self.draw()
            self.post_message(self.Moved())

    def walk(self, side: Side) -> bool:
        """Move the cursor to what is next on one side; tell whether there was anything."""
        if self.sketch is None or self.cursor is None:
            return False
        drawing, here = self.sketch.drawing, self.cursor
        found = step(drawing.graph, drawing.layout, here, side, self.via)
        if found is None:
            return False
        self.go(found, self.via if here.is_edge else here.name)
        return True

    def page(self, part: float) -> None:
        """Go on to the card that is nearest to a page further down."""
        if self.sketch is None or self.cursor is None:
            return
        here = self._cursor_box()
        assert here is not None
        wanted = here.y + part * self.size.height
        boxes = self.sketch.drawing.layout.boxes
        ahead = [name for name, box in boxes.items() if (box.y - here.y) * part > 0]
        if ahead:
            near = min(
                ahead,
                key=lambda name: abs(boxes[name].y - wanted) + abs(boxes[name].x - here.x) / 8,
            )
            self.go(Item(near))

    def on_resize(self) -> None:
        """Tell that there is other room."""
        self.post_message(self.Sized())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; twice opens."""
        if self.sketch is None or self.sketch.zoom is Zoom.MAP:
            return
        x, y = event.x - self._margin + self.left, event.y + self.top
        drawing = self.sketch.drawing
        found = at(drawing.graph, drawing.picture, x, y)
        if found is not None:
            self.go(found)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_mouse_scroll_down(self) -> None:
        """Go down by some cards."""
        self.walk(Side.DOWN)

    def on_mouse_scroll_up(self) -> None:
        """Go up by some cards."""
        self.walk(Side.UP)


def _seen(first: int, room: int, at: int, size: int) -> int:
    """Return where a window begins in which something is seen, with a little around it."""
    around = min(4, max(0, (room - size) // 2))
    if at - around < first:
        return at - around
    if at + size + around > first + room:
        return min(at + size + around - room, at)
    return first


def _framed(lines: list[Line], width: int) -> list[Line]:
    edge = Span("│", Tone.DIM)
    rows = [Line((edge, *line.spans, Span(" " * (width - len(line.text))), edge)) for line in lines]
    top, bottom = f"┌{'─' * width}┐", f"└{'─' * width}┘"
    return [Line((Span(top, Tone.DIM),)), *rows, Line((Span(bottom, Tone.DIM),))]


def _over(line: Line, small: Line, x: int, width: int) -> Line:
    """Return a line with a shorter one laid over it."""
    cells = line.cells()
    cells += [(" ", Tone.PLAIN)] * (x + width - len(cells))
    before, after = cells[:x], cells[x + width :]
    spans = [*(Span(*cell) for cell in before), *small.spans, *(Span(*cell) for cell in after)]
    return Line(tuple(spans))
