"""The places where pika does what flowctl cannot live with, and what is done instead.

- It rejects deliveries that arrive between the cancel of a consumer and the broker's answer; a
  rejection counts as a failed delivery. We take them, and give them back with a nack if need be.
- One header that it cannot decode raises in the middle of the I/O loop, and the message comes again
  for ever. We deliver that message with properties that are recognised as malformed.
- It can only close politely, which a hung broker never answers.
- It makes objects of every frame and sends each by a system call of its own. What every call needs
  goes past that: `codec` reads deliveries and writes publishes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pika import BasicProperties, SelectConnection, frame
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError, InvalidFrameError, UnsupportedAMQPFieldException

from flowctl.broker.properties import PREFIX
from flowctl.broker.rabbit.codec import Delivered, Whole, decode_delivery, encode_properties
from flowctl.broker.rabbit.terms import plain_numbers

UNREADABLE = {PREFIX + "attempt": "properties that cannot be read"}
"""Headers that make a message malformed, whoever reads it."""
PERSISTENT = 2
"""The delivery mode of what must not get lost."""
_FRAME = struct.Struct(">BHL")
_CONTENT = struct.Struct(">HHQ")
_DECODING = (
    ValueError, OverflowError, OSError, struct.error, IndexError, UnsupportedAMQPFieldException,
)  # fmt: skip


class PatientChannel(Channel):  # type: ignore[misc] # pika has no types
    """Takes what a consumer gets until the broker has confirmed its end."""

    on_delivered: Callable[[Delivered], None] | None = None
    """Who gets all deliveries of this channel; where nobody does, its consumers get them from pika."""

    def _on_deliver(self, method_frame: Any, header_frame: Any, body: bytes) -> None:
        method, properties = method_frame.method, header_frame.properties
        consumer = self._consumers.get(method.consumer_tag)
        if self.on_delivered is not None:
            self.on_delivered(delivered(self.channel_number, method, properties, body))
        elif consumer is not None:
            consumer(self, method, properties, body)


class Connection(SelectConnection):  # type: ignore[misc] # pika has no types
    """A connection that survives what others put into headers, and that can be cut off."""

    def emit(self, frames: bytes) -> None:
        """Send whole frames; only while it is open."""
        self._output_marshaled_frames([frames])

    @property
    def body_limit(self) -> int:
        """How many bytes of a body fit into a frame."""
        return int(self._body_max_length)

    def _on_data_available(self, data_in: bytes) -> None:
        self._frame_buffer += data_in
        while self._frame_buffer:
            if self._take_deliveries():
                return
            length, found = self._read_frame()
            if found is None:
                return
            self._trim_frame_buffer(length)
            self._process_frame(found)

    def _take_deliveries(self) -> bool:
        """Hand on the deliveries at the start of what came; tell whether one is not whole yet."""
        data, at = self._frame_buffer, 0
        try:
            while isinstance(whole := decode_delivery(data, at), Whole):
                channel = self._channels.get(whole.delivered.channel)
                if channel is None or channel.on_delivered is None:
                    return False
                at = whole.end
                channel.on_delivered(whole.delivered)
        finally:
            if at:
                self._trim_frame_buffer(at)
        return whole

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


def delivered(channel: int, method: Any, properties: BasicProperties, body: bytes) -> Delivered:
    """Return a delivery that pika has read."""
    return Delivered(
        channel,
        method.consumer_tag,
        int(method.delivery_tag),
        bool(method.redelivered),
        as_table(properties),
        body,
    )


def as_table(properties: BasicProperties) -> dict[str, Any]:
    """Return what pika read of properties, with plain values."""
    return {
        "message_id": properties.message_id,
        "correlation_id": properties.correlation_id,
        "content_type": properties.content_type,
        "reply_to": properties.reply_to,
        "timestamp": properties.timestamp,
        "headers": plain_numbers(properties.headers or {}),
    }


def header_of(properties: BasicProperties | dict[str, Any], mode: int = PERSISTENT) -> bytes:
    """Return properties as they go out."""
    if isinstance(properties, dict):
        try:
            return encode_properties(properties, mode)
        except TypeError:
            properties = BasicProperties(delivery_mode=mode, **properties)
    return b"".join(properties.encode())
