"""Listings that need no more than their kind: sockets, plugs, workers, deployments and the like."""

from __future__ import annotations

from flowctl.tui.listview import ListView
from flowctl.tui.view import View
from flowctl.views.kinds import plural_of


def _listing(kind_word: str, sentence: str) -> type[View]:
    class Listing(ListView):
        word, words, kind = plural_of(kind_word), sentence, kind_word

    Listing.__name__ = Listing.__qualname__ = plural_of(kind_word).capitalize()
    return Listing


LISTED = (
    _listing("worker", "The processes that serve, where they are and what they take"),
    _listing("deployment", "What each agent was given to serve"),
    _listing("socket", "The entries of processors: tasks, schedules, queues"),
    _listing("plug", "What leads where"),
    _listing("task", "The functions behind the sockets"),
    _listing("scheduler", "Who schedules"),
)
