from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowctl.broker.rabbit.window import Intake, Unconfirmed


def sent(count: int, *, limit: int = 100, size: int = 1) -> Unconfirmed[str]:
    window: Unconfirmed[str] = Unconfirmed(limit, 1000)
    for number in range(1, count + 1):
        window.sent(f"m{number}", size)
    return window


def test_confirms_settle_one_or_all_up_to_it() -> None:
    window = sent(5)
    assert window.settled(2, multiple=False) == ["m2"]
    assert window.settled(4, multiple=True) == ["m1", "m3", "m4"]
    assert window.settled(4, multiple=True) == []
    assert len(window) == 1


def test_the_window_is_bounded_by_count_and_by_bytes() -> None:
    assert not sent(3, limit=3).room(1)
    assert not sent(3, size=333).room(2)
    assert sent(3, size=333).room(1)


def test_a_message_larger_than_the_window_goes_alone() -> None:
    assert sent(0).room(10_000)
    assert not sent(1).room(10_000)


def test_what_was_lost_comes_in_order_and_numbers_begin_again() -> None:
    window = sent(3)
    window.settled(2, multiple=False)
    assert window.lost() == ["m1", "m3"]
    window.sent("new", 1)
    assert window.settled(1, multiple=False) == ["new"]


def arrived(window: int, count: int) -> Intake[int]:
    intake: Intake[int] = Intake(window)
    for number in range(1, count + 1):
        intake.arrived(number, "q", "c", number)
    return intake


def test_no_more_than_the_window_is_handed_on() -> None:
    intake = arrived(2, 4)
    assert intake.due() == [1, 2]
    assert intake.due() == []
    assert intake.settle([1]) == (1, [])
    assert intake.due() == [3]


def test_acks_collapse_where_they_are_contiguous() -> None:
    intake = arrived(10, 6)
    intake.due()
    assert intake.settle([1, 2, 4, 6]) == (2, [4, 6])
    assert intake.settle([3, 5]) == (5, [])


def test_settling_twice_or_what_never_came_is_left_out() -> None:
    intake = arrived(10, 2)
    assert intake.settle([1, 7]) == (1, [])
    assert intake.settle([1]) == (0, [])


def test_a_window_of_nothing_holds_what_comes() -> None:
    intake = arrived(0, 2)
    assert intake.due() == []
    assert intake.held() == [1, 2]
    assert intake.held() == []


def test_held_deliveries_of_one_queue_are_given_back_alone() -> None:
    intake: Intake[int] = Intake(0)
    intake.arrived(1, "a", "c", 1)
    intake.arrived(2, "b", "d", 2)
    assert intake.held({"a"}) == [1]
    intake.window = 1
    intake.settle([1])
    assert intake.due() == [2]


@given(st.lists(st.sets(st.integers(1, 40)), max_size=20))
def test_every_delivery_is_settled_exactly_once(groups: list[set[int]]) -> None:
    intake = arrived(40, 40)
    intake.due()
    open_numbers = set(range(1, 41))
    for group in groups:
        upto, alone = intake.settle(group)
        told = {number for number in open_numbers if number <= upto} | set(alone)
        assert told == group & open_numbers
        open_numbers -= told
    assert set(intake.unsettled) == open_numbers
    assert intake.per_queue["q"] == intake.per_consumer["c"] == len(open_numbers)
