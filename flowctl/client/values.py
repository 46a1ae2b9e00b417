"""Python values as the bodies of messages, and the bodies of results as Python values.

What JSON carries travels as JSON: None, booleans, numbers, text, lists, and dictionaries with text
as keys, in their order; a tuple arrives as a list. Bytes travel as they are. What would arrive as
something else is refused, rather than changed in silence.
"""

from __future__ import annotations

import json
from typing import Any

from flowctl.errors import InvalidInput
from flowctl.services.calls import BYTES, JSON, Payload

_REMEDY = "send what JSON can carry, or bytes"


def payload(value: object, argument: str = "") -> Payload:
    """Return what a call is given for a Python value.

    >>> payload({"b": 1, "a": [None, "ü"]}).body.decode()
    '{"b":1,"a":[null,"ü"]}'
    >>> payload(b"raw").content_type
    'application/octet-stream'
    >>> payload({1: "one"})
    Traceback (most recent call last):
        ...
    flowctl.errors.InvalidInput: JSON takes only text as keys, not 1

    Raises:
        InvalidInput: JSON cannot carry it.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return Payload(body=bytes(value), content_type=BYTES, argument=argument)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this cannot be sent: {error}", remedy=_REMEDY) from error
    _refuse_keys(value)
    return Payload(body=body, argument=argument)


def _refuse_keys(value: object) -> None:
    """Refuse keys that JSON would turn into text; the value is a tree, `json` has seen to that."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            odd = next((key for key in each if not isinstance(key, str)), None)
            if odd is not None or None in each:
                raise InvalidInput(f"JSON takes only text as keys, not {odd!r}", remedy=_REMEDY)
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)


def value_of(content_type: str, body: bytes) -> Any:
    """Return the Python value of a result: from JSON, as text, or the bytes themselves.

    >>> value_of("application/json", b'{"b": 1.5}'), value_of("text/plain", b"hi")
    ({'b': 1.5}, 'hi')
    >>> value_of("image/png", b"\\x89PNG")
    b'\\x89PNG'
    """
    if content_type == JSON:
        return json.loads(body)
    return body.decode(errors="replace") if content_type.startswith("text/") else body
