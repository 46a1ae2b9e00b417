"""The processors, with their cpus under one's fingers."""

from __future__ import annotations

from typing import Any

from flowctl.tui.listview import ListView


class Processors(ListView):
    """A row a processor."""

    word, also = "processors", ()
    words = "The code that runs: wanted and running cpus, state, errors; + and - scale"
    key = "5"
    kind = "processor"

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the rows, with what is staged for them."""
        self.deck.stage.seen(self.row_target(row) for row in value.rows)
        super().show(value, stale=stale)

    def staged_changed(self) -> None:
        """Show what is staged on the rows."""
        staged = {row.key: self.deck.stage.of(row.key) for row in self.grid.board.rows}
        self.grid.chips = {key: ("cpus", each.text) for key, each in staged.items() if each}
        self.grid.draw()
