"""What is typed after a colon, pure and on the screen."""

import pytest

from flowctl.errors import InvalidInput
from flowctl.services import processors
from flowctl.tui.commands import Change, Look, Open, Own, Shell, Words, complete, parse
from tests.screen import Home, Screen

WORDS = Words(
    views={"queues": "queues", "processors": "processors", "flows": "flows", "networks": "flows"},
    looks=frozenset({"describe"}),
    verbs=frozenset({"scale", "pause", "purge"}),
    shell=frozenset({"why", "plan"}),
)


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ("queues", Open("queues")),
        ("q", Open("queues")),
        ("queues /orders ready>3", Open("queues", "orders ready>3")),
        ("proc shop", Open("processors", network="shop")),
        ("proc shop /parse", Open("processors", "parse", "shop")),
        ("networks", Open("flows")),
        ("describe proc/shop/parse", Look("describe", "processor", "shop/parse")),
        ("describe proc parse", Look("describe", "processor", "parse")),
        ("describe", Look("describe", "", "")),
        ("scale parse=4", Change("scale", (("", "parse"),), "4")),
        ("pause proc/parse store", Change("pause", (("processor", "parse"), ("", "store")))),
        ("pause", Change("pause")),
        ("purge q/shop.parse.do", Change("purge", (("queue", "shop.parse.do"),))),
        ("quit", Own("quit")),
        ("exit", Own("quit")),
        ("theme light", Own("theme", "light")),
        ("why 'shop/parse'", Shell(("why", "shop/parse"))),
    ],
)
def test_what_lines_mean(typed: str, meaning: object) -> None:
    assert parse(typed, WORDS) == meaning


@pytest.mark.parametrize("typed", ["queus", "describe proc", "scale 'a", "zzz", "describe x/y"])
def test_what_means_nothing_is_told(typed: str) -> None:
    with pytest.raises(InvalidInput):
        parse(typed, WORDS)


def test_lines_are_completed_with_words_and_names() -> None:
    names = {"processor": ["parse", "store"], "queue": ["shop.parse.do"]}
    assert list(complete("qu", WORDS, names)) == ["queues", "quit"]
    assert list(complete("scale p", WORDS, names)) == ["scale parse"]
    assert list(complete("pause proc/s", WORDS, names)) == ["pause proc/store"]
    assert list(complete("describe q/", WORDS, names)) == ["describe q/shop.parse.do"]


def test_a_command_opens_a_view_with_its_filter(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.type(":queues /mail ready>=0")
        await screen.press("enter")
        await screen.until_says("of 8 queues")
        assert screen.deck.view.word == "queues"
        assert "/mail ready>=0" in screen.lines()[1]
        assert all("mail" in each for each in screen.lines()[3:6])

    home.play(play)


def test_tab_completes_and_up_recalls(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.type(":sca")
        assert "scale" in screen.text
        await screen.press("tab")
        await screen.type(" shop/parse=3")
        await screen.press("enter")
        await screen.until_says("shop/parse scaled to 3 cpus")
        assert processors.find(home.control, "shop/parse").spec.cpus == 3
        await screen.press("colon", "up")
        assert screen.deck.prompt.typed.text == "scale shop/parse=3"
        await screen.press("escape")
        assert screen.deck.prompt.question is None

    home.play(play)


def test_any_command_of_the_shell_shows_its_answer(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.type(":version")
        await screen.press("enter")
        await screen.until_says("flowctl 0.")
        assert "output" in screen.lines()[0]
        await screen.press("escape")
        await screen.until_says("1 network")
        await screen.type(":quue")
        await screen.press("enter")
        await screen.until_says('"quue" is no command (did you mean "queue"?)')

    from flowctl.tui.app import Wishes

    home.play(play, wishes=Wishes(shell={"version": "", "queue": ""}))
