"""How the embedded broker keeps the properties of a message: as JSON, beside the body."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from flowctl.broker.properties import from_properties, salvage, to_properties
from flowctl.errors import FlowError, Malformed
from flowctl.model.traffic import Message


def pack(message: Message) -> bytes:
    """Return the properties of a message as they are kept.

    Raises:
        Malformed: an id or a header cannot be written.
        TooLarge: the body or the headers are over their limit.
    """
    return msgspec.json.encode(to_properties(message))


def unpack(kept: bytes, body: bytes) -> Message:
    """Return the message that was kept.

    Raises:
        Malformed: somebody else wrote this.
    """
    return from_properties(_decode(kept), body)


def show(kept: bytes, body: bytes) -> Message:
    """Return something to show for what was kept, also where it cannot be read."""
    try:
        return salvage(_decode(kept), body)
    except Malformed as error:
        return replace(salvage({}, body), reason=error.message)


def mark(kept: bytes, body: bytes, *, reason: str, origin: str) -> bytes:
    """Return the properties with a reason and an origin; what cannot be read is left as it is."""
    try:
        return pack(replace(unpack(kept, body), reason=reason, origin=origin))
    except FlowError:
        return kept


def _decode(kept: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(kept, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise Malformed(f"the properties are not readable: {error}") from error
