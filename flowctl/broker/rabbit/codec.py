"""The two sequences of frames that every call needs, written and read without detours (pure).

pika makes objects of every frame, looks for listeners of each, and sends each by a system call of its
own. Here a publish becomes one piece of bytes, and a delivery is read from where it lies. The bytes are
those of pika's own encoder; whatever is out of the ordinary is left to pika.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

END = b"\xce"
SMALL = 128 * 1024
"""Bytes of a body up to which a delivery that is not whole yet is waited for."""

_FRAME = struct.Struct(">BHL")
_METHOD = struct.Struct(">BHLL")
_PUBLISH = struct.Struct(">BHLLH")
_HEADER = struct.Struct(">BHLHHQ")
_CONTENT = struct.Struct(">BHLHHQH")
_NUMBER = struct.Struct(">QB")
_LONG = struct.Struct(">Q")
_SIZE = struct.Struct(">L")
_INT = struct.Struct(">i")
_BIG = struct.Struct(">q")
_FLAGS = struct.Struct(">H")
_BASIC = 60
_PUBLISH_METHOD = 0x003C0028
_DELIVER_METHOD = 0x003C003C
_CONTENT_TYPE, _HEADERS, _MODE, _CORRELATION = 1 << 15, 1 << 13, 1 << 12, 1 << 10
_REPLY_TO, _MESSAGE_ID, _TIMESTAMP = 1 << 9, 1 << 7, 1 << 6
_UNKNOWN = 0b11
"""A flag without a meaning, and the one that says that more flags follow."""
_Read = Callable[[bytes, int], tuple[Any, int]]
_SHORTS = [bytes([size]) for size in range(256)]


class Delivered(NamedTuple):
    """A message as it came, with its properties as a table."""

    channel: int
    consumer: str
    number: int
    redelivered: bool
    properties: dict[str, Any]
    body: bytes


def encode_properties(properties: Mapping[str, Any], mode: int) -> bytes:
    """Return flags and values of a content header.

    Raises:
        TypeError: a header has a value that only pika can write.
    """
    flags = _MODE
    content_type = correlation = reply_to = message_id = stamp = table = b""
    if (text := properties.get("content_type")) is not None:
        flags |= _CONTENT_TYPE
        content_type = _short(text)
    if (headers := properties.get("headers")) is not None:
        flags |= _HEADERS
        table = _table(headers)
    if (text := properties.get("correlation_id")) is not None:
        flags |= _CORRELATION
        correlation = _short(text)
    if (text := properties.get("reply_to")) is not None:
        flags |= _REPLY_TO
        reply_to = _short(text)
    if (text := properties.get("message_id")) is not None:
        flags |= _MESSAGE_ID
        message_id = _short(text)
    if (seconds := properties.get("timestamp")) is not None:
        flags |= _TIMESTAMP
        stamp = _LONG.pack(seconds)
    head = _FLAGS.pack(flags) + content_type + table + _SHORTS[mode]
    return head + correlation + reply_to + message_id + stamp


def encode_publish(
    channel: int,
    route: bytes,
    properties: bytes,
    body: bytes,
    most: int,
) -> bytes:
    """Return the frames of a publish; `most` is how many bytes of the body one frame takes."""
    size = len(body)
    head = _HEADER.pack(2, channel, len(properties) + 12, _BASIC, 0, size)
    pieces = [route, head, properties, END]
    for start in range(0, size, most):
        part = body[start : start + most]
        pieces += (_FRAME.pack(3, channel, len(part)), part, END)
    return b"".join(pieces)


def encode_route(channel: int, exchange: str, queue: str, *, mandatory: bool) -> bytes:
    """Return the first frame of a publish: where it goes."""
    place = _short(exchange) + _short(queue)
    head = _PUBLISH.pack(1, channel, len(place) + 7, _PUBLISH_METHOD, 0)
    return head + place + _SHORTS[mandatory] + END


def _short(text: str) -> bytes:
    data = text.encode()
    return _SHORTS[len(data)] + data


def _table(headers: Mapping[str, Any]) -> bytes:
    body = b"".join([_short(name) + _value(value) for name, value in headers.items()])
    size: bytes = _SIZE.pack(len(body))
    return size + body


def _value(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        data: bytes = value.encode()
        return b"S" + _SIZE.pack(len(data)) + data
    if kind is bool:
        return b"t\1" if value else b"t\0"
    if kind is int:
        small: bool = -(2**31) <= value < 2**31
        packed: bytes = _INT.pack(value) if small else _BIG.pack(value)
        return (b"I" if small else b"l") + packed
    raise TypeError(f"a header of type {kind.__name__}")


class Whole(NamedTuple):
    """What was found at a place of the incoming bytes."""

    delivered: Delivered
    end: int


class _Partial(Exception):
    """The rest of it is still to come."""


class _Odd(Exception):
    """Pika shall look at it."""


def decode_delivery(data: bytes, at: int) -> Whole | bool:
    """Return the delivery at this place; True: it has not come whole; False: leave this to pika."""
    try:
        return _decode(data, at)
    except _Partial:
        return True
    except (_Odd, struct.error, IndexError, KeyError):
        return False


def _decode(data: bytes, at: int) -> Whole:
    kind, channel, size, method = _METHOD.unpack_from(data, at)
    if kind != 1 or method != _DELIVER_METHOD:
        raise _Odd
    header = at + size + 8
    if len(data) < header + _CONTENT.size:
        raise _Partial
    kind, same, length, class_, _, body_size, flags = _CONTENT.unpack_from(data, header)
    if (kind, same, class_) != (2, channel, _BASIC) or flags & _UNKNOWN:
        raise _Odd
    start = header + length + 8
    body, end = _read_body(data, start, channel, body_size)
    consumer, at = _read_short(data, at + _METHOD.size)
    number, redelivered = _NUMBER.unpack_from(data, at)
    properties: dict[str, Any] = {}
    at = header + _CONTENT.size
    for name, read in _plan(flags):
        properties[name], at = read(data, at)
    in_order = at == start - 1 and data[at] == data[header - 1] == data[end - 1] == END[0]
    if not in_order or not isinstance(consumer, str):
        raise _Odd
    found = Delivered(channel, consumer, number, bool(redelivered & 1), properties, body)
    return Whole(found, end)


def _read_body(data: bytes, at: int, channel: int, size: int) -> tuple[bytes, int]:
    """Return the body and where it ends."""
    parts: list[bytes] = []
    left = size
    while left > 0:
        if len(data) < at + _FRAME.size:
            raise _Partial if size <= SMALL else _Odd
        kind, same, length = _FRAME.unpack_from(data, at)
        if kind != 3 or same != channel or length > left:
            raise _Odd
        end = at + _FRAME.size + length
        if len(data) <= end:
            raise _Partial if size <= SMALL else _Odd
        parts.append(data[at + _FRAME.size : end])
        at, left = end + 1, left - length
    if len(data) < at:
        raise _Partial
    return (parts[0] if len(parts) == 1 else b"".join(parts)), at


@lru_cache(maxsize=256)
def _plan(flags: int) -> tuple[tuple[str, _Read], ...]:
    """Return how to read the properties that are there, in their order."""
    return tuple((name, read) for flag, name, read in _PROPERTIES if flags & flag)


def _read_short(data: bytes, at: int) -> tuple[str | bytes, int]:
    end = at + 1 + data[at]
    return _text(data[at + 1 : end]), end


def _read_octet(data: bytes, at: int) -> tuple[int, int]:
    return data[at], at + 1


def _read_stamp(data: bytes, at: int) -> tuple[int, int]:
    return _LONG.unpack_from(data, at)[0], at + 8


def _read_table(data: bytes, at: int) -> tuple[dict[str | bytes, Any], int]:
    (size,) = _SIZE.unpack_from(data, at)
    at += 4
    limit = at + size
    table: dict[str | bytes, Any] = {}
    while at < limit:
        name, at = _read_short(data, at)
        table[name], at = _READERS[data[at]](data, at + 1)
    return table, at


def _read_text(data: bytes, at: int) -> tuple[str | bytes, int]:
    (size,) = _SIZE.unpack_from(data, at)
    end = at + 4 + size
    return _text(data[at + 4 : end]), end


def _read_flag(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] != 0, at + 1


def _read_int(data: bytes, at: int) -> tuple[int, int]:
    return _INT.unpack_from(data, at)[0], at + 4


def _read_big(data: bytes, at: int) -> tuple[int, int]:
    return _BIG.unpack_from(data, at)[0], at + 8


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


_READERS = {
    ord("S"): _read_text,
    ord("t"): _read_flag,
    ord("I"): _read_int,
    ord("l"): _read_big,
    ord("L"): _read_big,
}
"""Other types are left to pika."""

_PROPERTIES: tuple[tuple[int, str, _Read], ...] = (
    (_CONTENT_TYPE, "content_type", _read_short),
    (1 << 14, "content_encoding", _read_short),
    (_HEADERS, "headers", _read_table),
    (_MODE, "delivery_mode", _read_octet),
    (1 << 11, "priority", _read_octet),
    (_CORRELATION, "correlation_id", _read_short),
    (_REPLY_TO, "reply_to", _read_short),
    (1 << 8, "expiration", _read_short),
    (_MESSAGE_ID, "message_id", _read_short),
    (_TIMESTAMP, "timestamp", _read_stamp),
    (1 << 5, "type", _read_short),
    (1 << 4, "user_id", _read_short),
    (1 << 3, "app_id", _read_short),
    (1 << 2, "cluster_id", _read_short),
)
