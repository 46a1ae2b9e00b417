"""The cockpit for tests: a real state and a real embedded broker, a clock of the test's own, no daemons.

def test_x(home):
    async def play(screen):
        await screen.press("5", "+", "enter")
        await screen.until_says("scaled to")
    home.play(play)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from flowctl.services import recipes
from flowctl.services.control import Control, open_control
from flowctl.settings import Settings, load
from flowctl.tui.app import Cockpit, Wishes
from flowctl.tui.deck import Deck
from tests.stores import NOON

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that anything may take on a loaded machine before a test calls it broken."""


PLAIN = Wishes()


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at, self._monotonic = at, 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self._monotonic

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self._monotonic += seconds


class Screen:
    """A cockpit that runs, and what a person does with it."""

    def __init__(self, app: Cockpit, pilot: Any, clock: StillClock) -> None:
        self.app, self.pilot, self.clock = app, pilot, clock

    @property
    def deck(self) -> Deck:
        assert isinstance(self.app.screen, Deck)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        """Press keys; a text of several characters that names no key is typed."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        names = {" ": "space", "/": "slash", ":": "colon", ">": "greater_than_sign"}
        await self.press(*[names.get(char, char) for char in text])

    def lines(self) -> list[str]:
        """Return what is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(part.text for part in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    async def until(self, condition: Callable[[], T], what: str) -> T:
        """Return the first true value of a condition."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not (value := condition()):
            assert loop.time() < deadline, f"{what}: never\n{self.text}"
            await self.pilot.pause(0.01)
        return value

    async def until_says(self, text: str) -> None:
        """Wait until a text stands on the screen."""
        await self.until(lambda: text in self.text, f'"{text}" on the screen')

    async def until_gone(self, text: str) -> None:
        """Wait until a text stands on the screen no more."""
        await self.until(lambda: text not in self.text, f'no "{text}" on the screen')

    async def ready(self) -> None:
        """Wait until the view has shown a reading."""
        await self.until(lambda: self.deck.view.reading.at, "a reading")
        await self.pilot.pause()

    async def look_again(self) -> None:
        """Wait for a reading that is newer than now."""
        before = self.deck.view.reading
        self.deck.view.look_again()
        await self.until(lambda: self.deck.view.reading is not before, "another reading")
        await self.pilot.pause()


class Home:
    """A folder with a state and a broker, filled by services."""

    def __init__(self, folder: Path, control: Control, clock: StillClock) -> None:
        self.folder, self.control, self.clock = folder, control, clock
        self.settings: Settings = control.settings

    def apply(self, values: dict[str, Any]) -> None:
        """Apply a recipe."""
        recipe = recipes.from_values(values, "test")
        recipes.apply(self.control, recipes.plan(self.control, recipe))

    def play(
        self,
        act: Callable[[Screen], Awaitable[None]],
        *,
        size: tuple[int, int] = (100, 30),
        wishes: Wishes = PLAIN,
        opener: Any = None,
    ) -> None:
        """Open the cockpit, act, and close it."""

        async def run() -> None:
            app = Cockpit(
                self.settings, wishes, clock=self.clock, ticks=False, environ={"TERM": "xterm-256color"},
                opener=opener,
            )  # fmt: skip
            async with app.run_test(size=size) as pilot:
                screen = Screen(app, pilot, self.clock)
                await screen.ready()
                await act(screen)

        asyncio.run(run())


@contextlib.contextmanager
def home(folder: Path) -> Iterator[Home]:
    """Make a state and a broker in a folder."""
    clock = StillClock()
    settings = load({"FLOWCTL_HOME": str(folder)})
    settings.paths.make()
    with open_control(settings, name="test", clock=clock) as control:
        control.store.migrate()
        yield Home(folder, control, clock)


def shop(names: Sequence[str] = ("parse", "store", "mail")) -> dict[str, Any]:
    """Return a recipe: a chain of processors, each with one socket `do`."""
    processors = {
        name: {"source": {"code": "def do(x): return x"}, "sockets": {"do": "do"}, "cpus": 2}
        for name in names
    }
    plugs = [f"{left}.do -> {right}.do" for left, right in pairwise(names)]
    return {"version": 1, "network": "shop", "processors": processors, "plugs": plugs}
