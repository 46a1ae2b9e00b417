"""The places where pika does what flowctl cannot live with, and what is done instead.

- It rejects deliveries that arrive between the cancel of a consumer and the broker's answer; a
  rejection counts as a failed delivery. We take them, and give them back with a nack if need be.
- One header that it cannot decode raises in the middle of the I/O loop, and the message comes again
  for ever. We deliver that message with properties that are recognised as malformed.
- It can only close politely, which a hung broker never answers.
"""

from __future__ import annotations

import struct
from typing import Any

from pika import BasicProperties, SelectConnection, frame
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError, InvalidFrameError, UnsupportedAMQPFieldException

from flowctl.broker.properties import PREFIX

UNREADABLE = {PREFIX + "attempt": "properties that cannot be read"}
"""Headers that make a message malformed, whoever reads it."""
_FRAME = struct.Struct(">BHL")
_CONTENT = struct.Struct(">HHQ")
_DECODING = (
    ValueError, OverflowError, OSError, struct.error, IndexError, UnsupportedAMQPFieldException,
)  # fmt: skip


class PatientChannel(Channel):  # type: ignore[misc] # pika has no types
    """Takes what a consumer gets until the broker has confirmed its end."""

    def _on_deliver(self, method_frame: Any, header_frame: Any, body: bytes) -> None:
        consumer = self._consumers.get(method_frame.method.consumer_tag)
        if consumer is not None:
            consumer(self, method_frame.method, header_frame.properties, body)


class Connection(SelectConnection):  # type: ignore[misc] # pika has no types
    """A connection that survives what others put into headers, and that can be cut off."""

    def abort(self, why: str) -> None:
        """Cut the connection off, without a word to the broker."""
        if not self.is_closed:
            self._terminate_stream(AMQPConnectionError(why))

    def _create_channel(self, channel_number: int, on_open_callback: Any) -> Channel:
        return PatientChannel(self, channel_number, on_open_callback)

    def _read_frame(self) -> tuple[int, Any]:
        try:
            length, found = frame.decode_frame(self._frame_buffer)
        except InvalidFrameError:
            raise
        except _DECODING:
            return without_properties(self._frame_buffer)
        return length, found


def without_properties(data: bytes) -> tuple[int, frame.Header]:
    """Return the length of the content header frame at the start of `data`, and a readable one.

    Raises:
        InvalidFrameError: it is no content header.
    """
    kind, channel, size = _FRAME.unpack_from(data)
    if kind != 2:
        raise InvalidFrameError("a method that cannot be decoded")
    _class, _weight, body_size = _CONTENT.unpack_from(data, _FRAME.size)
    properties = BasicProperties(headers=dict(UNREADABLE))
    return _FRAME.size + size + 1, frame.Header(channel, body_size, properties)
