"""Publishing: pipelined, confirmed, mandatory, and published again after every loss.

Callers hand in batches; the loop's thread sends as much as the window lets it and settles what the
broker confirms. What was under way when a connection ended may have arrived or not: it goes out
again under the same ids, flagged, until its batch's time is up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker

from flowctl.broker.properties import PREFIX, check_short, salvage, to_properties
from flowctl.broker.rabbit.answers import ADDRESS, OnAnswers
from flowctl.broker.rabbit.codec import Delivered, encode_publish, encode_route
from flowctl.broker.rabbit.flow import unheard
from flowctl.broker.rabbit.link import Link, is_missing
from flowctl.broker.rabbit.loop import Loop
from flowctl.broker.rabbit.terms import DELAY, LONGEST_DELAY, delay_level, size_limit
from flowctl.broker.rabbit.topology import Topology
from flowctl.broker.rabbit.window import Unconfirmed
from flowctl.broker.rabbit.wire import header_of
from flowctl.errors import BrokerUnavailable, Malformed, PublishFailed, TooLarge
from flowctl.model.traffic import Outgoing

WINDOW = 512
"""Messages under way at once."""
WINDOW_BYTES = 8 * 1024 * 1024
MOST_WAITING = 256 * 1024 * 1024
"""Bytes that may wait for the broker before further batches are refused."""
STUCK_AFTER = 30.0
"""Seconds without any confirm after which a connection that owes some is given up."""
MOST_EMITTED = 256 * 1024
"""Bytes after which frames are handed to the socket before others are gathered."""
_REOPEN = 0.2


class Batch:
    """What one call published, and what became of it."""

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        self.left = count
        self.reasons: dict[str, str] = {}
        self.timer: Any = None

    def settle(self, message_id: str, reason: str = "") -> None:
        """Note the fate of one message; the last one ends the future."""
        if reason:
            self.reasons[message_id] = reason
        self.left -= 1
        if self.left == 0 and not self.future.done():
            self.end(PublishFailed(self.reasons) if self.reasons else None)

    def end(self, error: Exception | None) -> None:
        """End the future, whatever is left."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


class Item:
    """One message on its way; `properties` are ours as a table, or as pika has read them."""

    __slots__ = (
        "batch",
        "body",
        "exchange",
        "header",
        "id",
        "level",
        "properties",
        "queue",
        "returned",
    )

    def __init__(
        self, queue: str, message_id: str, properties: BasicProperties | dict[str, Any], body: bytes
    ) -> None:
        self.queue, self.id, self.properties, self.body = queue, message_id, properties, body
        self.header = header_of(properties)
        self.level = 0
        self.exchange = ""
        self.returned = False
        self.batch: Batch

    @property
    def dead(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.batch.future.done()

    def repeat(self) -> None:
        """Flag it as one that may have been published before."""
        again = {PREFIX + "again": True}
        if isinstance(self.properties, dict):
            self.properties = {**self.properties, "headers": self.properties["headers"] | again}
        else:
            self.properties.headers = (self.properties.headers or {}) | again
        self.header = header_of(self.properties)
        self.returned = False


class Publisher:
    """Sends batches over one link."""

    def __init__(self, loop: Loop, link: Link, topology: Topology) -> None:
        self._loop, self._link, self._topology = loop, link, topology
        self._waiting: deque[Item] = deque()
        self._waiting_bytes = 0
        self._window: Unconfirmed[Item] = Unconfirmed(WINDOW, WINDOW_BYTES)
        self._channel: Any = None
        self._ready = False
        self._confirms = 0
        self._watching = False
        self._on_answers: OnAnswers | None = None
        self._routes: dict[tuple[str, str], bytes] = {}
        self._frames: list[bytes] = []
        self._frames_size = 0
        link.on_up.append(self._on_up)
        link.on_down.append(self._on_down)
        link.on_blocked.append(self._pump)

    def submit(
        self, items: Sequence[Item], reasons: dict[str, str], timeout: float
    ) -> Future[None]:
        """Publish items and end the future when all are settled; from any thread.

        `reasons` are those of messages that could not even be written.
        """
        batch = Batch(len(items))
        batch.reasons = reasons
        if not items:
            batch.end(PublishFailed(reasons) if reasons else None)
            return batch.future
        for item in items:
            item.batch = batch
        self._loop.call(lambda: self._accept(batch, items, timeout))
        return batch.future

    def listen(self, on_answers: OnAnswers) -> None:
        """Have answers sent to the channel that publishes; only in the loop's thread."""
        first = self._on_answers is None
        self._on_answers = on_answers
        if first and self._ready:
            self._consume_answers()

    def stop(self, error: BrokerUnavailable) -> None:
        """Fail everything that is not confirmed; only in the loop's thread."""
        for item in [*self._window.lost(), *self._waiting]:
            item.batch.end(error)
        self._waiting.clear()
        self._waiting_bytes = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._waiting and not len(self._window)

    def _accept(self, batch: Batch, items: Sequence[Item], timeout: float) -> None:
        self._link.open()
        if self._waiting_bytes > MOST_WAITING:
            batch.end(BrokerUnavailable("too much waits for the broker already"))
            return
        if self._link.denied:
            batch.end(self._link.error())
            return
        batch.timer = self._loop.later(timeout, lambda: self._expire(batch, timeout))
        self._waiting.extend(items)
        self._waiting_bytes += sum(len(item.body) for item in items)
        self._pump()

    def _expire(self, batch: Batch, timeout: float) -> None:
        if not batch.future.done():
            batch.end(self._late(batch.left, timeout))

    def _late(self, left: int, timeout: float) -> BrokerUnavailable:
        if self._link.connection is None:
            return self._link.error()
        if self._link.blocked:
            return BrokerUnavailable(
                f"the broker takes no messages now ({self._link.blocked})",
                remedy="free memory or disk space on the broker's host; publishing then goes on",
            )
        return BrokerUnavailable(f"{left} messages were not confirmed within {timeout:g} s")

    # -- the channel ------------------------------------------------------------------------

    def _on_up(self, connection: Any) -> None:
        self._topology.forget()
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        self._routes.clear()
        channel.on_delivered = self._on_answer
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(self._on_channel_closed)
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

    def _on_ready(self, channel: Any) -> None:
        if channel is self._channel:
            self._ready = True
            if self._on_answers is not None:
                self._consume_answers()
            self._pump()

    def _consume_answers(self) -> None:
        # Before anything is published that asks for one: the broker would close the channel.
        self._channel.basic_consume(ADDRESS, unheard, auto_ack=True)

    def _on_answer(self, delivered: Delivered) -> None:
        if self._on_answers is not None:
            self._on_answers([salvage(delivered.properties, delivered.body)])

    def _on_down(self, _why: str) -> None:
        self._take_back()
        if self._link.denied:
            self.stop(self._link.error())

    def _on_channel_closed(self, channel: Any, error: Exception) -> None:
        if channel is not self._channel:
            return
        limit = size_limit(str(error))
        self._take_back()
        self._topology.forget()
        if limit is not None:
            self._refuse(lambda item: len(item.body) > limit, "too large")
        self._loop.later(_REOPEN, self._reopen)

    def _reopen(self) -> None:
        connection = self._link.connection
        if self._channel is None and connection is not None and connection.is_open:
            connection.channel(on_open_callback=self._on_channel)

    def _take_back(self) -> None:
        """Put what was under way before what waits, in its order."""
        self._channel, self._ready = None, False
        under_way = [item for item in self._window.lost() if not item.dead]
        for item in under_way:
            item.repeat()
            self._waiting_bytes += len(item.body)
        self._waiting.extendleft(reversed(under_way))

    # -- sending ----------------------------------------------------------------------------

    def _pump(self) -> None:
        while self._waiting and self._ready and not self._link.blocked:
            item = self._waiting[0]
            if not item.dead and not self._window.room(len(item.body)):
                break
            self._waiting.popleft()
            self._waiting_bytes -= len(item.body)
            if not item.dead:
                self._send_or_prepare(item)
        self._emit()

    def _send_or_prepare(self, item: Item) -> None:
        if item.level and not self._topology.knows(item.level, item.queue):
            self._topology.prepare(
                item.level, item.queue, lambda fault: self._prepared(item, fault)
            )
            return
        if not self._watching:
            self._watch()
        self._window.sent(item, len(item.body))
        self._frames.append(self._framed(item))
        self._frames_size += len(self._frames[-1])
        if self._frames_size > MOST_EMITTED:
            self._emit()

    def _framed(self, item: Item) -> bytes:
        number, place = self._channel.channel_number, (item.exchange, item.queue)
        if (route := self._routes.get(place)) is None:
            route = self._routes[place] = encode_route(number, *place, mandatory=True)
        limit = self._link.connection.body_limit
        return encode_publish(number, route, item.header, item.body, limit)

    def _emit(self) -> None:
        """Hand over what was gathered; in pieces, as the socket takes a long one bit by bit."""
        if self._frames:
            frames, self._frames, self._frames_size = self._frames, [], 0
            self._link.connection.emit(b"".join(frames))

    def _prepared(self, item: Item, error: Exception | None) -> None:
        if isinstance(error, ChannelClosedByBroker):
            self._settle(item, "unroutable" if is_missing(error) else "refused")
            return
        # Done, or the connection was lost meanwhile: then it waits for the next one.
        self._waiting.appendleft(item)
        self._waiting_bytes += len(item.body)
        self._pump()

    def _watch(self) -> None:
        self._watching = True
        before = self._confirms
        self._loop.later(STUCK_AFTER, lambda: self._check_stuck(before))

    def _check_stuck(self, before: int) -> None:
        self._watching = False
        if not len(self._window):
            return
        if self._confirms == before and not self._link.blocked:
            self._link.drop(f"the broker confirmed nothing for {STUCK_AFTER:g} s")
        self._watch()

    # -- settling ---------------------------------------------------------------------------

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """The broker found no queue; the confirm that follows is the one of this message."""
        item = self._window.first(
            lambda item: (
                item.id == properties.message_id
                and item.queue == method.routing_key
                and not item.returned
            )
        )
        if item is not None:
            item.returned = True

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        refused = method.NAME == "Basic.Nack"
        self._confirms += 1
        for item in self._window.settled(method.delivery_tag, method.multiple):
            if item.returned:
                self._settle(item, "unroutable")
            else:
                self._settle(item, self._topology.why_refused(item.queue) if refused else "")
        self._pump()

    def _settle(self, item: Item, reason: str = "") -> None:
        batch = item.batch
        batch.settle(item.id, reason)
        if batch.future.done():
            self._loop.forget(batch.timer)

    def _refuse(self, wanted: Callable[[Item], bool], reason: str) -> None:
        doomed = [item for item in self._waiting if wanted(item)]
        self._waiting = deque(item for item in self._waiting if not wanted(item))
        for item in doomed:
            self._waiting_bytes -= len(item.body)
            self._settle(item, reason)


def written(messages: Sequence[Outgoing]) -> tuple[list[Item], dict[str, str]]:
    """Return messages as they go out, and the reasons of those that cannot be written."""
    items: list[Item] = []
    reasons: dict[str, str] = {}
    for outgoing in messages:
        try:
            items.append(_item(outgoing))
        except TooLarge:
            reasons[outgoing.message.id] = "too large"
        except Malformed:
            reasons[outgoing.message.id] = "refused"
    return items, reasons


def _item(outgoing: Outgoing) -> Item:
    message = outgoing.message
    check_short("queue", outgoing.queue)
    item = Item(outgoing.queue, message.id, to_properties(message), message.body)
    if outgoing.delay > 0:
        item.level = delay_level(outgoing.delay)
        item.exchange = f"{DELAY}{item.level}"
        if item.level > LONGEST_DELAY:
            raise Malformed(f"a delay of {outgoing.delay:g} s is longer than RabbitMQ can count")
    return item
