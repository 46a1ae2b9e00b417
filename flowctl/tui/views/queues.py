"""The queues of sockets and plugs: what waits, what moves."""

from __future__ import annotations

from flowctl.tui.listview import ListView


class Queues(ListView):
    """A row a queue."""

    word, also = "queues", ()
    words = "What waits between the processors, and in dead letters"
    key = "4"
    kind = "queue"
