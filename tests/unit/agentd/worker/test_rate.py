"""How many calls may start."""

import pytest

from agentd.worker.rate import Bucket
from flowctl.model.flow import Rate, RateScope


def started(bucket: Bucket, until: float, step: float = 0.01) -> int:
    """Return how many calls start until then, when there is always one waiting."""
    count, now = 0, 0.0
    while now < until:
        while bucket.wait(now) == 0.0:
            bucket.take()
            count += 1
        now += step
    return count


def test_no_rate_never_waits() -> None:
    assert Bucket(None).wait(0.0) == 0.0


@pytest.mark.parametrize(
    ("scope", "workers", "expected"),
    [(RateScope.WORKER, 4, 100), (RateScope.PROCESSOR, 4, 25), (RateScope.PROCESSOR, 1, 100)],
)
def test_the_rate_is_shared_as_its_scope_says(
    scope: RateScope, workers: int, expected: int
) -> None:
    count = started(Bucket(Rate(calls=600, per=60, scope=scope), workers), until=10)
    assert count == pytest.approx(expected, abs=3)


def test_it_says_how_long_to_wait() -> None:
    bucket = Bucket(Rate(calls=1, per=2))
    assert bucket.wait(0.0) == 0.0
    bucket.take()
    assert bucket.wait(0.5) == pytest.approx(1.5)
