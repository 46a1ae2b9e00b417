"""The networks: what there is, and how each is."""

from __future__ import annotations

from flowctl.services import flows
from flowctl.services.control import Control
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.views.listing import Board, board


class Networks(ListView):
    """A row a network, with the health of what is in it."""

    word, also = "flows", ("networks", "fl")
    words = "All networks: how many processors serve, what waits, what is wrong"
    key = "2"
    kind = "network"

    def reader(self) -> Read:
        """Read the networks and sum up what is in each."""
        chosen = self.deck.network

        def read(control: Control) -> Board:
            return board(flows.page(control, chosen))

        return read
