"""How a `Message` looks on the wire: AMQP properties and headers, the same for both brokers.

Pure. Whatever a foreign client may have written is either read, or refused as `Malformed`; the
body is never looked into here. Header names of ours begin with `x-fc-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from flowctl.errors import Malformed, TooLarge
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.traffic import Gather, Message

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a body; RabbitMQ 4 refuses more by default."""
MAX_HEADERS = 64 * 1024
"""Bytes of all headers together; they must fit into one AMQP frame."""
MAX_SHORT = 255
"""Bytes of an AMQP short string: ids, reply_to, content type, header names."""
MAX_NUMBER = 2**31 - 1
"""Attempts and hops are 32-bit numbers on the wire."""

PREFIX = "x-fc-"
_PLACES = [
    (name, PREFIX + name)
    for name in ("parent", "plug", "argument", "canvas", "reason", "origin", "replays")
]
_BROKERS_OWN = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-", "x-acquired-")
_SHORT = ("message_id", "correlation_id", "reply_to", "content_type")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GATHERS = msgspec.json.Decoder(tuple[Gather, ...])


def to_properties(message: Message) -> dict[str, Any]:
    """Return the AMQP properties of a message; `headers` is one of them.

    Raises:
        Malformed: an id or a header cannot be written to the wire.
        TooLarge: the body or the headers are over their limit.
    """
    check_body(message.body)
    properties: dict[str, Any] = {
        "message_id": message.id,
        "correlation_id": message.run_id,
        "content_type": message.content_type,
        "headers": _headers(message),
    }
    if message.reply_to:
        properties["reply_to"] = message.reply_to
    if message.sent_at:
        properties["timestamp"] = _microseconds(message.sent_at) // 1_000_000
    _check_written(properties)
    return properties


def from_properties(properties: Mapping[str, Any], body: bytes) -> Message:
    """Return the message that was on the wire; ids that are missing are made.

    Raises:
        Malformed: a property or one of our headers has a type or value that cannot be.
    """
    headers = _read_headers(properties)
    call_id = _text(properties, "message_id") or new_id()
    return Message(
        id=CallId(call_id),
        run_id=RunId(_text(properties, "correlation_id") or call_id),
        body=body,
        content_type=_text(properties, "content_type") or "application/json",
        reply_to=_text(properties, "reply_to"),
        sent_at=_read_time(properties, headers),
        attempt=_number(headers, "attempt", least=1),
        hops=_number(headers, "hops", least=0),
        gathers=_read_gathers(headers),
        again=_read_again(headers),
        traceparent=_text(headers, "traceparent"),
        extra=_foreign(headers),
        **{name: _text(headers, header) for name, header in _PLACES},
    )


def salvage(properties: Mapping[str, Any], body: bytes) -> Message:
    """Return something to show for a message, also where it is malformed: then `reason` says so."""
    try:
        return from_properties(properties, body)
    except Malformed as error:
        found = properties.get("message_id")
        call_id = found if isinstance(found, str) and found else new_id()
        return Message(id=CallId(call_id), run_id=RunId(call_id), body=body, reason=str(error))


def check_body(body: bytes) -> None:
    """Refuse a body that the brokers would not take.

    Raises:
        TooLarge: it has more than `MAX_BODY` bytes.
    """
    if len(body) > MAX_BODY:
        raise TooLarge(
            f"a message of {len(body):,} bytes is over the limit of {MAX_BODY:,}",
            remedy="store the data elsewhere and send where it is",
        )


def _headers(message: Message) -> dict[str, Any]:
    headers: dict[str, Any] = {k: v for k, v in message.extra.items() if _is_foreign(k)}
    headers |= {header: text for name, header in _PLACES if (text := getattr(message, name))}
    if message.attempt != 1:
        headers[PREFIX + "attempt"] = message.attempt
    if message.hops:
        headers[PREFIX + "hops"] = message.hops
    if message.gathers:
        headers[PREFIX + "gathers"] = msgspec.json.encode(message.gathers).decode()
    if message.again:
        headers[PREFIX + "again"] = True
    if message.traceparent:
        headers["traceparent"] = message.traceparent
    if message.sent_at:
        # The AMQP timestamp holds whole seconds only.
        headers[PREFIX + "sent-us"] = _microseconds(message.sent_at)
    return headers


def _check_written(properties: Mapping[str, Any]) -> None:
    headers: dict[str, Any] = properties["headers"]
    for name in _SHORT:
        check_short(name, properties.get(name, ""))
    if headers:
        _check_headers(headers)


def _check_headers(headers: Mapping[str, Any]) -> None:
    for name in headers:
        check_short("header name", name)
    for name in ("attempt", "hops"):
        if not 0 <= headers.get(PREFIX + name, 0) <= MAX_NUMBER:
            raise Malformed(f"{name} {headers[PREFIX + name]} cannot be sent")
    size = sum(len(_encoded("a header", f"{k}{v}")) for k, v in headers.items())
    if size > MAX_HEADERS:
        raise TooLarge(f"headers of {size:,} bytes are over the limit of {MAX_HEADERS:,}")


def check_short(what: str, text: str) -> None:
    """Refuse a text that is no AMQP short string.

    Raises:
        Malformed: it has more than `MAX_SHORT` bytes.
    """
    size = len(text) if text.isascii() else len(_encoded(what, text))
    if size > MAX_SHORT:
        raise Malformed(f'{what} "{text[:40]}..." is longer than {MAX_SHORT} bytes')


def _encoded(what: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"{what} is not text: {error.reason}") from error


def _read_headers(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    headers = properties.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise Malformed("the headers are not a table")
    return headers


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name, "")
    if type(value) is str:
        return value
    if value is None:
        return ""
    if not isinstance(value, bytes):
        raise Malformed(f"{name} is {type(value).__name__}, not text")
    return _decoded(name, value)


def _decoded(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{name} is not UTF-8") from error


def _number(headers: Mapping[str, Any], name: str, *, least: int) -> int:
    value = headers.get(PREFIX + name, least)
    if type(value) is not int or not least <= value <= MAX_NUMBER:
        raise Malformed(f"{PREFIX}{name} is not a number from {least} up")
    return value


def _read_gathers(headers: Mapping[str, Any]) -> tuple[Gather, ...]:
    text = _text(headers, PREFIX + "gathers")
    if not text:
        return ()
    if len(text) > MAX_HEADERS:
        raise Malformed(f"{PREFIX}gathers is too long")
    try:
        return _GATHERS.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Malformed(f"{PREFIX}gathers: {error}") from error


def _read_again(headers: Mapping[str, Any]) -> bool:
    value = headers.get(PREFIX + "again", False)
    if not isinstance(value, bool):
        raise Malformed(f"{PREFIX}again is not true or false")
    return value


def _read_time(properties: Mapping[str, Any], headers: Mapping[str, Any]) -> datetime | None:
    seconds = properties.get("timestamp")
    if seconds is None:
        return None
    if type(seconds) is not int:
        raise Malformed("timestamp is not a number")
    exact = headers.get(PREFIX + "sent-us")
    if type(exact) is not int or exact // 1_000_000 != seconds:
        exact = seconds * 1_000_000
    try:
        return _EPOCH + _MICROSECOND * exact
    except OverflowError as error:
        raise Malformed(f"timestamp {seconds} is no time") from error


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _foreign(headers: Mapping[str, Any]) -> dict[str, str]:
    return {k: v for k, v in headers.items() if isinstance(v, str) and _is_foreign(k)}


def _is_foreign(name: str) -> bool:
    return name != "traceparent" and not name.startswith((PREFIX, *_BROKERS_OWN))
