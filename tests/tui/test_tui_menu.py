"""The menu: everything one can go to, themes that are tried on, and whether anything may be changed."""

from flowctl.tui.app import Wishes
from flowctl.tui.palette import LOOKS
from tests.screen import Home, Screen


async def at_menu(screen: Screen, *words: str) -> None:
    await screen.press("0")
    await screen.until_says("read-only")
    for word in words:
        await screen.type(word)


def test_it_leads_to_every_view_and_to_dead_letters(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_menu(screen)
        for view in screen.deck.cockpit.views.values():
            assert view.needs or view.words.split()[0] in screen.text, view.word
        await screen.type("schedules")
        await screen.press("enter")
        await screen.until(lambda: screen.deck.view.word == "schedules", "the view")
        await at_menu(screen, "dead letters")
        await screen.press("enter")
        await screen.until(lambda: screen.deck.view.word == "queues", "the queues")
        await screen.until_says("/role=dead ready>0")

    home.play(play, size=(120, 50))


def test_themes_are_worn_while_one_chooses(home: Home) -> None:
    async def play(screen: Screen) -> None:
        names, cockpit = list(LOOKS), screen.deck.cockpit
        await at_menu(screen, "theme")
        await screen.press("enter")
        await screen.until_says("Which theme?")
        for name in names[1:]:
            await screen.press("down")
            assert cockpit.look.name == name
        await screen.press("escape")
        assert cockpit.look.name == names[0]
        await at_menu(screen, "theme")
        await screen.press("enter")
        await screen.type("mono")
        assert cockpit.look.name == "mono"
        await screen.press("enter")
        assert cockpit.look.name == "mono"
        assert "Which theme?" not in screen.text

    home.play(play, size=(120, 50))


def test_read_only_is_told_and_turned_on(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_menu(screen, "read-only")
        await screen.until_says("off; Enter turns it on")
        await screen.press("enter")
        await screen.until(lambda: "read-only" in screen.lines()[0], "the top line tells it")
        await at_menu(screen)
        await screen.until_says("on until the end of this session")

    home.play(play, size=(120, 50))


def test_commands_begin_in_the_menu(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_menu(screen, "plan")
        await screen.press("enter")
        await screen.until(lambda: screen.deck.prompt.question, "the line")
        assert screen.lines()[-1].startswith(":plan")
        await screen.press("escape")
        await at_menu(screen, "quit")
        await screen.press("enter")
        await screen.until_says("Leave the cockpit?")
        await screen.press("n")

    home.play(play, size=(120, 50), wishes=Wishes(readonly=True))
