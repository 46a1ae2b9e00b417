"""The short way onto the wire and off it is the long way of pika, byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties, frame
from pika.spec import Basic

from flowctl.broker.properties import to_properties
from flowctl.broker.rabbit.codec import (
    SMALL,
    Whole,
    decode_delivery,
    encode_properties,
    encode_publish,
    encode_route,
)
from flowctl.broker.rabbit.wire import as_table, header_of
from flowctl.model.traffic import Message
from tests.properties.test_message_properties import messages

short = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
number = st.integers(-(2**63), 2**63 - 1)
headers = st.dictionaries(short, st.one_of(short, number, st.booleans()), max_size=5)
ours = st.fixed_dictionaries(
    {"headers": headers},
    optional={
        **dict.fromkeys(("content_type", "correlation_id", "reply_to", "message_id"), short),
        "timestamp": st.integers(0, 2**64 - 1),
    },
)
odd_values = st.recursive(
    st.one_of(short, number, st.booleans(), st.none(), st.binary(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(short, inner, max_size=3)),
    max_leaves=6,
)
TEXTS = (
    "content_type", "content_encoding", "correlation_id", "reply_to", "expiration", "message_id",
    "type", "user_id", "app_id", "cluster_id",
)  # fmt: skip
anybodys = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.dictionaries(short, odd_values, max_size=4),
        **dict.fromkeys(TEXTS, short),
        "delivery_mode": st.integers(0, 255),
        "priority": st.integers(0, 255),
        "timestamp": st.integers(0, 2**64 - 1),
    },
)  # fmt: skip
channels = st.integers(1, 65535)


def of_pika(
    properties: BasicProperties, body: bytes, channel: int, most: int, method: Any
) -> bytes:
    frames = [frame.Method(channel, method), frame.Header(channel, len(body), properties)]
    parts = [body[at : at + most] for at in range(0, len(body), most)]
    return b"".join(each.marshal() for each in [*frames, *(frame.Body(channel, p) for p in parts)])


@given(ours, st.binary(max_size=50), channels, st.integers(1, 20), short, short, st.booleans())
def test_a_publish_is_what_pika_writes(
    table: dict[str, Any],
    body: bytes,
    channel: int,
    most: int,
    exchange: str,
    queue: str,
    mandatory: bool,
) -> None:
    properties = encode_properties(table, 2)
    route = encode_route(channel, exchange, queue, mandatory=mandatory)
    method = Basic.Publish(exchange=exchange, routing_key=queue, mandatory=mandatory)
    expected = of_pika(BasicProperties(delivery_mode=2, **table), body, channel, most, method)
    assert encode_publish(channel, route, properties, body, most) == expected


@given(messages)
def test_every_message_goes_out_as_pika_would_send_it(message: Message) -> None:
    table = to_properties(message)
    assert header_of(table) == b"".join(BasicProperties(delivery_mode=2, **table).encode())


def test_what_the_short_way_cannot_write_takes_the_long_one() -> None:
    table = {"headers": {"list": [1]}}
    with pytest.raises(TypeError, match="list"):
        encode_properties(table, 2)
    assert header_of(table) == b"".join(BasicProperties(delivery_mode=2, **table).encode())


def delivery(
    table: dict[str, Any], body: bytes, channel: int, most: int, *, redelivered: bool = False
) -> bytes:
    method = Basic.Deliver("w:q:1", 7, redelivered=redelivered, exchange="", routing_key="q")
    return of_pika(BasicProperties(**table), body, channel, most, method)


def read_by_pika(data: bytes) -> dict[str, Any]:
    length, _ = frame.decode_frame(data)
    _, found = frame.decode_frame(data[length:])
    assert isinstance(found, frame.Header)
    return as_table(found.properties)


@given(anybodys, st.binary(max_size=50), channels, st.integers(1, 20), st.booleans(), st.binary())
def test_a_delivery_is_read_as_pika_reads_it_or_left_to_it(
    table: dict[str, Any], body: bytes, channel: int, most: int, again: bool, before: bytes
) -> None:
    data = delivery(table, body, channel, most, redelivered=again)
    found = decode_delivery(before + data + b"\x01\x00", len(before))
    plain = all(type(value) in (str, int, bool) for value in table.get("headers", {}).values())
    assert isinstance(found, Whole) or not plain
    if isinstance(found, Whole):
        assert found.end == len(before) + len(data)
        one = found.delivered
        assert (one.channel, one.consumer, one.number) == (channel, "w:q:1", 7)
        assert (one.redelivered, one.body) == (again, body)
        expected = read_by_pika(data)
        assert {name: one.properties.get(name) for name in expected} == {
            **expected, "headers": expected["headers"] if "headers" in one.properties else None,
        }  # fmt: skip


@given(ours, st.binary(max_size=30), st.data())
def test_the_beginning_of_a_delivery_is_waited_for(
    table: dict[str, Any], body: bytes, data: st.DataObject
) -> None:
    whole = delivery(table, body, 1, 10)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found = decode_delivery(whole[:cut], 0)
    assert isinstance(found, bool)
    # Pika keeps a frame that is not whole; behind a whole first one the rest must be waited for.
    length, _ = frame.decode_frame(whole)
    assert found or cut < length + 21


@given(ours, st.binary(min_size=1, max_size=30), st.data())
def test_no_bytes_end_in_an_error(table: dict[str, Any], body: bytes, data: st.DataObject) -> None:
    broken = bytearray(delivery(table, body, 1, 10))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode_delivery(bytes(broken), 0), bool | Whole)


def test_a_large_body_is_put_together_by_pika() -> None:
    whole = delivery({}, b"x" * (SMALL + 1), 1, 100_000)
    assert decode_delivery(whole[:-1], 0) is False
    assert isinstance(decode_delivery(whole, 0), Whole)
    assert decode_delivery(b"", 0) is False
    assert decode_delivery(frame.Heartbeat().marshal(), 0) is False
