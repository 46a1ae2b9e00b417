"""The graph view: every key of it, what is staged, what is searched, and that it reads back right."""

from flowctl.services import processors
from tests.screen import Home, Screen


def test_three_leads_to_the_graph_and_arrows_walk_along_the_plugs(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("3")
        await screen.until_says("shop cards  parse")
        assert "network shop graph" in screen.lines()[0]
        await screen.press("right")
        await screen.until_says("parse > store")
        await screen.press("right")
        await screen.until_says("shop cards  store")
        await screen.press("left")
        await screen.until_says("parse > store")

    home.play(play)


def test_cpus_are_staged_on_the_card_and_applied(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("3")
        await screen.until_says("shop cards  parse")
        await screen.press("+", "+")
        assert any("2>4" in line for line in screen.lines()[2:6])
        await screen.press("enter")
        await screen.until_says("shop/parse scaled to 4 cpus")
        assert processors.find(home.control, "shop/parse").spec.cpus == 4

    home.play(play)
