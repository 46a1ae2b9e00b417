from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.broker.properties import PREFIX, from_properties, salvage, to_properties
from flowctl.errors import Malformed
from flowctl.model.traffic import Gather, Message

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
number = st.integers(0, 2**31 - 1)
foreign = name.filter(lambda key: not key.startswith("x-") and key != "traceparent")
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
messages = st.builds(
    Message,
    id=name,
    run_id=name,
    body=st.binary(max_size=50),
    content_type=name,
    parent=text,
    plug=text,
    argument=text,
    attempt=st.integers(1, 2**31 - 1),
    hops=number,
    gathers=st.lists(st.builds(Gather, text, text, number, number), max_size=3).map(tuple),
    reply_to=text,
    again=st.booleans(),
    traceparent=text,
    sent_at=st.none() | moments,
    reason=text,
    origin=text,
    extra=st.dictionaries(foreign, text, max_size=3),
)
wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ours = st.sampled_from(
    [PREFIX + key for key in ("parent", "attempt", "hops", "gathers", "again", "sent-us")]
)
fields = st.sampled_from(
    ["message_id", "correlation_id", "content_type", "reply_to", "timestamp", "headers"]
)


@given(messages)
def test_what_is_written_is_read(message: Message) -> None:
    properties = to_properties(message)
    assert from_properties(properties, message.body) == message
    # And through JSON, as the embedded broker keeps it.
    stored = msgspec.json.decode(msgspec.json.encode(properties))
    assert from_properties(stored, message.body) == message


@given(st.dictionaries(fields, wild | st.dictionaries(ours | st.text(), wild)), st.binary())
def test_anything_is_read_or_malformed_and_can_be_shown(
    properties: dict[str, object], body: bytes
) -> None:
    shown = salvage(properties, body)
    assert shown.body == body
    assert shown.id
    with suppress(Malformed):
        assert from_properties(properties, body).attempt >= 1


@pytest.mark.parametrize("name", ["message_id", "correlation_id"])
def test_empty_ids_are_made(name: str) -> None:
    assert from_properties({name: ""}, b"").id
