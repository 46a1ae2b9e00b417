"""The line after `:`: what it means is done here; commands of the shell run and show their answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from flowctl.errors import FlowError, InvalidInput
from flowctl.services.control import Control
from flowctl.services.pages import names as names_of
from flowctl.settings import Settings
from flowctl.tui import commands
from flowctl.tui.palette import LOOKS
from flowctl.tui.places import Place
from flowctl.tui.prompt import Question
from flowctl.tui.targets import Target
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from flowctl.tui.deck import Deck

TIMEOUT = 120.0
"""Seconds that a command of the shell may take."""
NAMED = ("network", "processor", "socket", "plug", "queue", "agent", "worker", "task")
"""Kinds whose names are offered while a command is typed."""


class Names(Mapping[str, Iterable[str]]):
    """The names of objects, for completion; read in a thread, as they were lately."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {kind: [] for kind in NAMED}

    def __getitem__(self, kind: str) -> Iterable[str]:
        """Return the names of a kind."""
        return self._known[kind]

    def __iter__(self) -> Iterator[str]:
        """Go through the kinds."""
        return iter(self._known)

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return len(self._known)

    def of(self, kind: str) -> list[str]:
        """Return the names of a kind."""
        return self._known[kind]

    def read(self, control: Control) -> None:
        """Read them anew; what cannot be read stays as it was."""
        for kind in NAMED:
            try:
                self._known[kind] = names_of(control, kind)
            except FlowError:
                return


class Runner:
    """Reads and carries out lines."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    @property
    def words(self) -> commands.Words:
        """Every word that a line may begin with."""
        cockpit = self._deck.cockpit
        views = {
            word: name
            for name, view in cockpit.views.items()
            if not view.needs
            for word in (name, *view.also)
        }
        return commands.Words(
            views=views,
            looks=frozenset(n for n, view in cockpit.views.items() if view.needs or view.takes),
            verbs=frozenset(a.deed.verb for a in cockpit.registry if a.deed),
            shell=frozenset(cockpit.shell),
        )

    def prompt(self) -> None:
        """Ask for a line."""
        deck, words = self._deck, self.words
        deck.read_names()
        deck.ask(
            Question(
                sign=":",
                done=self.run,
                complete=lambda text: commands.complete(text, words, deck.names),
                past=deck.past(":"),
                hint="queues /dead   scale parse=4   describe proc/parse   any flowctl command",
            )
        )

    def run(self, text: str) -> None:
        """Carry a line out."""
        text = text.strip().removeprefix(":")
        if not text:
            return
        try:
            self._carry_out(commands.parse(text, self.words))
        except FlowError as error:
            self._deck.say(f"{error.message}; {error.remedy}".rstrip("; "), Tone.WARN)

    def _carry_out(self, meaning: commands.Meaning) -> None:
        going = self._deck.going
        match meaning:
            case commands.Open(view, wanted, network):
                if network:
                    self._deck.network = "" if network == "all" else network
                going.go(Place(view, filter=wanted))
            case commands.Look(view, _, ""):
                going.do_open(view)
            case commands.Look(view, kind, name):
                going.go(Place(view, self._target(kind, name)), inside=True)
            case commands.Change():
                self._change(meaning)
            case commands.Own(word, rest):
                self._own(word, rest)
            case commands.Shell(words):
                going.go(Place("output", Target("command", " ".join(words))), inside=True)

    def _target(self, kind: str, name: str) -> Target:
        network, slash, own = name.rpartition("/")
        return Target(kind, own if slash else name, network or self._deck.network)

    def _change(self, change: commands.Change) -> None:
        deck = self._deck
        known = [a for a in deck.cockpit.registry if a.deed and a.deed.verb == change.verb]
        if not change.names:
            here = deck.view.target()
            fitting = [a for a in known if here and a.applies(here.kind)]
            if not fitting:
                raise InvalidInput(f"{change.verb} what?", remedy=f"{change.verb} NAME")
            deck.actor.start(fitting[0])
            return
        for kind, _name in change.names:
            fitting = [a for a in known if not kind or a.applies(kind)]
            if not fitting:
                raise InvalidInput(f"{change.verb} is not for a {kind}")
        kinds = {kind for kind, _ in change.names if kind}
        action = next(a for a in known if not kinds or a.applies(next(iter(kinds))))
        whose = next(iter(kinds), next(iter(action.kinds)))
        targets = [self._target(whose, name) for _, name in change.names]
        deck.actor.command(action, targets, change.argument)

    def _own(self, word: str, rest: str) -> None:
        deck = self._deck
        match word:
            case "quit":
                deck.app.exit()
            case "help":
                deck.going.do_help()
            case "messages":
                deck.going.do_messages()
            case "network":
                deck.going.set_network("" if rest in ("", "all") else rest)
            case "theme":
                self._theme(rest)
            case "readonly":
                deck.cockpit.readonly = True
                deck.say("read-only until the end of this session")
            case _:
                deck.say(f"keys are rebound in {deck.cockpit.keymap_file}; ? shows them")

    def _theme(self, name: str) -> None:
        if name not in LOOKS:
            raise InvalidInput(f'there is no theme "{name}"', remedy=", ".join(LOOKS))
        self._deck.cockpit.wear(name)


def shell(settings: Settings, words: list[str], *, readonly: bool, width: int) -> list[str]:
    """Run a command of flowctl and return what it said, stderr last."""
    env = {**os.environ, **settings.environment(), "COLUMNS": str(width), "NO_COLOR": "1"}
    env |= {"FLOWCTL_READONLY": "1"} if readonly else {}
    line = [sys.executable, "-m", "flowctl", "--no-input", *words]
    try:
        done = subprocess.run(
            line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"not done within {TIMEOUT:.0f} s, and so ended"]
    said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return said if not done.returncode else [*said, "", f"exit code {done.returncode}"]
