"""The pulse: what is wrong comes first, and every line leads to what it is about."""

import pytest

from flowctl.services import processors
from tests import shopfloor
from tests.screen import Home, Screen


@pytest.fixture
def busy(home: Home) -> Home:
    """Two networks in the middle of their day."""
    shopfloor.fill(home.control)
    return home


async def at_pulse(screen: Screen) -> None:
    await screen.press("1")
    await screen.until(lambda: screen.deck.view.word == "pulse", "the pulse")
    await screen.ready()
    await screen.until_says("things wrong")


def here(screen: Screen) -> str:
    target = screen.deck.view.target()
    return target.key if target else ""


async def down_to(screen: Screen, key: str) -> None:
    await screen.until(lambda: here(screen), "a line under the cursor")
    await screen.press("g")
    for _ in range(40):
        if here(screen) == key:
            return
        await screen.press("j")
    raise AssertionError(f"{key} is not in the pulse\n{screen.text}")


def test_what_is_wrong_comes_first_with_the_reason(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        lines = screen.lines()
        assert lines[2].startswith("! ")
        text = "\n".join(lines[2:12])
        assert "host h3 is suspect" in text
        assert "orders/mail is error, 0 of 1 cpus: ImportError: no module smtp" in text
        assert "3 dead letters of orders/mail.send" in text
        assert "calls failed in the last minute" in text
        assert screen.text.index("! orders/mail") < screen.text.index("· shop/store")

    busy.play(play, size=(120, 50))


def test_all_sections_are_there_with_small_charts(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        for title in ("Calls", "Networks", "Fullest queues", "Hosts", "Scheduler"):
            assert f"\n{title}" in screen.text, title
        assert "ended" in screen.text
        assert "108/s" in screen.text
        assert "s1 leads, term 1" in screen.text
        ended = next(each for each in screen.lines() if each.startswith("  ended"))
        assert set("▁▂▃▄▅▆▇█").intersection(ended)

    busy.play(play, size=(120, 50))


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("processor orders/mail", "workers"), ("queue orders.mail.send.dead", "describe"),
        ("agent h1", "workers"), ("network orders", "processors"), ("scheduler s1", "describe"),
    ],
)  # fmt: skip
def test_every_line_leads_somewhere_and_back(busy: Home, key: str, word: str) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        await down_to(screen, key)
        await screen.press("enter")
        await screen.until(lambda: screen.deck.view.word == word, f"{key} leads to {word}")
        await screen.ready()
        await screen.press("escape")
        await screen.until(lambda: screen.deck.view.word == "pulse", "back")
        await screen.until(lambda: here(screen) == key, "the cursor is where it was")

    busy.play(play, size=(120, 40))


def test_moving_filtering_and_staging(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        first = await screen.until(lambda: here(screen), "a line under the cursor")
        await screen.press("G")
        last = here(screen)
        assert last == "scheduler s1"
        await screen.press("k", "up", "pageup", "left_parenthesis", "g")
        assert here(screen) == first
        await screen.press("pagedown", "right_parenthesis", "down", "end", "home")
        assert here(screen) == first
        await screen.type("/mail")
        await screen.press("enter")
        assert "/mail" in screen.lines()[1]
        assert "h3" not in screen.text
        await screen.press("plus", "plus")
        await screen.until_says("1>3")
        await screen.press("escape", "escape")
        await screen.until_says("host h3")
        await screen.press("Y")
        await screen.until_says("copied: flowctl status")

    busy.play(play, size=(100, 24))


def test_what_is_staged_here_is_applied_here(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        await down_to(screen, "processor orders/mail")
        await screen.press("plus", "enter")
        await screen.until_says("orders/mail scaled to 2 cpus")
        assert processors.find(busy.control, "orders/mail").spec.cpus == 2

    busy.play(play, size=(100, 24))


def test_an_empty_house_says_how_to_begin(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_pulse(screen)
        assert "no scheduler leads: nothing is placed, nothing fires" in screen.text
        assert "no agent is running" in screen.text
        assert "none: flowctl up" in screen.text
        assert "not measured" in screen.text

    home.play(play, size=(100, 40))
