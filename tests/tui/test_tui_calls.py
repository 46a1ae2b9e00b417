"""Calls on the screen: listed, read as a page, seen as a waterfall, and run once more."""

from datetime import timedelta

import pytest

from flowctl.model.inputs import keep
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure
from flowctl.services import queues, repeats
from tests import stores
from tests.screen import Home, Screen

RUN = f"{7:032x}"
FIRST, SECOND, THIRD = (f"{n:032x}" for n in (0xA1, 0xB2, 0xC3))


@pytest.fixture
def ran(home: Home) -> Home:
    """A run of three calls: parsed, stored after a wait, and a mail that failed."""
    now = home.clock.now()

    def at(seconds: float):  # type: ignore[no-untyped-def]
        return now - timedelta(seconds=10) + timedelta(seconds=seconds)

    def call(id_: str, socket: str, begin: float, start: float, end: float, **more):  # type: ignore[no-untyped-def]
        return stores.finished(
            id_, network="shop", run_id=RUN, socket=socket, duration=end - start,
            sent_at=at(begin), received_at=at(begin), started_at=at(start), finished_at=at(end),
            **more,
        )  # fmt: skip

    failure = Failure(type="ValueError", message="no address", traceback="Traceback:\n  in send\n")
    batch = [
        call(FIRST, "parse.do", 0, 1, 3, output="17 rows\n"),
        call(SECOND, "store.do", 3, 6, 7, parent=FIRST, plug="parse.do-store.do"),
        call(THIRD, "mail.do", 3, 4, 8, parent=FIRST, status=CallStatus.FAILED, failure=failure),
    ]
    batch[0].given = keep("application/json", b'{"order": 17}')
    batch[2].given = keep("application/json", b'{"to": ""}')
    home.control.store.traffic.commit(batch)
    flows = home.control.store.flows
    queues.declare(home.control, queues.specs_of(flows.sockets(), flows.plugs()))
    return home


def test_calls_are_listed_filtered_and_opened(ran: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("9")
        await screen.until_says("3 calls")
        await screen.press("/", *"status=failed", "enter")
        await screen.until_says("ValueError: no address")
        await screen.until_gone("store.do")
        assert screen.deck.view.command() == "flowctl ls calls --status failed"
        await screen.press("escape", "/", *"processor=parse", "enter")
        await screen.until_gone("mail.do")
        await screen.until_says("parse.do")
        await screen.press("enter")
        await screen.until_says('"order": 17')
        assert "17 rows" in screen.text
        assert "until an executor was free" in screen.text
        await screen.until_says("Sent on")

    ran.play(play, size=(100, 50))


def test_a_failure_is_read_with_its_traceback_and_tried_again(ran: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("calls")
        await screen.until_says("3 calls")
        await screen.press("F")
        await screen.until_gone("parse.do")
        await screen.press("enter")
        await screen.until_says("in send")
        await screen.press("Q")
        await screen.until_says("is tried again, in its run")
        await screen.press("R")
        await screen.until_says("runs again as")

    ran.play(play, size=(100, 50))
    waiting = queues.peek(ran.control, "shop.mail.do")
    assert [message.body for message in waiting] == [b'{"to": ""}', b'{"to": ""}']


def test_the_input_is_changed_before_it_runs_again(ran: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("calls")
        await screen.until_says("3 calls")
        await screen.press("F", "e")
        await screen.until_says('run again with: {"to": ""}')
        await screen.press("enter")
        await screen.until_says("the input is as it was")
        await screen.press("e")
        await screen.until_says("run again with: ")
        await screen.press("left", "left", *"me", "enter")
        await screen.until_says("runs again with another input")

    ran.play(play)
    assert [each.body for each in queues.peek(ran.control, "shop.mail.do")] == [b'{"to": "me"}']


def test_a_failure_is_forgotten_after_a_question(ran: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("calls")
        await screen.until_says("3 calls")
        await screen.press("F", "D")
        await screen.until_says("for good")
        await screen.press("y")
        await screen.until_says("forgotten")

    ran.play(play)
    assert not repeats.failures(ran.control, repeats.Choice())


def test_a_run_is_a_waterfall_and_follows_what_runs(ran: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("runs")
        await screen.until_says("1 run")
        await screen.press("enter")
        await screen.until_says("3 calls  1 failed")
        rows = {line.split()[0]: line for line in screen.lines() if ".do" in line}
        assert set(rows) == {"parse.do", "├", "└"}
        bars = {line.split("do ")[1].split()[0]: line for line in screen.lines() if ".do" in line}
        assert "✗" in bars["failed"]
        assert screen.text.index("█") < screen.text.index("✗")
        await screen.press("j", "enter")
        await screen.until_says("Times")
        await screen.press("t")
        await screen.until_says("─ waits")
        now = ran.clock.now()
        ran.control.store.traffic.commit(
            [stores.finished(
                f"{0xD4:032x}", network="shop", run_id=RUN, socket="mail.do", parent=SECOND,
                status=CallStatus.RUNNING, sent_at=now, received_at=now, started_at=now,
                finished_at=None, duration=None,
            )]
        )  # fmt: skip
        await screen.look_again()
        await screen.until_says("4 calls")
        assert "▶" in screen.text

    ran.play(play)
