from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.broker.base import QueueSpec
from flowctl.broker.rabbit import terms


def test_every_queue_is_a_quorum_queue() -> None:
    assert terms.queue_arguments(QueueSpec(name="q")) == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
    }


def test_a_full_queue_refuses_and_never_drops() -> None:
    arguments = terms.queue_arguments(QueueSpec(name="q", max_length=5))
    assert arguments["x-max-length"] == 5
    assert arguments["x-overflow"] == "reject-publish"


def test_what_expires_moves_to_the_dead_letters_at_least_once() -> None:
    arguments = terms.queue_arguments(QueueSpec(name="q", ttl=1.5, dead_letter="q.dead"))
    assert arguments["x-message-ttl"] == 1500
    assert arguments["x-dead-letter-exchange"] == ""
    assert arguments["x-dead-letter-routing-key"] == "q.dead"
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-overflow"] == "reject-publish"


@given(st.floats(min_value=0, max_value=4_000_000))
def test_a_level_waits_long_enough_and_not_much_longer(seconds: float) -> None:
    level = terms.delay_level(seconds)
    assert level >= seconds * 1000
    assert level <= max(112, (seconds * 1000 + 1) * 1.25)


def test_levels_are_few() -> None:
    levels = {terms.delay_level(tenth / 10) for tenth in range(1, 36_000)}
    assert len(levels) < 70


def test_pauses_grow_and_stay_short_in_the_first_minute() -> None:
    early = [terms.reconnect_ceiling(n, outage=1) for n in range(20)]
    assert early == sorted(early)
    assert early[0] == pytest.approx(0.1)
    assert early[-1] == 3.0
    assert terms.reconnect_ceiling(20, outage=61) == 10.0


def test_a_mismatch_says_what_differs_and_the_way_out() -> None:
    error = terms.mismatch(
        "q",
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': "
        "received the value 'quorum' of type 'longstr' but current is none",
    )
    assert 'x-queue-type is none, wanted "quorum"' in error.message
    assert "flowctl queue move q" in error.remedy


def test_a_mismatch_in_unknown_words_is_told_as_it_is() -> None:
    assert "something new" in terms.mismatch("q", "something new").message


def test_headers_lose_the_number_type_of_the_client() -> None:
    class Long(int):
        pass

    plain = terms.plain_numbers({"a": Long(3), "b": True, "c": "x"})
    assert plain == {"a": 3, "b": True, "c": "x"}
    assert [type(value) for value in plain.values()] == [int, bool, str]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ""),
        ({"x-first-death-queue": "q", "x-first-death-reason": "expired"}, "q"),
        ({"x-first-death-queue": "flowctl.delay.112", "x-first-death-reason": "expired"}, ""),
        ({"x-first-death-queue": "q", "x-first-death-reason": "rejected"}, ""),
    ],
)
def test_only_a_queue_expires_a_message(headers: dict[str, str], expected: str) -> None:
    assert terms.expired_from(headers) == expected


def test_a_refused_password_says_where_to_look() -> None:
    error = terms.Loss("refused", denied=True).error("amqp://me:***@h/")
    assert error.message == "amqp://me:***@h/: refused"
    assert "password" in error.remedy
