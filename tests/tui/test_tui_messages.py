"""Queues looked into, message by message: read, deleted and brought back, moved, sent back."""

import json

import pytest

from flowctl.services import queues
from tests import stores
from tests.screen import Home, Screen

QUEUE, DEAD = "shop.parse.do", "shop.mail.do.dead"


@pytest.fixture
def waits(home: Home) -> Home:
    """Three messages of three kinds, and two dead letters."""
    flows = home.control.store.flows
    queues.declare(home.control, queues.specs_of(flows.sockets(), flows.plugs()))
    bodies = (
        (json.dumps({"order": 17, "lines": [1, 2]}).encode(), "application/json"),
        (b"plain words", "text/plain"),
        (bytes(range(20)), "application/octet-stream"),
    )
    letters = [
        stores.outgoing(f"{n:032x}", QUEUE, body=body, content_type=kind, sent_at=home.clock.now())
        for n, (body, kind) in enumerate(bodies)
    ]
    letters += [
        stores.outgoing(f"{n:032x}", DEAD, reason="ValueError: no address", origin="shop.mail.do")
        for n in (8, 9)
    ]
    home.control.broker.publish(letters)
    return home


def waiting(home: Home, queue: str = QUEUE) -> list[str]:
    return [message.id[-1] for message in queues.peek(home.control, queue)]


def test_messages_are_read_and_stay(waits: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("4")
        await screen.until_says("shop.parse.do")
        await screen.press("/", *"^shop.parse.do", "enter", "m")
        await screen.until_says("3 messages")
        assert "plain words" in screen.text
        await screen.press("enter")
        await screen.until_says('"order": 17,')
        await screen.press("escape", "j", "j", "d")
        await screen.until_says("00 01 02 03")
        assert "Body, 20 B of application/octet-stream" in screen.text

    waits.play(play, size=(140, 30))
    assert waiting(waits) == ["0", "1", "2"]


def test_one_is_deleted_and_brought_back_and_one_is_moved(waits: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("peek q/shop.parse.do")
        await screen.until_says("3 messages")
        await screen.press("j", "D")
        await screen.until_says("flowctl queue rm shop.parse.do")
        await screen.press("y")
        await screen.until_says("2 messages")
        assert waiting(waits) == ["0", "2"]
        await screen.press("z")
        await screen.until_says("undone: remove")
        await screen.press("g", "M")
        await screen.type("shop/store.do")
        await screen.press("enter")
        await screen.until_says("flowctl queue move shop.parse.do shop/store.do")
        await screen.press("y")
        await screen.until_says("moved to shop.store.do")

    waits.play(play, size=(140, 30))
    assert sorted(waiting(waits) + waiting(waits, "shop.store.do")) == ["0", "1", "2"]
    assert len(waiting(waits, "shop.store.do")) == 1


def test_dead_letters_are_marked_and_sent_back(waits: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run(f"peek q/{DEAD}")
        await screen.until_says("2 messages")
        assert "ValueError: no address" in screen.text
        await screen.press("asterisk", "Q")
        await screen.until_says("2 message")
        await screen.press("y")
        await screen.until_says("nothing waits here")

    waits.play(play, size=(140, 30))
    assert waiting(waits, "shop.mail.do") == ["8", "9"]


def test_what_is_gone_says_so_and_a_run_that_is_unknown_too(waits: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("peek q/shop.parse.do")
        await screen.until_says("3 messages")
        queues.purge(waits.control, QUEUE)
        await screen.press("enter")
        await screen.until_says('message "00000000')
        await screen.press("escape", "r")
        await screen.until_says("nothing waits here")
        screen.deck.runner.run(f"peek q/{DEAD}")
        await screen.until_says("2 messages")
        await screen.press("t")
        await screen.until_says("run run trace")
        await screen.until_says('call "run"')

    waits.play(play, size=(140, 30))
