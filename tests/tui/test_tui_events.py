"""What happened and what people changed: followed, filtered, gone into, taken back."""

import pytest

from flowctl.services import processors
from flowctl.tui.app import Wishes
from flowctl.tui.views.events import Feed
from tests import shopfloor
from tests.screen import Home, Screen


@pytest.fixture
def busy(home: Home) -> Home:
    """Two networks in the middle of their day."""
    shopfloor.fill(home.control)
    return home


def feed(screen: Screen) -> Feed:
    assert isinstance(screen.deck.view, Feed)
    return screen.deck.view


async def at_events(screen: Screen) -> None:
    await screen.press("8")
    await screen.until_says("following")
    await screen.until(lambda: feed(screen).grid.rows, "events")


def test_the_newest_is_first_and_followed(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_events(screen)
        await screen.press("j")
        assert "standing still" in screen.lines()[1]
        row = feed(screen).grid.row
        await screen.press("s")
        assert feed(screen).grid.at == 0
        processors.scale(busy.control, "orders/enrich", "5")
        await screen.look_again()
        first = feed(screen).grid.rows[0]
        assert first.document["object"] == "enrich"
        assert feed(screen).grid.row is first
        await screen.press("j", "j")
        assert feed(screen).grid.row is not row
        here = feed(screen).grid.row
        assert here is not None
        processors.scale(busy.control, "orders/enrich", "6")
        await screen.look_again()
        now = feed(screen).grid.row
        assert now is not None
        assert now.key == here.key, "who stands still stays on the event"

    busy.play(play, size=(120, 24))


def test_events_are_filtered_and_lead_to_their_object(busy: Home) -> None:
    processors.scale(busy.control, "orders/enrich", "5")

    async def play(screen: Screen) -> None:
        await at_events(screen)
        await screen.type("/kind=processor")
        await screen.press("enter")
        assert "of" in screen.lines()[1]
        await screen.type("/ enrich")
        await screen.press("enter", "enter")
        await screen.until(lambda: screen.deck.view.word == "describe", "the object")
        await screen.until_says("adds prices")
        assert "processor orders/enrich" in screen.lines()[0]
        await screen.press("escape")
        await screen.until(lambda: screen.deck.view.word == "events", "back")

    busy.play(play, size=(120, 24))


def test_events_of_one_object(busy: Home) -> None:
    processors.scale(busy.control, "orders/enrich", "5")

    async def play(screen: Screen) -> None:
        screen.deck.runner.run(":events processor/orders/enrich")
        await screen.until(lambda: screen.deck.view.word == "events", "the view")
        await screen.until(lambda: feed(screen).grid.rows, "events")
        assert {row.document["object"] for row in feed(screen).grid.rows} == {"enrich"}

    busy.play(play, size=(120, 24))


async def at_history(screen: Screen) -> None:
    await at_events(screen)
    await screen.press("tab")
    await screen.until(lambda: screen.deck.view.word == "history", "the journal")
    await screen.until(lambda: feed(screen).grid.rows, "changes")


def test_the_journal_tells_who_changed_what_with_which_command(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_history(screen)
        rows = "\n".join(screen.lines()[3:])
        assert "ada@desk" in rows
        assert "processor enrich cpus 2 > 4" in rows
        await screen.type("/scale")
        await screen.press("enter", "e")
        await screen.until_says("copied: flowctl scale orders/enrich=4")
        await screen.press("enter")
        await screen.until_says("flowctl scale orders/enrich=4")
        assert screen.deck.view.word == "describe"
        await screen.press("escape")
        await screen.until(lambda: screen.deck.view.word == "history", "back")
        await screen.press("tab")
        await screen.until(lambda: screen.deck.view.word == "events", "the other feed")

    busy.play(play, size=(120, 24))


def test_a_change_is_undone_and_redone_where_it_is_told(busy: Home) -> None:
    acting = busy.control.acting("cli", "flowctl scale orders/enrich=7")
    processors.scale(acting, "orders/enrich", "7")
    processors.scale(busy.control.acting("cli", "flowctl scale shop/parse=3"), "shop/parse", "3")

    def cpus() -> int:
        return processors.find(busy.control, "orders/enrich").spec.cpus

    async def play(screen: Screen) -> None:
        await at_history(screen)
        await screen.press("j", "z")
        await screen.until_says("take back change")
        await screen.press("n")
        assert cpus() == 7
        await screen.press("z", "y")
        await screen.until_says("undone: scale processor/enrich")
        assert cpus() == 4
        await screen.until_says("undone by")
        await screen.press("Z", "y")
        await screen.until_says("redone: scale processor/enrich")
        assert cpus() == 7

    busy.play(play, size=(140, 24))


def test_read_only_takes_nothing_back(busy: Home) -> None:
    processors.scale(busy.control.acting("cli", "flowctl scale shop/parse=3"), "shop/parse", "3")

    async def play(screen: Screen) -> None:
        await at_history(screen)
        await screen.press("z")
        await screen.until_says("read-only: nothing is changed")

    busy.play(play, size=(120, 24), wishes=Wishes(readonly=True))
