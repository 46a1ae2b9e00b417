"""What moves: one face for recording, looking at, sending and joining calls."""

from __future__ import annotations

from flowctl.state.calls import Calls
from flowctl.state.cancels import Cancels
from flowctl.state.joins import Joins
from flowctl.state.reopening import Reopening
from flowctl.state.slots import Slots


class Traffic(Reopening, Calls, Joins, Cancels, Slots):
    """Calls, results, messages that are to be sent, claims, joins and canvases."""
