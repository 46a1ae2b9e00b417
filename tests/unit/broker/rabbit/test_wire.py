from __future__ import annotations

import struct

import pytest
from pika import BasicProperties, frame
from pika.exceptions import InvalidFrameError

from flowctl.broker.properties import from_properties
from flowctl.broker.rabbit.wire import UNREADABLE, without_properties
from flowctl.errors import Malformed


def header_frame(table: bytes) -> bytes:
    flags = struct.pack(">H", BasicProperties.FLAG_HEADERS)
    payload = struct.pack(">HHQ", 60, 0, 77) + flags + struct.pack(">I", len(table)) + table
    return struct.pack(">BHL", 2, 5, len(payload)) + payload + b"\xce"


@pytest.mark.parametrize(
    "value",
    [b"T" + b"\xff" * 8, b"d" + b"\x7f\xf8" + b"\x00" * 6, b"?1"],
    ids=["a time beyond time", "not a number", "a type that nobody knows"],
)
def test_headers_that_cannot_be_decoded_make_a_malformed_message(value: bytes) -> None:
    data = header_frame(b"\x01h" + value)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever pika stumbles with
        frame.decode_frame(data)
    length, found = without_properties(data)
    assert length == len(data)
    assert (found.channel_number, found.body_size) == (5, 77)
    with pytest.raises(Malformed):
        from_properties({"headers": found.properties.headers}, b"")
    assert found.properties.headers == UNREADABLE


def test_other_frames_that_cannot_be_decoded_end_the_connection() -> None:
    with pytest.raises(InvalidFrameError):
        without_properties(struct.pack(">BHL", 1, 5, 4) + b"\x00" * 4 + b"\xce")
