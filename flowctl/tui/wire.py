"""What goes over the line: only the cells that changed.

Textual knows which cells have to be painted, and then sends each of their lines from its beginning.
Here a line is sent from the first of these cells. This is the one place that reaches into Textual's
compositor; `tests/tui/test_tui_wire.py` counts the bytes.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor


class Changes(ChopsUpdate):
    """An update of parts of lines."""

    def render_segments(self, console: Console) -> str:
        """Return what is sent."""
        sent: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                start, stop = max(x, first), min(end, last)
                if strip is None or start >= stop:
                    continue
                part = strip if (start, stop) == (x, end) else strip.crop(start - x, stop - x)
                sent += [Control.move_to(start, y).segment.text, part.render(console)]
        return "".join(sent)


class Frugal(Compositor):
    """A compositor that sends no cell that did not change."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of what has changed."""
        update = super().render_partial_update()
        if update is None:
            return None
        return Changes(update.chops, update.spans, update.chop_ends)
