"""What failed, summed: into the calls, back into the queues, forgotten."""

import pytest

from flowctl.model.inputs import keep
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure
from flowctl.services import queues, repeats
from tests import stores
from tests.screen import Home, Screen


@pytest.fixture
def failed(home: Home) -> Home:
    """Five calls that failed in two ways, and a dead letter that no record explains."""
    flows = home.control.store.flows
    queues.declare(home.control, queues.specs_of(flows.sockets(), flows.plugs()))
    batch = []
    for number in range(5):
        kind = "KeyError" if number < 3 else "ValueError"
        failure = Failure(type=kind, message=f"bad row {number}", traceback="in parse")
        made = stores.finished(
            f"{number:032x}", socket="parse.do", status=CallStatus.FAILED, failure=failure,
            run_id=f"{number:032x}",
        )  # fmt: skip
        made.given = keep("application/json", b"[%d]" % number)
        batch.append(made)
    home.control.store.traffic.commit(batch)
    home.control.broker.publish([stores.outgoing(f"{77:032x}", "shop.mail.do.dead")])
    return home


def test_failures_are_summed_and_opened(failed: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("errors")
        await screen.until_says("3 failures")
        row = next(line for line in screen.lines() if "KeyError" in line)
        assert row.split()[:3] == ["parse.do", "KeyError", "3"]
        await screen.press("/", *"KeyError", "enter", "enter")
        await screen.until_says("3 calls")
        await screen.press("escape")
        await screen.until_says("failures")
        await screen.press("escape", "/", *"mail", "enter", "enter")
        await screen.until_says("1 message")
        assert "shop.mail.do.dead" in screen.text

    failed.play(play, size=(120, 30))


def test_all_of_a_kind_are_tried_again(failed: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("errors")
        await screen.until_says("3 failures")
        await screen.press("/", *"KeyError", "enter", "Q")
        await screen.until_says("flowctl -n shop errors retry --socket parse.do --type KeyError")
        await screen.press("y")
        await screen.until_says("3 calls tried again")
        await screen.press("escape", "/", *"mail", "enter", "Q", "y")
        await screen.until_says("1 call tried again")

    failed.play(play, size=(120, 30))
    bodies = {each.body for each in queues.peek(failed.control, "shop.parse.do")}
    assert bodies == {b"[0]", b"[1]", b"[2]"}
    assert len(queues.peek(failed.control, "shop.mail.do")) == 1


def test_to_forget_them_the_name_is_typed(failed: Home) -> None:
    async def play(screen: Screen) -> None:
        screen.deck.runner.run("errors")
        await screen.until_says("3 failures")
        await screen.press("/", *"ValueError", "enter", "D")
        await screen.until_says("type parse.do ValueError to confirm")
        await screen.type("parse.do ValueError")
        await screen.press("enter")
        await screen.until_says("2 failures forgotten")

    failed.play(play, size=(120, 30))
    assert len(repeats.failures(failed.control, repeats.Choice())) == 3
