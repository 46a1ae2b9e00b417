"""Bodies of messages as a person reads them: JSON indented, text as it is, anything else in hex."""

from __future__ import annotations

import msgspec

from flowctl.views.text import printable

MOST = 64 * 1024
"""Bytes of a body that are shown."""
_ROW = 16


def pretty(body: bytes, content_type: str = "application/json", *, most: int = MOST) -> str:
    """Return a body as lines; what is too long ends with how much was left out.

    >>> print(pretty(b'{"a":[1,2]}'))
    {
      "a": [
        1,
        2
      ]
    }
    >>> print(pretty(b"caf\\xc3\\xa9", "text/plain"))
    café
    >>> print(pretty(bytes(range(4)), "application/octet-stream"))
    00000000  00 01 02 03                                      |....|
    """
    shown, left = body[:most], len(body) - most
    more = f"\n... {left:,} bytes more" if left > 0 else ""
    text = _text(shown, whole=left <= 0)
    if text is None:
        return hex_dump(shown) + more
    if left <= 0 and not content_type.startswith("text/"):
        text = _indented(text)
    return "\n".join(printable(line.expandtabs(4)) for line in text.split("\n")) + more


def hex_dump(body: bytes) -> str:
    """Return bytes as rows of an offset, sixteen bytes, and what of them can be printed."""
    rows = []
    for begin in range(0, len(body), _ROW):
        part = body[begin : begin + _ROW]
        seen = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        rows.append(f"{begin:08x}  {part.hex(' '):<47}  |{seen}|")
    return "\n".join(rows)


def _text(body: bytes, *, whole: bool) -> str | None:
    """Return a body as text; a character that the end cuts is left out, no text is None."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        if whole or error.start < len(body) - 3:
            return None
        text = body[: error.start].decode()
    controls = sum(1 for each in text if ord(each) < 32 and each not in "\t\r\n")
    return None if controls else text


def _indented(text: str) -> str:
    """Return JSON indented, its numbers and strings as they are written."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return text
