"""Lost databases and brokers: the screen stays, says so, marks what is old, and refuses to act on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

from flowctl.errors import StateUnavailable
from flowctl.services.control import Control, open_control
from flowctl.tui.feeds import Link
from tests.screen import Home, Screen


class Lost:
    """A store that does not answer while it is lost, or never comes back while it hangs."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.lost = False
        self.hang: Event | None = None

    def __getattr__(self, name: str) -> Any:
        if self.hang is not None:
            self.hang.wait(60)
        if self.lost:
            raise StateUnavailable("the database does not answer")
        return getattr(self._store, name)


class Line:
    """Opens controls over one store that can be cut."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.store = Lost(home.control.store)

    @contextmanager
    def open(self) -> Iterator[Control]:
        with open_control(self._home.settings, clock=self._home.clock) as control:
            yield replace(control, store=self.store)  # type: ignore[arg-type]


def test_a_lost_database_is_told_and_what_is_old_is_not_acted_on(home: Home) -> None:
    line = Line(home)

    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        line.store.lost = True
        screen.deck.view.look_again()
        await screen.until_says("disconnected")
        screen.clock.pass_by(7)
        screen.deck.tick()
        assert "disconnected, 7s old" in screen.lines()[0]
        assert "the database does not answer" in screen.lines()[0]
        assert "parse" in screen.text
        await screen.press("P")
        await screen.until_says("what is shown is 7s old, so nothing is changed by it")
        await screen.press("+", "enter")
        await screen.until_says("so nothing is changed")
        await screen.press("2")
        await screen.until(lambda: screen.deck.view.word == "flows", "another view")
        line.store.lost = False
        screen.deck.view.look_again()
        await screen.until(lambda: screen.deck.view.link() is Link.CONNECTED, "it is back")
        await screen.until_says("1 network")

    home.play(play, opener=line.open, size=(140, 24))


def test_a_database_that_hangs_freezes_nothing(home: Home) -> None:
    line = Line(home)

    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        line.store.hang = Event()
        screen.deck.view.look_again()
        screen.clock.pass_by(20)
        screen.deck.tick()
        assert "stale, 20s old" in screen.lines()[0]
        await screen.press("j")
        assert screen.deck.view.target().name == "parse"  # type: ignore[union-attr]
        await screen.press("P")
        await screen.until_says("stale: what is shown is 20s old")
        line.store.hang.set()
        line.store.hang = None

    home.play(play, opener=line.open)


def test_a_lost_broker_leaves_its_numbers_unknown(home: Home) -> None:
    (home.settings.paths.data / "broker.db").mkdir()

    async def play(screen: Screen) -> None:
        await screen.press("4")
        await screen.until_says("queues")
        assert "?" in screen.text

    home.play(play, size=(120, 24))
