from datetime import timedelta

import pytest

from flowctl.model.fleet import Lease
from schedulerd.lease import Held, Move, Seen, decide, is_worth_a_try, watch
from tests.fleets import START

HELD = Held(term=4, renewed_at=100.0, until=109.0)
LEASE = Lease(holder="other", term=3, expires_at=START + timedelta(seconds=10))


@pytest.mark.parametrize(
    ("held", "now", "move"),
    [
        (None, 0, Move.ASK),
        (HELD, 100, Move.REST),
        (HELD, 102.9, Move.REST),
        (HELD, 103, Move.RENEW),
        (HELD, 108.9, Move.RENEW),
        (HELD, 109, Move.STEP_DOWN),
        (HELD, 999, Move.STEP_DOWN),
    ],
)
def test_what_is_next(held, now, move):
    assert decide(held, now, 3.0) is move


def test_a_lease_is_watched_from_its_last_change_on():
    first = watch(None, LEASE, 5.0)
    assert watch(first, LEASE, 9.0) == Seen(lease=LEASE, since=5.0)
    renewed = Lease(holder="other", term=3, expires_at=START + timedelta(seconds=13))
    assert watch(first, renewed, 9.0) == Seen(lease=renewed, since=9.0)
    assert watch(first, None, 9.0) is None


@pytest.mark.parametrize(
    ("seen", "now", "wall", "worth"),
    [
        (None, 0, START, True),
        (Seen(lease=LEASE, since=5), 6, START, False),
        (Seen(lease=LEASE, since=5), 6, START + timedelta(seconds=10), True),
        (Seen(lease=LEASE, since=5), 11, START - timedelta(hours=1), True),
    ],
)
def test_asking_for_the_lease_is_worth_it_when_it_may_be_free(seen, now, wall, worth):
    assert is_worth_a_try(seen, now, wall, 3.0) is worth
