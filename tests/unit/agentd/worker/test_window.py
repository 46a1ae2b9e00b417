"""How much work a worker holds."""

from hypothesis import given
from hypothesis import strategies as st

from agentd.worker.window import MOST_AHEAD, MOST_HELD, Pace, ahead, window


def test_nothing_is_held_without_executors() -> None:
    assert window(Pace(), 0) == 0


def test_before_anything_is_measured_one_more_than_executors() -> None:
    assert window(Pace(), 4) == 5
    assert ahead(Pace()) == 1


def test_one_long_call_narrows_the_window_at_once() -> None:
    pace = Pace()
    for _ in range(100):
        pace.observe(0.0001)
    assert window(pace, 2) == MOST_HELD
    pace.observe(0.2)
    assert window(pace, 2) == 3


def test_a_call_that_does_not_end_keeps_nothing_waiting_behind_it() -> None:
    assert window(Pace(mean=0.001, seen=50), 2, stuck=True) == 2


@given(st.lists(st.floats(1, 100), min_size=8), st.integers(1, 64))
def test_long_calls_are_never_hoarded(durations: list[float], executors: int) -> None:
    pace = Pace()
    for duration in durations:
        pace.observe(duration)
    assert window(pace, executors) == executors
    assert ahead(pace) == 1


@given(st.lists(st.floats(0, 100)), st.integers(1, 64))
def test_the_window_stays_within_its_bounds(durations: list[float], executors: int) -> None:
    pace = Pace()
    for duration in durations:
        pace.observe(duration)
    assert executors <= window(pace, executors) <= MOST_HELD
    assert 1 <= ahead(pace) <= MOST_AHEAD
