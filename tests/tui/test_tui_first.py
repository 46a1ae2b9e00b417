"""The cockpit opens, goes from view to view, and changes what it is told to."""

from flowctl.services import processors
from flowctl.tui.app import Wishes
from tests.screen import Home, Screen


def test_it_opens_at_the_flows_and_goes_into_them(home: Home) -> None:
    async def play(screen: Screen) -> None:
        assert "shop" in screen.lines()[3]
        await screen.press("enter")
        await screen.until_says("3 processors")
        assert "flows > network shop processors" in screen.lines()[0]
        await screen.press("escape")
        await screen.until_says("1 network")

    home.play(play)


def test_cpus_are_staged_and_applied_at_enter_and_undone(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        await screen.press("+", "+")
        assert "2>4" in screen.text
        assert processors.find(home.control, "shop/mail").spec.cpus == 2
        await screen.press("enter")
        await screen.until_says("shop/mail scaled to 4 cpus")
        await screen.press("z")
        await screen.until_says("undone: scale")
        assert processors.find(home.control, "shop/mail").spec.cpus == 2

    home.play(play)


def test_a_dialog_asks_and_enter_means_no(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        await screen.press("K")
        await screen.until_says("$ flowctl stop shop/mail")
        await screen.press("enter")
        assert "flowctl stop" not in screen.text
        assert processors.find(home.control, "shop/mail").requested_status == "running"
        await screen.press("K", "y")
        await screen.until_says("shop/mail stopped")

    home.play(play)


def test_read_only_changes_nothing(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        await screen.press("P")
        await screen.until_says("read-only: nothing is changed")

    home.play(play, wishes=Wishes(readonly=True))
