"""The one screen: bars, the view, the line that is typed into, a box over all of it.

It knows no kind of object and no key: keys are looked up in the registry for where one is, and the
action's method is called on the view, or else here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.message import Message
from textual.screen import Screen

from flowctl.services.control import Control
from flowctl.tui import bars
from flowctl.tui.acting import Actor
from flowctl.tui.actions import Action
from flowctl.tui.asking import Scene
from flowctl.tui.canvas import Canvas
from flowctl.tui.feeds import Link
from flowctl.tui.going import Going
from flowctl.tui.panels import Dialog, Panel
from flowctl.tui.places import History, Place
from flowctl.tui.prompt import Prompt, Question
from flowctl.tui.running import Names, Runner
from flowctl.tui.saying import Said
from flowctl.tui.staging import Stage
from flowctl.tui.targets import Target
from flowctl.tui.view import View
from flowctl.tui.wire import Frugal
from flowctl.views.lines import Line, Span
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from textual.widget import Widget

    from flowctl.tui.app import Cockpit


class Bar(Canvas):
    """One line with a background."""

    DEFAULT_CSS = "Bar { height: 1; }"
    over = "bar"


class Deck(Screen[None], inherit_bindings=False):
    """Bars, view, prompt, panel."""

    DEFAULT_CSS = """
    Deck { layers: base over; layout: vertical; }
    #heading { height: 1; }
    #offers { layer: over; position: absolute; display: none; }
    """

    class Told(Message, bubble=False):
        """A thread has something to say."""

        def __init__(self, text: str, tone: Tone, command: str) -> None:
            super().__init__()
            self.text, self.tone, self.command = text, tone, command

    class Named(Message, bubble=False):
        """The names of objects were read."""

    def __init__(self, first: Place) -> None:
        super().__init__()
        self._compositor = Frugal()
        self.history = History(first)
        self.actor, self.going, self.runner = Actor(self), Going(self), Runner(self)
        self.names, self.stage = Names(), Stage()
        self.top, self.heading, self.bottom = Bar(id="top"), Canvas(id="heading"), Bar(id="bottom")
        self.prompt = Prompt()
        self.offers = Canvas(id="offers")
        self.panel: Panel | None = None
        self.network = ""
        self.said: list[Said] = []
        self._past: dict[str, list[str]] = {}
        self._full = False
        self._view: View | None = None

    @property
    def cockpit(self) -> Cockpit:
        """The app."""
        return cast("Cockpit", self.app)

    @property
    def office(self) -> Any:
        """Who reads and acts."""
        return self.cockpit.office

    @property
    def view(self) -> View:
        """The view that is shown."""
        assert self._view is not None
        return self._view

    @property
    def context(self) -> str:
        """What is looked at, in a word: the network, or all of them."""
        return self.network or "all networks"

    def now(self) -> datetime:
        """Return the present moment."""
        return self.cockpit.clock.now()

    def compose(self) -> Any:
        """Lay the screen out."""
        yield self.top
        yield self.heading
        yield self.bottom
        yield self.prompt
        yield self.offers

    def on_mount(self) -> None:
        """Show the first view."""
        self.network = self.cockpit.settings.network
        self.going.show(self.history.here)
        if self.cockpit.ticks:
            self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        """Once a second: what was true may be stale by now, and what was said may go."""
        view = self.view
        if view.link() is not Link.CONNECTED and view.reading.at is not None:
            view.display_reading()
        self.changed()

    # Views

    def mount_view(self, view: View) -> None:
        """Show a view instead of the present one."""
        old, self._view = self._view, view
        if old is not None:
            old.remove()
        self.mount(view, after=self.heading)
        self.changed()

    # Bars

    def changed(self) -> None:
        """Paint the bars; cheap, for only what differs is sent."""
        view = self._view
        if view is None or not view.is_attached or not self.is_attached:
            return
        width = self.size.width
        state = bars.State(
            trail=[place.crumb for place in self.history.trail],
            context=self.context,
            readonly=self.cockpit.readonly,
            link=view.link(),
            age=view.reading.age(self.now()),
            why=view.reading.error.message if view.reading.error else "",
        )
        self.top.paint([bars.top(state, width)])
        self.heading.paint([Line((Span(" "), *view.heading()))])
        recent = bars.recent(self.said, self.now())
        hints = bars.hints(self.active(), self.cockpit.keymap, view.target())
        self.bottom.paint([bars.bottom(self.stage.spans(), recent, hints, width)])

    def say(self, text: str, tone: Tone = Tone.PLAIN, command: str = "") -> None:
        """Say something at the bottom; it stays in the messages."""
        self.said.append(Said(self.now(), text, tone, command))
        del self.said[:-500]
        self.changed()

    def tell(self, text: str, tone: Tone, command: str = "") -> None:
        """Say something from a thread."""
        self.post_message(Deck.Told(text, tone, command))

    def read_names(self) -> None:
        """Read the names of objects in a thread, for what is typed and chosen from."""

        def job(control: Control) -> None:
            self.names.read(control)
            self.post_message(Deck.Named())

        self.office.assign(job)

    def on_deck_named(self) -> None:
        """Show the names where they are waited for."""
        if self.panel is not None and self.panel.is_attached:
            self.panel.draw()

    def on_deck_told(self, event: Told) -> None:
        """Say what a thread has to say, and look at what it did."""
        self.say(event.text, event.tone, event.command)
        self.view.look_again()

    # Keys

    def active(self) -> list[Action]:
        """Return what can be done here."""
        target = self.view.target()
        scopes = {"global", *self.view.scopes, self.view.word}
        return self.cockpit.registry.active(frozenset(scopes), target.kind if target else "")

    def on_key(self, event: events.Key) -> None:
        """Give a key to the box, the line, or the action that it means."""
        event.stop()
        event.prevent_default()
        key, character = name_of(event), event.character
        if key == "ctrl+c":
            self.cockpit.interrupted()
        elif self.panel is not None and self.panel.is_attached:
            self.panel.key(key, character)
        elif self.prompt.question is not None:
            self.prompt.key(key, character)
            self._show_offers()
        else:
            self.press(key)

    def on_paste(self, event: events.Paste) -> None:
        """Give pasted text to what is typed into."""
        event.stop()
        if self.panel is not None:
            self.panel.paste(event.text)
        elif self.prompt.question is not None:
            self.prompt.paste(event.text)

    def press(self, key: str) -> None:
        """Do what a key means here."""
        action = self.cockpit.keymap.find(key, self.active(), self.view.target())
        if action is not None:
            self.run(action)

    def run(self, action: Action) -> None:
        """Do an action: a change through the actor, a look by its method."""
        if action.deed is not None:
            self.actor.start(action)
            return
        name, _, argument = action.does.partition(":")
        owners = (self.view, self.going, self.actor, self)
        method: Callable[..., None] = next(getattr(o, name) for o in owners if hasattr(o, name))
        method(*([_argument(argument)] if argument else []))

    # Prompt and panels

    def past(self, sign: str) -> list[str]:
        """Return what was typed after a sign, oldest first."""
        return self._past.setdefault(sign, [])

    def ask(self, question: Question) -> None:
        """Open the line at the bottom; what is typed is remembered by its sign."""
        answered, past = question.done, self.past(question.sign)

        def done(text: str) -> None:
            if text and text not in past[-1:]:
                past.append(text)
            answered(text)

        question.done = done
        self.prompt.ask(question)
        self.bottom.styles.display = "none"
        self._show_offers()

    def _show_offers(self) -> None:
        """Show above the line what it could become; the bar comes back when the line closes."""
        if self.prompt.question is None:
            self.bottom.styles.display = "none" if self._full else "block"
        lines = self.prompt.offer_lines(8) if self.prompt.offers else []
        self.offers.styles.display = "block" if lines else "none"
        if lines:
            width = min(self.size.width - 2, max(len(each.text) for each in lines) + 1)
            self.offers.over = "bar"
            self.offers.styles.width, self.offers.styles.height = width, len(lines)
            self.offers.styles.offset = (1, self.size.height - 1 - len(lines))
            self.offers.lines = lines
            self.offers.refresh()

    def open_panel(self, panel: Panel) -> None:
        """Open a box; there is one at a time."""
        if self.panel is not None and self.panel.is_attached:
            self.panel.remove()
        self.panel = panel
        self.mount(panel)
        panel.place(self.size)

    def confirm(self, lines: Sequence[Line], yes: Callable[[], None]) -> None:
        """Ask whether something is wanted; Enter alone means no."""
        self.open_panel(Dialog(lines, yes))

    def copy(self, text: str) -> None:
        """Copy a text."""
        self.going.copy(text)

    def do_enter(self) -> None:
        """Open what is under the cursor."""
        self.going.do_enter()

    def on_resize(self) -> None:
        """Fit what floats into the new size."""
        if self.panel is not None and self.panel.is_attached:
            self.panel.place(self.size)
        self.changed()

    def scene(self, targets: Sequence[Target], hidden: Sequence[Target]) -> Scene:
        """Return what has to be known to say whether something may be done."""
        view = self.view
        return Scene(
            targets, hidden, view.link(), view.reading.age(self.now()), self.cockpit.readonly
        )

    def do_full(self) -> None:
        """Show the view alone, or with its bars."""
        self._full = not self._full
        bars_: tuple[Widget, ...] = (self.top, self.heading, self.bottom)
        for bar in bars_:
            bar.styles.display = "none" if self._full else "block"


def name_of(event: events.Key) -> str:
    """Return a key as the keymap writes it: its character, or its name."""
    character = event.character
    if character and character.isprintable() and character != " ":
        return character
    return event.key


def _argument(text: str) -> Any:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
