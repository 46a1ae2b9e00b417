"""The cockpit: the app around the deck. It owns what outlives a view: clerks, keys, theme."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import App
from textual.driver import Driver

from flowctl.clock import Clock, SystemClock
from flowctl.services.control import open_control
from flowctl.settings import Settings
from flowctl.tui import keymap
from flowctl.tui.actions import Action, Group, Registry
from flowctl.tui.deck import Deck
from flowctl.tui.deeds import CHANGES
from flowctl.tui.feeds import Office, Opener
from flowctl.tui.looks import EVERYWHERE, LISTS, OBJECTS, TEXTS
from flowctl.tui.palette import LOOKS, choose
from flowctl.tui.places import Place
from flowctl.tui.view import View
from flowctl.tui.views import VIEWS

PATIENCE = 2.0
"""Seconds until the screen says that the broker does not answer."""


@dataclass(frozen=True)
class Wishes:
    """What the command line said."""

    command: str = ""
    """Typed after `:` as soon as the cockpit is open."""
    readonly: bool = False
    theme: str = ""
    keymap: str = ""
    ascii: bool = False
    shell: Mapping[str, str] = field(default_factory=dict)
    """The commands of flowctl with what each does."""


def registry() -> Registry:
    """Return all actions: those of everywhere, and those of each view."""
    made = Registry()
    made.add(*EVERYWHERE, *LISTS, *OBJECTS, *TEXTS, *CHANGES)
    for view in VIEWS:
        if view.key:
            made.add(
                Action(
                    f"view.{view.word}", (view.key,), view.words, Group.VIEWS,
                    does=f"do_view:{view.word}",
                )
            )  # fmt: skip
        made.add(*view.actions)
    return made


class Cockpit(App[None], inherit_bindings=False):
    """flowctl on the screen."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "flowctl"

    def __init__(
        self,
        settings: Settings,
        wishes: Wishes = Wishes(),
        *,
        clock: Clock | None = None,
        opener: Opener | None = None,
        ticks: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        theme = choose(wishes.theme, environ)
        super().__init__(ansi_color=True)
        self.settings, self.wishes = settings, wishes
        self.clock = clock or SystemClock()
        self.ticks = ticks
        """Whether the bars tell the time by themselves; tests with a clock of their own tick."""
        self.readonly = wishes.readonly or settings.readonly
        self.ascii = wishes.ascii
        self.look = LOOKS[theme]
        self.shell = wishes.shell
        self.views: dict[str, type[View]] = {view.word: view for view in VIEWS}
        self.registry = registry()
        self.keymap_file = Path(settings.paths.config).with_name("keymap.toml")
        self.keymap = keymap.load(self.registry, self.keymap_file, wishes.keymap)
        self.office = Office(opener or self._open)
        self._interrupts = 0.0
        for look in LOOKS.values():
            self.register_theme(look.theme())
        self.theme = f"flowctl-{theme}"

    def _open(self) -> Any:
        return open_control(self.settings, name="flowctl ui", clock=self.clock, patience=PATIENCE)

    def get_default_screen(self) -> Deck:
        """Return the deck, at the first view."""
        return Deck(Place(VIEWS[0].word))

    def on_ready(self) -> None:
        """Do what the command line asked for."""
        if self.wishes.command and isinstance(self.screen, Deck):
            self.screen.runner.run(self.wishes.command)

    def wear(self, name: str) -> None:
        """Put another theme on."""
        self.look = LOOKS[name]
        self.theme = f"flowctl-{name}"
        self.screen.refresh(layout=True)
        for widget in self.screen.query("*"):
            widget.refresh()

    def send(self, text: str) -> None:
        """Send something to the terminal as it is."""
        driver: Driver | None = self._driver
        if driver is not None:
            driver.write(text)

    def interrupted(self) -> None:
        """Ctrl-C: the second within two seconds ends the cockpit."""
        now = self.clock.monotonic()
        if now - self._interrupts < 2.0 and self._interrupts:
            self.exit()
            return
        self._interrupts = now
        if isinstance(self.screen, Deck):
            self.screen.say("Ctrl-C again to leave; everything goes on running")

    async def action_quit(self) -> None:
        """Leave."""
        self.exit()

    def on_unmount(self) -> None:
        """Send the clerks home."""
        self.office.close()
