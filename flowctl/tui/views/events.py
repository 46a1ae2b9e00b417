"""What happened, and what people changed: two feeds beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flowctl.services import events, journal, undo
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.views.feed import feed
from flowctl.views.history import history
from flowctl.views.kinds import is_kind
from flowctl.views.lines import Span
from flowctl.views.lines import line as words_line
from flowctl.views.listing import Board, board
from flowctl.views.tones import Tone

_ROWS = 500
_EVENT, _CHANGE = frozenset({"event"}), frozenset({"change"})


class Feed(ListView):
    """A listing whose newest row is the first; who follows stays there."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.following = True

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the rows, and go to the newest where one follows."""
        super().show(value, stale=stale)
        if self.following:
            self.grid.at = 0
            self.grid.draw()

    def heading(self) -> list[Span]:
        """Tell whether what is new is followed."""
        return [
            *super().heading(),
            Span("  following", Tone.GOOD)
            if self.following
            else Span("  standing still: s follows", Tone.WARN),
        ]

    def memory(self) -> dict[str, Any]:
        """Keep whether one follows."""
        return {**super().memory(), "following": self.following}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it."""
        super().recall(memory)
        self.following = memory.get("following", True)

    def do_follow(self) -> None:
        """Follow what is new, or stand still."""
        self.following = not self.following
        if self.following:
            self.do_edge(-1)
        self.deck.changed()

    def do_move(self, step: int) -> None:
        """Move the cursor; off the newest row one stands still."""
        super().do_move(step)
        self.following = self.grid.at == 0 and self.following
        self.deck.changed()

    def do_page(self, part: float) -> None:
        """Move by a part of the page."""
        super().do_page(part)
        self.following = self.grid.at == 0 and self.following
        self.deck.changed()


class Events(Feed):
    """A row for each recorded fact; Enter goes to the object."""

    word, also = "events", ("feed",)
    words = (
        "What happened, the newest first; Enter goes to the object, Tab shows what people changed"
    )
    key = "8"
    kind = "event"
    takes = True
    actions = (
        Action("feed.follow", ("s",), "follow what is new, or stand still", Group.LOOK, "events", _EVENT, does="do_follow"),
        Action("feed.other", ("tab",), "what people changed", Group.VIEWS, "events", does="do_view:history"),
    )  # fmt: skip

    def reader(self) -> Read:
        """Read the newest events, of one object or of all."""
        about = self.place.about
        scope = self.deck.network
        if about is None:
            which = events.Which(network=scope)
        elif about.kind == "network":
            which = events.Which(network=about.name)
        else:
            which = events.Which(kind=about.kind, object=about.name, network=about.network)
        return lambda control: _events(control, which)

    def do_enter(self) -> None:
        """Go to the object that it happened to."""
        row = self.grid.row
        if self.deck.stage or row is None:
            self.deck.do_enter()
            return
        kind, name = str(row.document["kind"]), str(row.document["object"])
        if is_kind(kind):
            about = Target(kind, name, str(row.document.get("network") or ""))
            self.deck.going.go(Place("describe", about), inside=True)
        else:
            self.deck.going.do_open("describe")

    def command(self) -> str:
        """Return the same as a command."""
        scope = self.selection().network
        follow = ["-f"] if self.following else []
        return line("flowctl", "events", *follow, *(["-n", scope] if scope else []))


def _events(control: Control, which: events.Which) -> Board:
    found = events.newest(control, which, _ROWS)
    return board(feed(reversed(found), control.clock.now()))


class History(Feed):
    """A row for each change that somebody made, with its command."""

    word, also = "history", ("journal", "changes")
    words = "What people changed, with the exact command; z takes back the one under the cursor"
    kind = "change"
    actions = (
        Action("journal.follow", ("s",), "follow what is new, or stand still", Group.LOOK, "history", _CHANGE, does="do_follow"),
        Action("journal.other", ("tab",), "what happened", Group.VIEWS, "history", does="do_view:events"),
        Action("journal.command", ("e",), "copy its command", Group.LOOK, "history", does="do_copy_entry"),
    )  # fmt: skip

    def reader(self) -> Read:
        """Read the newest changes."""
        network = self.selection().network
        return lambda control: _history(control, network)

    def command(self) -> str:
        """Return the same as a command."""
        network = self.selection().network
        return line("flowctl", "history", *(["-n", network] if network else []))

    def do_copy_entry(self) -> None:
        """Copy the command that made the change."""
        if self.grid.row is not None:
            self.deck.copy(str(self.grid.row.document["command"]))

    def do_undo(self) -> None:
        """Take back the change under the cursor."""
        self._shift("undo", "take back")

    def do_redo(self) -> None:
        """Carry out again the change under the cursor, which was taken back."""
        self._shift("redo", "carry out again")

    def _shift(self, verb: str, said: str) -> None:
        row = self.grid.row
        if row is None or self.deck.cockpit.readonly:
            why = "read-only: nothing is changed from here" if row else "there is nothing to undo"
            self.deck.say(why, Tone.WARN)
            return
        number = int(str(row.document["id"]))
        command = f"flowctl {verb} {number}"
        act = partial(undo.undo if verb == "undo" else undo.redo, number=number)
        asked = [
            words_line((f"{said} change {number}?", Tone.STRONG)),
            words_line((str(row.document["result"]), Tone.DIM)),
            words_line(("$ ", Tone.DIM), (command, Tone.NOTE)),
        ]
        self.deck.confirm(asked, lambda: self.deck.actor.shift(command, act))


def _history(control: Control, network: str) -> Board:
    found = journal.history(control, network, limit=_ROWS)
    return board(history(found, control.clock.now()))
