"""Consuming: one channel a subscription, deliveries in batches, acks collapsed.

The window is shared out among the queues (`flow`). What arrives beyond it is held here until
there is room: at most one delivery an idle queue, and what was on its way when the window shrank. What
is held is counted as unacknowledged, and given back as soon as the flow stops.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Event, Lock
from typing import Any

from pika import spec
from pika.exceptions import AMQPError

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.rabbit.codec import Delivered
from flowctl.broker.rabbit.flow import Flow, Flows, cancel, shares
from flowctl.broker.rabbit.link import Link
from flowctl.broker.rabbit.loop import Loop
from flowctl.broker.rabbit.read import read
from flowctl.broker.rabbit.talk import Talk
from flowctl.broker.rabbit.topology import Topology, ensure
from flowctl.broker.rabbit.window import Intake
from flowctl.errors import FlowError, NotFound
from flowctl.model.ids import new_id

CALM = 1.0
"""Seconds between two looks at which queues are active."""
MISSING_PAUSE = 2.0
"""Seconds between two looks for a queue that is not there."""
LEAVE_WITHIN = 3.0
"""Seconds after which a subscription ends though its consumers' ends were not confirmed."""
_REOPEN = 0.5
_Tags = Sequence[tuple[int, int]]

_log = logging.getLogger(__name__)


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
        self._on_delivery, self._on_state = on_delivery, on_state
        self._flows = Flows(name or new_id()[:8])
        self._intake: Intake[Delivery | Broken] = Intake(prefetch)
        self._channel: Any = None
        self._generation = 0
        self.closed = False
        self._flushing = False
        self._lost = False
        self._short = False
        self._todo: list[tuple[bool, _Tags]] = []
        self._todo_lock = Lock()
        self.settled = Event()
        """Set once every queue of the beginning is consumed or was found missing."""
        self.fault: FlowError | None = None

    def begin(self, queues: Iterable[str]) -> None:
        """Start to consume; only in the loop's thread."""
        for queue in queues:
            self._flows.by_queue[queue] = Flow(queue)
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
        if not self.closed:
            connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        if self.closed:
            channel.close()
            return
        self._generation += 1
        self._channel = channel
        channel.on_delivered = self._on_message
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(self._on_cancel)
        channel.add_callback(self._on_over, [spec.Basic.CancelOk], one_shot=False)
        if self._lost:
            self._lost = False
            self._tell(True, "connected again")
        for flow in list(self._flows.by_queue.values()):
            self._seek(flow)
        self._check_settled()

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
        self._flows.lost()
        if not self.closed:
            self._lost = True
            self._tell(False, why)

    def _on_cancel(self, frame: Any) -> None:
        """The broker ended a consumer: its queue was deleted, or moved to another node."""
        flow = self._flows.ended(frame.method.consumer_tag)
        if flow is not None:
            self._seek(flow, why=f'the broker ended the consumer of "{flow.queue}"')

    def _on_over(self, frame: Any) -> None:
        self._flows.over(frame.method.consumer_tag)
        if self._short and not self.closed:
            self._share_out()

    def _tell(self, connected: bool, why: str) -> None:
        if self._on_state is not None:
            try:
                self._on_state(connected, why)
            except Exception:  # noqa: BLE001 - it must not end the thread
                _log.exception("a change of the connection could not be told")

    # ---------------------------------------------------------------- queues

    def _seek(self, flow: Flow, why: str = "") -> None:
        """Make sure that the queue is there, then consume from it."""
        if flow.sought or self._channel is None:
            return
        flow.sought = True
        generation = self._generation

        def found(there: bool | None, error: Exception | None) -> None:
            if generation == self._generation and self._channel is not None:
                flow.sought = False
                self._found(flow, bool(there), error, why)

        spec = self._topology.specs.get(flow.queue)
        Talk(self._link.connection, ensure(flow.queue, spec), found)

    def _found(self, flow: Flow, there: bool, error: Exception | None, why: str) -> None:
        if self._flows.by_queue.get(flow.queue) is not flow:
            return
        if there:
            if why or flow.told:
                self._tell(True, f"{why or flow.queue}; it is consumed again")
            flow.told = False
            self._share_out()
        else:
            self._missing(flow, error, why)
        self._check_settled()

    def _missing(self, flow: Flow, error: Exception | None, why: str) -> None:
        if not self.settled.is_set():
            fault = error if isinstance(error, FlowError) else None
            self.fault = self.fault or fault or NotFound("queue", flow.queue)
            del self._flows.by_queue[flow.queue]
            return
        if not flow.told:
            flow.told = True
            self._tell(True, f"{why or 'waiting'}: {error or NotFound('queue', flow.queue)}")
        self._loop.later(MISSING_PAUSE, lambda: self._seek(flow))

    def _check_settled(self) -> None:
        if not any(flow.sought for flow in self._flows.by_queue.values()):
            self.settled.set()

    def _share_out(self, *, eager: bool = True) -> None:
        """Give each queue its share of the window; not eager, only where much is missing."""
        if self._channel is None or not self._channel.is_open:
            return
        ready = [flow for flow in self._flows.by_queue.values() if not flow.sought]
        active = [flow.queue for flow in ready if flow.active]
        wanted = shares(self._intake.window, [flow.queue for flow in ready], active)
        self._short = False
        for flow in ready:
            share = wanted[flow.queue]
            least = 1 if eager else max(1, share // 4)
            self._flows.grant(self._channel, flow, share, self._intake, least=least)
            self._short |= flow.granted < share

    def _tick(self) -> None:
        if self.closed:
            return
        self._loop.later(CALM, self._tick)
        for flow in self._flows.by_queue.values():
            flow.active = self._intake.per_queue[flow.queue] > 0
        self._share_out()

    def _add(self, queues: Iterable[str]) -> None:
        for queue in queues:
            if queue not in self._flows.by_queue and not self.closed:
                flow = self._flows.by_queue[queue] = Flow(queue)
                self._seek(flow)

    def _drop(self, queues: set[str]) -> None:
        for queue in queues:
            flow = self._flows.by_queue.pop(queue, None)
            if flow is not None and self._channel is not None:
                self._flows.stop(self._channel, flow)
        self._give_back(queues)
        self._share_out()

    def _resize(self, prefetch: int) -> None:
        self._intake.window = prefetch
        if prefetch == 0:
            self._give_back()
        self._share_out()
        self._hand_on()

    # ---------------------------------------------------------------- deliveries

    def _on_message(self, delivered: Delivered) -> None:
        queue = self._flows.queue_of(delivered.consumer)
        delivery = read(self._generation, queue, delivered)
        self._intake.arrived(delivered.number, queue, delivered.consumer, delivery)
        if self.closed:
            return
        flow = self._flows.by_queue.get(queue)
        if flow is None or self._intake.window == 0:
            self._give_back({queue})
            return
        if not flow.active:
            flow.active = True
            if len(self._flows.by_queue) > 1:
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
        if batch and not self.closed:
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
        if self._short:
            self._share_out(eager=False)
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
        if self.closed:
            done()
            return
        self._settle_all()
        self.closed = True
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
        tags = self._flows.tags()
        left = set(tags)

        def ended(frame: Any) -> None:
            left.discard(frame.method.consumer_tag)
            if not left:
                self._give_all_back(channel)

        channel.add_callback(ended, [spec.Basic.CancelOk], one_shot=False)
        for tag in tags:
            cancel(channel, tag)
        self._loop.later(LEAVE_WITHIN if tags else 0.0, lambda: self._give_all_back(channel))

    def _give_all_back(self, channel: Any) -> None:
        if channel.is_open:
            # What came before a consumer's end was confirmed is among them.
            if self._intake.unsettled:
                channel.basic_nack(max(self._intake.unsettled), multiple=True)
                self._intake.lost()
            channel.close()
