"""The queues of sockets and plugs: what waits, what moves, and until when."""

from __future__ import annotations

from flowctl.services import levels
from flowctl.services.control import Control
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.views.listing import Board, board


class Queues(ListView):
    """A row a queue."""

    word, also = "queues", ()
    words = "What waits between the processors and in dead letters, what moves, until when"
    key = "4"
    kind = "queue"

    def reader(self) -> Read:
        """Read the queues with their rates."""
        network = self.selection().network
        return lambda control: _read(control, network)


def _read(control: Control, network: str) -> Board:
    return board(levels.page(control, network))
