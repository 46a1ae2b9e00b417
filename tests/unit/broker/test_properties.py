from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowctl.broker.properties import MAX_BODY, MAX_HEADERS, from_properties, salvage, to_properties
from flowctl.errors import Malformed, TooLarge
from flowctl.model.ids import CallId, RunId
from flowctl.model.traffic import Gather, Message


def message(**fields: object) -> Message:
    return Message(**({"id": CallId("c"), "run_id": RunId("r"), "body": b"1"} | fields))  # type: ignore[arg-type]


def test_a_plain_message_has_no_headers() -> None:
    assert to_properties(message()) == {
        "message_id": "c",
        "correlation_id": "r",
        "content_type": "application/json",
        "headers": {},
    }


def test_headers_of_ours_have_our_prefix() -> None:
    sent = message(
        parent="p",
        plug="a-b",
        argument="left",
        attempt=2,
        hops=3,
        gathers=(Gather("s", "c", 0, 1),),
        again=True,
        reason="timeout",
        origin="q",
        traceparent="00-1-2-3",
        extra={"mine": "x"},
    )
    assert to_properties(sent)["headers"] == {
        "mine": "x",
        "x-fc-parent": "p",
        "x-fc-plug": "a-b",
        "x-fc-argument": "left",
        "x-fc-attempt": 2,
        "x-fc-hops": 3,
        "x-fc-gathers": '[["s","c",0,1]]',
        "x-fc-again": True,
        "x-fc-reason": "timeout",
        "x-fc-origin": "q",
        "traceparent": "00-1-2-3",
    }


def test_missing_ids_are_made() -> None:
    found = from_properties({}, b"1")
    assert len(found.id) == 32
    assert found.run_id == found.id
    assert found.attempt == 1
    assert from_properties({}, b"1").id != found.id


def test_a_foreign_id_begins_a_run() -> None:
    found = from_properties({"message_id": "mine", "headers": None}, b"1")
    assert (found.id, found.run_id) == ("mine", "mine")


def test_foreign_text_headers_are_kept_and_others_are_not() -> None:
    headers = {
        "team": "a",
        "number": 1,
        "x-death": [{}],
        "x-first-death-reason": "expired",
        "x-delivery-count": 3,
        "bytes": b"\xff",
    }
    assert from_properties({"headers": headers}, b"").extra == {"team": "a"}


def test_extra_headers_cannot_pretend_to_be_ours() -> None:
    sent = message(extra={"x-fc-plug": "forged", "traceparent": "forged", "fine": "1"})
    assert to_properties(sent)["headers"] == {"fine": "1"}


def test_times_are_exact_among_us_and_whole_seconds_from_others() -> None:
    at = datetime(2026, 7, 30, 1, 2, 3, 456789, UTC)
    properties = to_properties(message(sent_at=at))
    assert from_properties(properties, b"1").sent_at == at
    assert properties["timestamp"] == int(at.timestamp())
    other = properties["headers"] | {"x-fc-sent-us": 5}
    foreign = from_properties(properties | {"headers": other}, b"1").sent_at
    assert foreign == at.replace(microsecond=0)


@pytest.mark.parametrize(
    "properties",
    [
        {"headers": "text"},
        {"headers": [1]},
        {"message_id": 5},
        {"message_id": b"\xff"},
        {"correlation_id": ["x"]},
        {"timestamp": "now"},
        {"timestamp": 10**18},
        {"timestamp": True},
        {"headers": {"x-fc-attempt": 0}},
        {"headers": {"x-fc-attempt": "2"}},
        {"headers": {"x-fc-attempt": 2**31}},
        {"headers": {"x-fc-hops": -1}},
        {"headers": {"x-fc-hops": True}},
        {"headers": {"x-fc-again": "yes"}},
        {"headers": {"x-fc-plug": 7}},
        {"headers": {"x-fc-gathers": "{"}},
        {"headers": {"x-fc-gathers": '[["s"]]'}},
        {"headers": {"x-fc-gathers": "[" * 100_000}},
        {"headers": {"x-fc-gathers": "[" * 60_000}},
        {"headers": {"traceparent": {}}},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_is_malformed_and_can_still_be_shown(properties: dict[str, object]) -> None:
    with pytest.raises(Malformed) as failure:
        from_properties(properties, b"body")
    shown = salvage(properties, b"body")
    assert shown.body == b"body"
    assert shown.reason == failure.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "x" * 256},
        {"run_id": "ä" * 128},
        {"reply_to": "x" * 256},
        {"content_type": "x" * 256},
        {"extra": {"n" * 256: "v"}},
        {"id": "\ud800"},
        {"extra": {"name": "\ud800"}},
        {"attempt": 2**31},
        {"hops": -1},
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_amqp_cannot_carry_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        to_properties(message(**fields))


def test_limits_are_told_apart_from_nonsense() -> None:
    to_properties(message(body=b"x" * MAX_BODY))
    with pytest.raises(TooLarge, match="16,777,217"):
        to_properties(message(body=b"x" * (MAX_BODY + 1)))
    with pytest.raises(TooLarge, match="headers"):
        to_properties(message(extra={"big": "x" * MAX_HEADERS}))
