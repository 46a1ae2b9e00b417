"""What a call was given, as its record keeps it: text as it came, anything else as base64 (pure)."""

from __future__ import annotations

import base64
from typing import NamedTuple

from msgspec import Struct

MOST_INPUT = 64 * 1024
"""Bytes of an input that is kept; what is larger cannot be run again from the record."""
ARGUMENTS = "application/x-flowctl-arguments"
"""Content type of a JSON object that names arguments: its socket runs with them, joining nothing."""

_BASE64 = "base64;"


class Kept(NamedTuple):
    """An input as two columns hold it."""

    text: str = ""
    type: str = ""
    """Its content type, perhaps with a mark that the text is base64; empty where nothing is kept."""


class Input(Struct, frozen=True, kw_only=True):
    """What a call was given."""

    content_type: str
    body: bytes


def keep(content_type: str, body: bytes) -> Kept:
    """Return an input as its record keeps it; one that is too large is not kept.

    >>> keep("application/json", b"[1]")
    Kept(text='[1]', type='application/json')
    """
    if len(body) > MOST_INPUT:
        return Kept()
    if b"\0" not in body:  # Postgres keeps no NUL in text
        try:
            return Kept(body.decode(), content_type)
        except UnicodeDecodeError:
            pass
    return Kept(base64.b64encode(body).decode(), _BASE64 + content_type)


def restore(text: str, kept_type: str) -> Input | None:
    """Return the input that a record keeps, or None where it keeps none.

    >>> restore(*keep("text/plain", b"\\xff")).body
    b'\\xff'
    """
    if not kept_type:
        return None
    if kept_type.startswith(_BASE64):
        return Input(content_type=kept_type.removeprefix(_BASE64), body=base64.b64decode(text))
    return Input(content_type=kept_type, body=text.encode())
