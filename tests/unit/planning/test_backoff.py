import pytest

from flowctl.planning.backoff import retry_delay


@pytest.mark.parametrize(
    ("attempt", "bound"), [(0, 1), (1, 1), (2, 2), (3, 4), (10, 300), (9999, 300)]
)
def test_the_bound_doubles_up_to_the_cap(attempt, bound):
    assert retry_delay(1.0, 300.0, attempt, 1.0) == bound


def test_luck_spreads_over_the_whole_range():
    assert retry_delay(1.0, 300.0, 4, 0.0) == 0
    assert retry_delay(1.0, 300.0, 4, 0.25) == 2
