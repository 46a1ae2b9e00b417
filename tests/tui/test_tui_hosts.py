"""The hosts: gauges, who runs where, charts over time, and what can be done to an agent."""

import pytest

from flowctl.services import fleet
from flowctl.tui.app import Wishes
from tests import shopfloor
from tests.screen import Home, Screen


@pytest.fixture
def busy(home: Home) -> Home:
    """Two networks in the middle of their day."""
    shopfloor.fill(home.control)
    return home


async def at_hosts(screen: Screen) -> None:
    await screen.press("6")
    await screen.until_says("3 hosts")


def test_gauges_and_the_last_sentence_fit_into_80_columns(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_hosts(screen)
        row = next(each for each in screen.lines() if each.startswith(" h1"))
        for said in ("running", "71%", "75%", "40%", "5.2", "6 workers as wanted", "█"):
            assert said in row, said
        assert "10 of 20 cpus given to processors" in screen.lines()[1]
        await screen.press("greater_than_sign")
        await screen.type("/cpu_percent>50")
        assert "h2" not in "\n".join(screen.lines()[3:])

    busy.play(play, size=(80, 24))


def test_enter_shows_who_runs_there(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_hosts(screen)
        await screen.press("enter")
        await screen.until_says("3 workers")
        rows = "\n".join(screen.lines()[3:])
        assert "h1.orders.enrich.worker.1" in rows
        assert "50%" in rows
        assert "MiB" in rows
        assert "h2." not in rows
        await screen.press("escape")
        await screen.until_says("3 hosts")

    busy.play(play, size=(140, 24))


def test_a_host_is_drained_and_resumed(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_hosts(screen)
        await screen.press("C")
        await screen.until_says("agent h1 takes nothing new")
        assert fleet.agent(busy.control, "h1").requested_status == "paused"
        await screen.until(
            lambda: (
                (target := screen.deck.view.target())
                and target.document["requested_status"] == "paused"
            ),
            "it is seen",
        )
        await screen.press("C")
        await screen.until_says("agent h1 takes work again")
        await screen.press("z")
        await screen.until_says("undone: resume agent/h1")
        assert fleet.agent(busy.control, "h1").requested_status == "paused"

    busy.play(play, size=(80, 24))


@pytest.mark.parametrize("word", ["hosts", "agents", "nodes", "top", "host", "ag"])
def test_every_word_for_hosts_leads_there(busy: Home, word: str) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run(f":{word}")
        await screen.until_says("3 hosts")

    busy.play(play)


def test_charts_have_axes_and_go_back_in_time(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_hosts(screen)
        await screen.press("s")
        await screen.until_says("cpu, percent of all")
        assert "the last 1h" in screen.lines()[1]
        assert "100 ┤" in screen.text
        assert "1h ago" in screen.text
        assert any("⠀" < char <= "⣿" for char in screen.text)
        for span in ("6h", "24h", "15m"):
            await screen.press("apostrophe")
            await screen.until_says(f"the last {span}")
        await screen.until_says("15m ago")
        await screen.press("s")
        assert screen.deck.view.word == "stats"

    busy.play(play, size=(80, 40))


def test_charts_without_unicode_and_of_what_nobody_measured(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run(":stats agent/h1")
        await screen.until_says("cpu, percent of all")
        assert screen.text.isascii()
        screen.deck.runner.run(":stats agent/h3")
        await screen.until_says("Nothing was measured of it")

    busy.play(play, size=(80, 24), wishes=Wishes(ascii=True))
