"""The frames between a worker and its executors: kind, head (JSON) and body (bytes).

The executor's side of this is in `agentd/executor.py`, which may import nothing of ours.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any

import msgspec

from flowctl.errors import Malformed

_FIXED = struct.Struct(">BII")
_LIMIT = 256 * 1024 * 1024
"""Bytes of one frame: above this the stream is not ours."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Kind(IntEnum):
    """What a frame says."""

    SETUP = 1
    CALL = 2
    STOP = 3
    READY = 10
    BROKEN = 11
    OUTPUT = 12
    YIELD = 13
    DONE = 14
    FAILED = 15
    EMIT = 16


class Frame(msgspec.Struct, frozen=True):
    """One frame, taken apart."""

    kind: Kind
    head: dict[str, Any]
    body: bytes


def pack(kind: Kind, head: dict[str, Any], body: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    text = _encode(head)
    return _FIXED.pack(kind, len(text), len(body)) + text + body


class Reader:
    """Takes bytes as they come and gives frames as they are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = _FIXED.size
        """Bytes that the next frame needs; below that a look would only copy the buffer."""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completed.

        Raises:
            Malformed: this is not a stream of frames.
        """
        self._buffer += data
        if len(self._buffer) < self._wanted:
            return []
        frames: list[Frame] = []
        start = 0
        view = bytes(self._buffer)
        while (end := self._end(view, start)) is not None:
            frames.append(self._frame(view, start))
            start = end
        if start:
            del self._buffer[:start]
        return frames

    def _end(self, view: bytes, start: int) -> int | None:
        if len(view) - start < _FIXED.size:
            self._wanted = _FIXED.size
            return None
        _, head, body = _FIXED.unpack_from(view, start)
        if head + body > _LIMIT:
            raise Malformed("an executor sent something that is not a frame")
        self._wanted = _FIXED.size + head + body
        end: int = start + self._wanted
        return end if len(view) >= end else None

    def _frame(self, view: bytes, start: int) -> Frame:
        kind, head, body = _FIXED.unpack_from(view, start)
        at = start + _FIXED.size
        try:
            return Frame(
                Kind(kind), _decode(view[at : at + head]), view[at + head : at + head + body]
            )
        except (ValueError, msgspec.DecodeError) as error:
            raise Malformed("an executor sent a frame that cannot be read") from error
