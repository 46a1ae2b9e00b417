"""Calls: the newest first, one of them as a page, and running them once more."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from textual.message import Message

from flowctl.errors import FlowError, NotFound
from flowctl.model.inputs import Input
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.work import CallFilter
from flowctl.services import calls, events, pages, repeats
from flowctl.services.control import Control
from flowctl.services.pages import Selection
from flowctl.tui.actions import Action, Danger, Deed, Group
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.tui.prompt import Question
from flowctl.tui.targets import Target, line
from flowctl.tui.textview import TextView
from flowctl.tui.view import View
from flowctl.views.callpage import Page, call_lines
from flowctl.views.filters import parse
from flowctl.views.lines import Line
from flowctl.views.listing import board, in_order
from flowctl.views.table import builtin
from flowctl.views.tones import Tone

ROWS = 300
"""So many of the newest calls are listed."""
_FIRST = ("id", "socket", "status", "started_at", "duration", "failure")
_CALL = frozenset({"call"})
_LONGEST = 4_000
"""Characters of an input that are edited in the line at the bottom."""


def _status(*wanted: CallStatus) -> Any:
    return lambda target: str(target.document.get("status", "")) in wanted


def _again(control: Control, target: Target, argument: str) -> str:
    """Run a call again with another input: a failed one in its run, any other as a new run."""
    edited = calls.json_payload(argument)
    old = calls.find(control, target.name)
    if old.status is CallStatus.FAILED:
        repeats.retry(control, [old], edited)
        return f"{old.id[:12]} runs again with another input"
    found = repeats.replay(control, old.id, edited)
    return f"{old.id[:12]} runs again with another input as {found.id[:12]}"


def _again_line(target: Target, argument: str) -> str:
    failed = target.document.get("status") == CallStatus.FAILED
    verb = ["errors", "retry"] if failed else ["replay"]
    return line("flowctl", *verb, target.name, "--input", argument)


def _replay(control: Control, target: Target, _argument: str) -> str:
    found = repeats.replay(control, target.name)
    return f"{target.name[:12]} runs again as {found.id[:12]}"


def _retry(control: Control, target: Target, _argument: str) -> str:
    repeats.retry(control, [calls.find(control, target.name)])
    return f"{target.name[:12]} is tried again, in its run"


def _forget(control: Control, target: Target, _argument: str) -> str:
    repeats.remove(control, [calls.find(control, target.name)])
    return f"{target.name[:12]} forgotten"


def _change(name: str, key: str, words: str, danger: Danger, deed: Deed, when: Any) -> Action:
    return Action(
        f"call.{name}", (key,), words, Group.CHANGE, "object", _CALL, danger, deed=deed, when=when
    )


_ENDED, _FAILED = _status(*TERMINAL), _status(CallStatus.FAILED)
CHANGES = (
    _change(
        "replay", "R", "run it again, as a new run", Danger.MILD,
        Deed(lambda each, _: line("flowctl", "replay", each.name), _replay, "replay"), _ENDED,
    ),
    _change(
        "retry", "Q", "try what failed again, in its run", Danger.MILD,
        Deed(lambda each, _: line("flowctl", "errors", "retry", each.name), _retry, "retry"),
        _FAILED,
    ),
    _change(
        "again", "A", "run it again with another input", Danger.MILD,
        Deed(_again_line, _again, "again", argument="input as JSON"), _ENDED,
    ),
    _change(
        "forget", "D", "forget a failure and its dead letter, for good", Danger.MODERATE,
        Deed(lambda each, _: line("flowctl", "errors", "rm", each.name, "-y"), _forget, "forget"),
        _FAILED,
    ),
)  # fmt: skip


class Repeating(View):
    """What the views about calls share: the input comes to the line at the bottom to be changed."""

    class Given(Message, bubble=False):
        """The input of a call was read, or could not be."""

        def __init__(self, target: Target, text: str, why: str = "") -> None:
            super().__init__()
            self.target, self.text, self.why = target, text, why

    def do_edit(self) -> None:
        """Read the input of the call under the cursor."""
        target = self.target()
        if target is None or target.kind != "call":
            self.deck.say("there is no call under the cursor", Tone.WARN)
            return

        def job(control: Control) -> None:
            try:
                found = repeats.given(control, calls.find(control, target.name))
            except FlowError as error:
                self.post_message(Repeating.Given(target, "", error.message))
            else:
                text = _editable(found)
                why = "" if text else "its input is no JSON that fits into a line: replay --edit"
                self.post_message(Repeating.Given(target, text, why))

        self.deck.office.assign(job)

    def on_repeating_given(self, event: Given) -> None:
        """Ask for what it shall be given instead."""
        if event.why:
            self.deck.say(event.why, Tone.WARN)
            return
        action, target = self.deck.cockpit.registry["call.again"], event.target

        def done(text: str) -> None:
            if text.strip() == event.text:
                self.deck.say("the input is as it was: R runs it again as it is")
            elif text.strip():
                self.deck.actor.start_with(action, [target], argument=text.strip())

        self.deck.ask(Question(sign="run again with: ", done=done, start=event.text))


def _editable(given: Input) -> str:
    """Return an input as JSON in one line; empty where that is not possible."""
    try:
        text = json.dumps(json.loads(given.body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
    return text if len(text) <= _LONGEST else ""


class Calls(ListView, Repeating):
    """A row a call, the newest first."""

    word, also = "calls", ()
    words = "What ran: the newest calls, how each ended, how long it took"
    key = "9"
    kind = "call"
    takes = True
    actions = (
        *CHANGES,
        Action("calls.edit", ("e",), "change its input and run it again", Group.LOOK, "calls",
               does="do_edit"),
    )  # fmt: skip

    def wanted(self) -> CallFilter:
        """Return which calls are read: what the filter says of states and ids reaches all of them."""
        about, text = self.place.about, self.grid.filter.text
        found = CallFilter(network=self.selection().network)
        if about is not None:
            found = _about(found, about)
        status = re.search(r"(?<!\S)status=(\w+)(?!\S)", text)
        if status and status[1] in set(CallStatus):
            found = replace(found, status=(CallStatus(status[1]),))
        if processor := re.search(r"(?<!\S)processor=([\w-]+)(?!\S)", text):
            found = replace(found, processor=processor[1])
        if run := re.search(r"(?<!\S)run=(\w{32})(?!\S)", text):
            found = replace(found, run_id=run[1])
        return found

    def reader(self) -> Read:
        """Read the newest of them."""
        self._asked = self.wanted()
        which = Selection(network=self.selection().network, calls=self._asked, rows=ROWS)
        return lambda control: board(in_order(pages.page(control, "call", which), _FIRST))

    def search(self, text: str) -> None:
        """Filter what is here, and read what may lie further back."""
        super().search(text)
        keys = [column.key for column in self.grid.board.columns if column.key]
        self.grid.filter = replace_tests(text, keys)
        self.grid.sift()
        if self.wanted() != self._asked:
            self.look_again()

    def command(self) -> str:
        """Return the listing as a command."""
        which = self.wanted()
        pairs = (
            ("-n", which.network), ("--processor", which.processor), ("--socket", which.socket),
            ("--run", which.run_id), ("--status", ",".join(which.status)),
        )  # fmt: skip
        return line("flowctl", "ls", "calls", *(word for pair in pairs if pair[1] for word in pair))


def replace_tests(text: str, keys: Sequence[str]) -> Any:
    """Return the filter of what was typed; `processor=` and `run=` mean parts of columns."""
    said = re.sub(r"(?<!\S)processor=([\w-]+)", r"socket=\1.*", text)
    said = re.sub(r"(?<!\S)run=(\w+)", r"run_id=\1*", said)
    found = parse(said, keys)
    return type(found)(text.strip(), found.tests, found.note)


def _about(which: CallFilter, about: Target) -> CallFilter:
    match about.kind:
        case "processor":
            return replace(which, processor=about.name)
        case "socket":
            return replace(which, socket=about.name)
        case "run":
            return replace(which, run_id=about.name)
        case "failure":
            socket, _, kind = about.name.partition(" ")
            return replace(which, socket=socket, status=(CallStatus.FAILED,), text=kind)
        case _:
            return which


class CallView(TextView, Repeating):
    """Everything about one call."""

    word = "call"
    words = "One call: how it went, what went in and what came out"
    scopes = frozenset({"text", "object"})
    needs = True
    actions = (
        Action("call.edit", ("e",), "change its input and run it again", Group.LOOK, "call",
               does="do_edit"),
    )  # fmt: skip

    def reader(self) -> Read:
        """Read all there is on record."""
        about = self.place.about
        assert about is not None
        return lambda control: read_page(control, about.name)

    def lines(self, value: Any) -> Sequence[Line]:
        """Return the page as lines."""
        return call_lines(value)

    def target(self) -> Target | None:
        """Return the call, as it was read."""
        about, found = self.place.about, self.reading.value
        if about is None or not isinstance(found, Page):
            return about
        return Target("call", found.call.id, found.call.network, builtin(found.call))

    def command(self) -> str:
        """Return the same as a command."""
        return line("flowctl", "show", "call", self.place.about.name if self.place.about else "")


def read_page(control: Control, name: str) -> Page:
    """Return everything on record of a call."""
    found = calls.find(control, name)
    sent, _ = calls.page(control, CallFilter(parent=found.id, ascending=True))
    try:
        result = control.store.traffic.result(found.id)
    except NotFound:
        result = None
    return Page(
        call=found,
        given=control.store.traffic.input(found.id),
        result=result,
        sent=sent,
        again=control.store.traffic.replays([found.id]),
        events=events.newest(control, events.Which(kind="call", object=found.id), limit=50),
    )
