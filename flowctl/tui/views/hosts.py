"""The hosts: what each has, how full it is, what its agent did last; Enter shows who runs there."""

from __future__ import annotations

from flowctl.services import hosts
from flowctl.services.control import Control
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.views.lines import Span
from flowctl.views.listing import Board, board
from flowctl.views.text import plural
from flowctl.views.tones import Tone


class Hosts(ListView):
    """A row a host."""

    word, also = "hosts", ("agents", "nodes", "top")
    words = "The hosts: cpu, memory and disk, who runs there, what each agent did last"
    key = "6"
    kind = "agent"
    period = 2.0

    def reader(self) -> Read:
        """Read the hosts with what they measured lately."""
        return _read

    def heading(self) -> list[Span]:
        """Tell how many there are, and how much of them is given away."""
        found = super().heading()
        rows = [row.document for row in self.grid.board.rows]
        if rows:
            found[0] = Span(plural(len(rows), "host"), Tone.STRONG)
            given, cpus = (sum(int(row[key]) for row in rows) for key in ("given", "cpus"))
            found.append(Span(f"  {given} of {plural(cpus, 'cpu')} given to processors", Tone.DIM))
        return found

    def command(self) -> str:
        """Return the listing as a command."""
        return "flowctl ls agents"


def _read(control: Control) -> Board:
    return board(hosts.page(control))
