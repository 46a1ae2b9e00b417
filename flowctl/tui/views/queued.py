"""What waits in a queue, message by message: looked at without taking anything out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flowctl.errors import NotFound
from flowctl.model.naming import DEAD
from flowctl.model.traffic import Message
from flowctl.services import queues
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Danger, Deed, Group
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.tui.textview import TextView
from flowctl.tui.view import View
from flowctl.views.lines import Line, Span
from flowctl.views.listing import Board, Row, board, in_order
from flowctl.views.messagepage import message_lines
from flowctl.views.text import plural
from flowctl.views.tones import Tone
from flowctl.views.traffic import messages

ROWS = 200
"""So many of the oldest messages are listed."""
_PAGE = 500
_FIRST = ("id", "sent_at", "body", "reason", "size", "attempt")
_QUEUES = frozenset({"queue", "plug", "socket", "failure"})
_MESSAGE = frozenset({"message"})


def _queue(target: Target) -> str:
    return str(target.document["queue"])


def _delete(control: Control, target: Target, _argument: str) -> str:
    queues.remove(control, _queue(target), [target.name])
    return f"message {target.name[:12]} is in the trash"


def _move(control: Control, target: Target, argument: str) -> str:
    goal = queues.find(control, argument)
    queues.move(control, _queue(target), goal, [target.name])
    return f"message {target.name[:12]} moved to {goal}"


def _requeue(control: Control, target: Target, _argument: str) -> str:
    homes = queues.retry(control, _queue(target), [target.name])
    return f"message {target.name[:12]} is back in {', '.join(homes)}"


def _is_dead(target: Target) -> bool:
    return str(target.document.get("queue", "")).endswith(DEAD)


CHANGES = (
    Action(
        "message.delete", ("D",), "delete it: it goes to the trash", Group.CHANGE, "object",
        _MESSAGE, Danger.MODERATE,
        deed=Deed(
            lambda each, _: line("flowctl", "queue", "rm", _queue(each), each.name),
            _delete, "delete",
        ),
    ),
    Action(
        "message.move", ("M",), "move it to another queue", Group.CHANGE, "object",
        _MESSAGE, Danger.MODERATE,
        deed=Deed(
            lambda each, goal: line("flowctl", "queue", "move", _queue(each), goal, each.name),
            _move, "move", argument="to queue",
        ),
    ),
    Action(
        "message.requeue", ("Q",), "send this dead letter back", Group.CHANGE, "object",
        _MESSAGE, Danger.MILD, when=_is_dead,
        deed=Deed(
            lambda each, _: line("flowctl", "queue", "retry", _queue(each), each.name),
            _requeue, "requeue",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Peeked:
    """What was seen of a queue."""

    queue: str
    board: Board
    waits: int


class AboutMessages(View):
    """What the views about messages share."""

    def do_open(self, word: str) -> None:
        """Describe a message by its own page; anything else is as everywhere."""
        if word in ("describe", "yaml"):
            self.do_enter()
        elif word == "trace":
            self.do_trace()
        else:
            self.deck.going.do_open(word)

    def do_enter(self) -> None:
        """Open the message under the cursor."""
        target = self.target()
        if target is not None and target.kind == "message":
            about = Target("message", f"{_queue(target)} {target.name}", target.network)
            self.deck.going.go(Place("message", about), inside=True)

    def do_trace(self) -> None:
        """Go to the run that the message belongs to."""
        target = self.target()
        run = str(target.document.get("run_id", "")) if target else ""
        if run:
            self.deck.going.go(Place("trace", Target("run", run)), inside=True)


class Messages(ListView, AboutMessages):
    """A row a message, the oldest first."""

    word = "peek"
    words = "What waits in a queue, oldest first; looking takes nothing out"
    kind = "message"
    needs = True
    period = 0.0
    actions = (
        Action("look.messages", ("m",), "what waits, message by message", Group.LOOK, "object",
               _QUEUES, does="do_open:peek"),
        *CHANGES,
    )  # fmt: skip

    def reader(self) -> Read:
        """Look into the queue once: each look costs the broker something, so `r` looks again."""
        about = self.place.about
        assert about is not None
        return lambda control: peek(control, about)

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the messages."""
        super().show(value.board, stale=stale)

    def row_target(self, row: Row) -> Target:
        """Return the message of a row, which knows its queue."""
        queue = self.reading.value.queue
        network = queue.partition(".")[0]
        return Target("message", row.name, network, {**row.document, "queue": queue})

    def heading(self) -> list[Span]:
        """Tell the queue, how much waits, and how much of it is seen."""
        seen: Peeked | None = self.reading.value
        if seen is None:
            return super().heading()
        listed = len(seen.board.rows)
        found = [Span(seen.queue, Tone.STRONG)]
        if not listed:
            return [*found, Span("  nothing waits here", Tone.DIM)]
        found.append(Span(f"  {plural(seen.waits, 'message')}", Tone.NOTE))
        if seen.waits > listed:
            found.append(Span(f", the oldest {listed} of them", Tone.DIM))
        if self.grid.filter.text:
            found += [Span("  /"), Span(self.grid.filter.text, Tone.MATCH)]
        if self.grid.marks:
            found.append(Span(f"  {len(self.grid.marks)} marked", Tone.CHIP))
        return [*found, Span("  r looks again", Tone.DIM)]

    def command(self) -> str:
        """Return the same as a command."""
        seen: Peeked | None = self.reading.value
        return line("flowctl", "queue", "peek", seen.queue) if seen else ""


class MessageView(TextView, AboutMessages):
    """One message, with its body laid out."""

    word = "message"
    words = "One message: its properties and its body"
    scopes = frozenset({"text", "object"})
    needs = True
    period = 0.0

    def reader(self) -> Read:
        """Look for it in its queue."""
        queue, name = self.address()
        return lambda control: find(control, queue, name)

    def address(self) -> tuple[str, str]:
        """Return its queue and its id."""
        assert self.place.about is not None
        queue, _, name = self.place.about.name.partition(" ")
        return queue, name

    def lines(self, value: Any) -> Sequence[Line]:
        """Return the page as lines."""
        return message_lines(value, self.address()[0], self.deck.now())

    def target(self) -> Target | None:
        """Return the message."""
        queue, name = self.address()
        found = self.reading.value
        run = found.run_id if isinstance(found, Message) else ""
        return Target(
            "message", name, queue.partition(".")[0], {"queue": queue, "id": name, "run_id": run}
        )

    def do_enter(self) -> None:
        """Stay: it is open already."""

    def command(self) -> str:
        """Return the same as a command."""
        return line("flowctl", "queue", "peek", self.address()[0], "--full")


def peek(control: Control, about: Target) -> Peeked:
    """Return what waits in the queue of a queue, plug, socket, or of failures."""
    queue = _queue_of(control, about)
    seen = queues.peek(control, queue, limit=ROWS)
    held = control.broker.depth([queue]).get(queue)
    table = in_order(messages(seen, control.clock.now()), _FIRST)
    return Peeked(queue, board(table), max(len(seen), held.ready if held else 0))


def _queue_of(control: Control, about: Target) -> str:
    if about.kind == "queue":
        return about.name
    if about.kind == "failure":
        word = f"{about.network}/{about.name.partition(' ')[0]}"
        return queues.find(control, word, dead=True)
    return queues.find(control, about.address)


def find(control: Control, queue: str, name: str) -> Message:
    """Return a message that waits in a queue.

    Raises:
        NotFound: it is there no more.
    """
    offset = 0
    while page := queues.peek(control, queue, limit=_PAGE, offset=offset):
        for message in page:
            if message.id == name:
                return message
        offset += len(page)
    raise NotFound("message", name, remedy="it was taken or moved meanwhile: Esc, then r")
