"""Which running calls are shown, and which are held by a lease."""

from agentd.worker.ledger import CLAIMED_AFTER, SHOWN_AFTER, Ledger
from flowctl.clock import SystemClock
from flowctl.model.states import CallStatus
from tests.flows import item, route


def test_short_calls_are_recorded_only_at_their_end() -> None:
    made = item(route())
    made.started = 100.0
    assert Ledger("w", SystemClock()).due([made], 100.0 + SHOWN_AFTER) == ([], [])


def test_a_call_of_seconds_is_shown_once() -> None:
    ledger, made = Ledger("w", SystemClock()), item(route())
    made.started = 100.0
    begun, claims = ledger.due([made], 101.5)
    assert ([c.status for c in begun], claims) == ([CallStatus.RUNNING], [])
    assert ledger.due([made], 102.0) == ([], [])


def test_a_long_call_is_claimed_once_with_its_message_and_queue() -> None:
    ledger, made = Ledger("w", SystemClock()), item(route())
    made.started = 100.0
    _, claims = ledger.due([made], 101.0 + CLAIMED_AFTER)
    ((claimed, claim),) = claims
    assert claimed is made
    assert (claim.call_id, claim.queue, claim.worker) == ("c1", "shop.parse.rows", "w")
    assert ledger.due([made], 102.0 + CLAIMED_AFTER) == ([], [])
