"""Schedules: when next, when last; held, fired now, set otherwise, and all of that taken back."""

from datetime import timedelta

import pytest

from flowctl.services import queues, schedules
from tests import shopfloor
from tests.screen import Home, Screen


@pytest.fixture
def busy(home: Home) -> Home:
    """Two networks in the middle of their day."""
    shopfloor.fill(home.control)
    return home


async def at_schedules(screen: Screen, name: str = "tick") -> None:
    screen.deck.runner.run(f":schedules /{name}")
    await screen.until_says("1 of 2 schedules")


def row(home: Home, name: str) -> schedules.ScheduleRow:
    return next(each for each in schedules.listed(home.control) if each.name == name)


def test_what_comes_next_and_what_is_held(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run(":cron")
        await screen.until_says("2 schedules")
        tick = next(each for each in screen.lines() if "parse.tick" in each)
        assert "cron 30 2 * * * Europe/Berlin" in tick
        assert "2026-03-30 00:30:00" in tick
        assert "once" in tick
        assert '{"days": 1}' in tick
        held = next(each for each in screen.lines() if "enrich.two" in each)
        assert "paused" in held
        assert "every 15m" in held

    busy.play(play, size=(160, 24))


def test_a_schedule_is_held_and_let_go(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_schedules(screen)
        await screen.press("P")
        await screen.until_says("the schedule of parse.tick is paused")
        assert row(busy, "parse.tick").next is None
        await screen.look_again()
        await screen.press("P")
        await screen.until_says("the schedule of parse.tick goes on")
        assert row(busy, "parse.tick").next
        await screen.press("z")
        await screen.until_says("undone: ")
        assert row(busy, "parse.tick").schedule.paused

    busy.play(play, size=(120, 24))


def test_a_schedule_is_fired_now_only_after_a_yes(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_schedules(screen)
        await screen.press("R")
        await screen.until_says("$ flowctl schedule fire shop/parse.tick")
        await screen.press("y")
        await screen.until_says("shop/parse.tick is called")
        assert queues.waiting(busy.control, ["shop.parse.tick"]) == {"shop.parse.tick": 1}
        sent = queues.peek(busy.control, "shop.parse.tick", limit=1)
        assert sent[0].body == b'{"days": 1}'

    busy.play(play, size=(120, 24))


@pytest.mark.parametrize(
    ("text", "said", "command"),
    [
        ("every 90s", "every 1m30s", "--every 90s"), ("0 4 * * *", "cron 0 4 * * *", "'0 4 * * *'"),
        ("at 2030-01-31T06:00Z", "at 2030-01-31T06:00Z", "--at 2030-01-31T06:00Z"),
    ],
)  # fmt: skip
def test_other_times_are_set(busy: Home, text: str, said: str, command: str) -> None:
    async def play(screen: Screen) -> None:
        await at_schedules(screen)
        await screen.press("S")
        names = {" ": "space", "*": "asterisk", ":": "colon", "-": "minus"}
        await screen.press(*[names.get(char, char) for char in text], "enter")
        await screen.until_says("parse.tick is called by itself; next")
        assert screen.deck.said[-1].command == f"flowctl schedule set shop/parse.tick {command}"
        await screen.until_says(said)

    busy.play(play, size=(120, 24))


def test_what_is_no_time_is_said(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_schedules(screen)
        await screen.press("S")
        await screen.type("every never")
        await screen.press("enter")
        await screen.until_says('"never" is not a duration; write 30s, 5m or 1h30m')

    busy.play(play, size=(120, 24))


def test_a_schedule_is_taken_away(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_schedules(screen)
        await screen.press("D", "y")
        await screen.until_says("parse.tick is not called by itself any more")
        assert [each.name for each in schedules.listed(busy.control)] == ["enrich.two"]

    busy.play(play, size=(120, 24))


def test_nothing_is_made_up_for_what_was_held(busy: Home) -> None:
    schedules.pause(busy.control, "shop/parse.tick")
    busy.clock.pass_by(timedelta(days=3).total_seconds())
    schedules.pause(busy.control, "shop/parse.tick", paused=False)
    due = row(busy, "parse.tick").next
    assert due is not None
    assert due > busy.clock.now()
