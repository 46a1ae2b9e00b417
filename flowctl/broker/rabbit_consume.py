"""Consuming: one channel a subscription, deliveries in batches, acks collapsed.

RabbitMQ counts a window per consumer, and there is one consumer a queue. So our window is shared out
among the queues (`rabbit_window.shares`), and what arrives beyond it is held here until there is
room: at most one delivery a queue, and for a moment more after the window shrank. What is held is
counted as unacknowledged and given back as soon as the flow stops.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Event, Lock
from typing import Any

from pika.exceptions import AMQPError

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.rabbit_link import Link
from flowctl.broker.rabbit_loop import Loop
from flowctl.broker.rabbit_read import read
from flowctl.broker.rabbit_talk import Talk
from flowctl.broker.rabbit_topology import Topology, ensure
from flowctl.broker.rabbit_window import Intake, shares
from flowctl.errors import FlowError, NotFound
from flowctl.model.ids import new_id

CALM = 1.0
"""Seconds between two looks at which queues are active."""
MISSING_PAUSE = 2.0
"""Seconds between two looks for a queue that is not there."""
_REOPEN = 0.5
_Tags = Sequence[tuple[int, int]]

_log = logging.getLogger(__name__)


class Consumer:
    """The consumer of one queue, as far as the broker knows of it."""

    __slots__ = ("active", "prefetch", "queue", "sought", "tag")

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.tag = ""
        self.prefetch = 0
        self.active = False
        self.sought = False
        """Whether the broker is being asked for the queue."""


class RabbitSubscription:
    """A consumer of some queues; everything below the line runs in the loop's thread."""

    def __init__(
        self,
        loop: Loop,
        link: Link,
        topology: Topology,
        *,
        prefetch: int,
        on_delivery: Callable[[Sequence[Delivery | Broken]], None],
        on_state: Callable[[bool, str], None] | None,
        name: str,
    ) -> None:
        self._loop, self._link, self._topology = loop, link, topology
        self._on_delivery, self._on_state = on_delivery, on_state or _nobody
        self._name = name or new_id()[:8]
        self._intake: Intake[Delivery | Broken] = Intake(prefetch)
        self._consumers: dict[str, Consumer] = {}
        self._queue_of: dict[str, str] = {}
        self._channel: Any = None
        self._generation = 0
        self._count = 0
        self._closed = False
        self._flushing = False
        self._lost = False
        self._todo: list[tuple[bool, _Tags]] = []
        self._todo_lock = Lock()
        self.settled = Event()
        """Set once every queue of the beginning is consumed or was found missing."""
        self.fault: FlowError | None = None

    def begin(self, queues: Iterable[str]) -> None:
        """Start to consume; only in the loop's thread."""
        for queue in queues:
            self._consumers[queue] = Consumer(queue)
        self._link.on_up.append(self._on_up)
        self._link.on_down.append(self._on_down)
        self._loop.later(CALM, self._tick)
        if self._link.connection is not None:
            self._on_up(self._link.connection)
        else:
            self._link.open()

    def add(self, queues: Iterable[str]) -> None:
        """Consume from these queues as well; one that is missing is looked for again and again."""
        names = list(queues)
        self._loop.call(lambda: self._add(names))

    def drop(self, queues: Iterable[str]) -> None:
        """Stop consuming from these queues; deliveries already made stay valid."""
        names = set(queues)
        self._loop.call(lambda: self._drop(names))

    def window(self, prefetch: int) -> None:
        """Hold at most `prefetch` unacknowledged deliveries; 0 stops the flow without losing any."""
        self._loop.call(lambda: self._resize(prefetch))

    def ack(self, tags: _Tags) -> None:
        """Say that these deliveries are done; tags of a lost connection are ignored."""
        self._later(True, tags)

    def nack(self, tags: _Tags) -> None:
        """Give these deliveries back to their queues."""
        self._later(False, tags)

    def close(self) -> None:
        """Stop consuming and give back everything that was not acknowledged."""
        done = Event()
        self._loop.call(lambda: self._close(done.set))
        if not self._loop.inside:
            done.wait(5.0)

    def unacked(self) -> dict[str, int]:
        """Return how many deliveries of each queue are not settled; in the loop's thread."""
        return dict(self._intake.per_queue)

    # ---------------------------------------------------------------- connection and channel

    def _on_up(self, connection: Any) -> None:
        if not self._closed:
            connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        if self._closed:
            channel.close()
            return
        self._generation += 1
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(self._on_cancel)
        if self._lost:
            self._lost = False
            self._on_state(True, "connected again")
        for consumer in list(self._consumers.values()):
            self._seek(consumer)

    def _on_down(self, why: str) -> None:
        if self._channel is not None:
            self._forget(why)

    def _on_channel_closed(self, channel: Any, error: Exception) -> None:
        if channel is not self._channel:
            return
        self._forget(f"the broker closed the channel: {error}")
        self._loop.later(_REOPEN, self._reopen)

    def _reopen(self) -> None:
        connection = self._link.connection
        if self._channel is None and connection is not None and connection.is_open:
            self._on_up(connection)

    def _forget(self, why: str) -> None:
        """All deliveries are void: the broker gives them to somebody again."""
        self._channel = None
        self._intake.lost()
        self._queue_of.clear()
        for consumer in self._consumers.values():
            consumer.tag, consumer.prefetch, consumer.sought = "", 0, False
        if not self._closed:
            self._lost = True
            self._on_state(False, why)

    def _on_cancel(self, frame: Any) -> None:
        """The broker ended a consumer: its queue was deleted, or moved to another node."""
        queue = self._queue_of.pop(frame.method.consumer_tag, "")
        consumer = self._consumers.get(queue)
        if consumer is not None:
            consumer.tag = ""
            self._seek(consumer, why=f'the broker ended the consumer of "{queue}"')

    # ---------------------------------------------------------------- consumers

    def _seek(self, consumer: Consumer, why: str = "") -> None:
        """Make sure that the queue is there, then consume from it."""
        if consumer.sought or consumer.tag or self._channel is None:
            return
        consumer.sought = True
        generation = self._generation

        def found(there: bool | None, error: Exception | None) -> None:
            if generation == self._generation and not self._closed:
                consumer.sought = False
                self._found(consumer, bool(there), error, why)

        spec = self._topology.specs.get(consumer.queue)
        Talk(self._link.connection, ensure(consumer.queue, spec), found)

    def _found(self, consumer: Consumer, there: bool, error: Exception | None, why: str) -> None:
        if self._consumers.get(consumer.queue) is not consumer:
            return
        if there:
            if why:
                self._on_state(True, f"{why}; it is consumed again")
            self._share_out()
        else:
            self._missing(consumer, error, why)
        self._check_settled()

    def _missing(self, consumer: Consumer, error: Exception | None, why: str) -> None:
        if not self.settled.is_set():
            fault = error if isinstance(error, FlowError) else None
            self.fault = self.fault or fault or NotFound("queue", consumer.queue)
            del self._consumers[consumer.queue]
            return
        if why or error:
            self._on_state(True, why or f'queue "{consumer.queue}" is not there: {error}')
        self._loop.later(MISSING_PAUSE, lambda: self._seek(consumer))

    def _check_settled(self) -> None:
        if not any(consumer.sought for consumer in self._consumers.values()):
            self.settled.set()

    def _share_out(self) -> None:
        """Start, stop or renew consumers so that together they keep to the window."""
        if self._channel is None or not self._channel.is_open:
            return
        ready = [c for c in self._consumers.values() if not c.sought]
        active = {c.queue for c in ready if c.active}
        wanted = shares(self._intake.window, [c.queue for c in ready], active)
        for consumer in ready:
            share = wanted[consumer.queue] if self._intake.window > 0 else 0
            if share != consumer.prefetch or not consumer.tag:
                self._renew(consumer, share)

    def _renew(self, consumer: Consumer, share: int) -> None:
        """RabbitMQ reads the window when a consumer begins: a new one needs a new consumer."""
        if consumer.tag:
            self._channel.basic_cancel(consumer.tag, callback=self._on_cancelled)
            consumer.tag = ""
        consumer.prefetch = share
        if share > 0:
            self._count += 1
            consumer.tag = f"{self._name}:{consumer.queue}:{self._count}"
            self._queue_of[consumer.tag] = consumer.queue
            self._channel.basic_qos(prefetch_count=share)
            self._channel.basic_consume(consumer.queue, self._on_message, consumer_tag=consumer.tag)

    def _on_cancelled(self, frame: Any) -> None:
        """No more deliveries come under that tag; what came since its end was asked for is held."""
        queue = self._queue_of.pop(frame.method.consumer_tag, "")
        if self._intake.window == 0 or queue not in self._consumers:
            self._give_back({queue})

    def _tick(self) -> None:
        if self._closed:
            return
        self._loop.later(CALM, self._tick)
        for consumer in self._consumers.values():
            consumer.active = self._intake.per_queue[consumer.queue] > 0
        if len(self._consumers) > 1:
            self._share_out()

    def _add(self, queues: Iterable[str]) -> None:
        for queue in queues:
            if queue not in self._consumers and not self._closed:
                self._consumers[queue] = Consumer(queue)
                self._seek(self._consumers[queue])

    def _drop(self, queues: set[str]) -> None:
        for queue in queues:
            consumer = self._consumers.pop(queue, None)
            if consumer is not None and consumer.tag and self._channel is not None:
                self._channel.basic_cancel(consumer.tag, callback=self._on_cancelled)
        self._give_back(queues)
        self._share_out()

    def _resize(self, prefetch: int) -> None:
        self._intake.window = prefetch
        if prefetch == 0:
            self._give_back()
        self._share_out()
        self._hand_on()

    # ---------------------------------------------------------------- deliveries

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        queue = self._queue_of.get(method.consumer_tag)
        if queue is None:
            return
        delivery = read(self._generation, queue, method, properties, body)
        self._intake.arrived(method.delivery_tag, queue, delivery)
        if self._closed:
            return
        consumer = self._consumers.get(queue)
        if consumer is None or self._intake.window == 0:
            self._give_back({queue})
            return
        if not consumer.active:
            consumer.active = True
            if len(self._consumers) > 1:
                self._loop.call(self._share_out)
        self._hand_on_soon()

    def _hand_on_soon(self) -> None:
        """Collect what one read of the socket brings into one batch."""
        if not self._flushing:
            self._flushing = True
            self._loop.call(self._hand_on)

    def _hand_on(self) -> None:
        self._flushing = False
        batch = self._intake.due()
        if batch and not self._closed:
            try:
                self._on_delivery(batch)
            except Exception:  # noqa: BLE001 - the flow of all others must go on
                _log.exception("a delivery could not be taken; it comes back with the connection")

    def _later(self, done: bool, tags: _Tags) -> None:
        with self._todo_lock:
            self._todo.append((done, tags))
            first = len(self._todo) == 1
        if first:
            self._loop.call(self._settle_all)

    def _settle_all(self) -> None:
        with self._todo_lock:
            todo, self._todo = self._todo, []
        done = [tag for finished, tags in todo if finished for tag in tags]
        back = [tag for finished, tags in todo if not finished for tag in tags]
        self._settle(done, requeue=False)
        self._settle(back, requeue=True)
        self._hand_on()

    def _settle(self, tags: _Tags, *, requeue: bool) -> None:
        numbers = [number for generation, number in tags if generation == self._generation]
        if not numbers or self._channel is None or not self._channel.is_open:
            return
        upto, alone = self._intake.settle(numbers)
        say = self._channel.basic_nack if requeue else self._channel.basic_ack
        if upto:
            say(upto, multiple=True)
        for number in alone:
            say(number)

    def _give_back(self, queues: set[str] | None = None) -> None:
        numbers = self._intake.held(queues)
        self._settle([(self._generation, number) for number in numbers], requeue=True)

    def _close(self, done: Callable[[], None]) -> None:
        if self._closed:
            done()
            return
        self._settle_all()
        self._closed = True
        for listeners, listener in (
            (self._link.on_up, self._on_up),
            (self._link.on_down, self._on_down),
        ):
            listeners.remove(listener)
        channel, self._channel = self._channel, None
        if channel is None or not channel.is_open:
            done()
            return
        channel.add_on_close_callback(lambda _channel, _error: done())
        try:
            self._leave(channel)
        except AMQPError:
            done()

    def _leave(self, channel: Any) -> None:
        """End the consumers, give back by name, then close.

        The queues answer an end only after the acks before it, and those under way when a channel
        closes may be lost. What a closing channel gives back counts as a failed delivery.
        """
        tags = [consumer.tag for consumer in self._consumers.values() if consumer.tag]
        left = set(tags)

        def ended(frame: Any) -> None:
            left.discard(frame.method.consumer_tag)
            if not left:
                self._give_all_back(channel)

        for tag in tags:
            channel.basic_cancel(tag, callback=ended)
        if not tags:
            self._give_all_back(channel)

    def _give_all_back(self, channel: Any) -> None:
        if channel.is_open:
            if self._intake.unsettled:
                channel.basic_nack(max(self._intake.unsettled), multiple=True)
                self._intake.lost()
            channel.close()


def _nobody(_connected: bool, _why: str) -> None:
    """Nobody wants to know about losses."""
