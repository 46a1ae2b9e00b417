"""Answers over RabbitMQ: direct to the channel that asked, through no queue, confirmed by nobody.

They go out on a channel of their own, so that what an address does to it (anybody may write one
into a message) does not touch the publishing that must not be lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from flowctl.broker.properties import to_properties
from flowctl.broker.rabbit.codec import encode_publish, encode_route
from flowctl.broker.rabbit.link import Link
from flowctl.broker.rabbit.loop import Loop
from flowctl.broker.rabbit.wire import header_of
from flowctl.errors import FlowError
from flowctl.model.traffic import Message, Outgoing

ADDRESS = "amq.rabbitmq.reply-to"
MOST_WAITING = 1000
"""Answers that wait for a connection; older ones are dropped, whoever waits has looked by then."""

OnAnswers = Callable[[Sequence[Message]], None]
_Letter = tuple[str, bytes, bytes]


class Speaker:
    """Sends answers over a link."""

    def __init__(self, loop: Loop, link: Link) -> None:
        self._loop, self._link = loop, link
        self._waiting: deque[_Letter] = deque(maxlen=MOST_WAITING)
        self._channel: Any = None
        self._opening = False
        link.on_up.append(lambda _connection: self._pump())
        link.on_down.append(lambda _why: self._lose())

    def tell(self, answers: Sequence[Outgoing]) -> None:
        """Send answers soon; from any thread."""
        letters = [letter for each in answers if (letter := _written(each))]
        self._loop.call(lambda: self._accept(letters))

    def _accept(self, letters: Sequence[_Letter]) -> None:
        self._waiting.extend(letters)
        self._link.open()
        self._pump()

    def _pump(self) -> None:
        connection = self._link.connection
        if not self._waiting or connection is None or not connection.is_open:
            return
        if self._link.blocked:
            self._waiting.clear()
        elif self._channel is not None:
            letters, number = list(self._waiting), self._channel.channel_number
            self._waiting.clear()
            connection.emit(b"".join(_framed(number, each, connection) for each in letters))
        elif not self._opening:
            self._opening = True
            connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._opening, self._channel = False, channel
        channel.add_on_close_callback(self._closed)
        self._pump()

    def _closed(self, channel: Any, _error: Exception) -> None:
        if channel is self._channel:
            self._lose()

    def _lose(self) -> None:
        self._channel, self._opening = None, False


def _written(answer: Outgoing) -> _Letter | None:
    try:
        header = header_of(to_properties(answer.message), mode=1)
    except FlowError:
        return None
    return answer.queue, header, answer.message.body


def _framed(channel: int, letter: _Letter, connection: Any) -> bytes:
    address, header, body = letter
    route = encode_route(channel, "", address, mandatory=False)
    return encode_publish(channel, route, header, body, connection.body_limit)
