"""RabbitMQ behind the broker's port: one thread, three connections, each made at its first use.

Publishing has a connection of its own because an alarm of the broker stops everything that comes in
over a connection which publishes; acks must not wait for that. Administration has one because it is
allowed to fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from threading import Event
from typing import Any, TypeVar

from msgspec.structs import replace

from flowctl.broker.base import Broken, Delivery, Depth, QueueSpec
from flowctl.broker.rabbit import admin
from flowctl.broker.rabbit.answers import ADDRESS, Speaker
from flowctl.broker.rabbit.consume import RabbitSubscription
from flowctl.broker.rabbit.link import Link, parameters_of
from flowctl.broker.rabbit.loop import Loop
from flowctl.broker.rabbit.publish import Item, Publisher, written
from flowctl.broker.rabbit.talk import Script, Step, run
from flowctl.broker.rabbit.terms import word
from flowctl.broker.rabbit.topology import Topology, declare
from flowctl.errors import BrokerUnavailable, QueueMismatch
from flowctl.model.ids import new_id
from flowctl.model.traffic import Message, Outgoing
from flowctl.settings import redact

ANSWER = 15.0
"""Seconds that an administrative question may take."""
EACH = 0.2
"""Seconds more for each queue that a question is about."""
LONG_ANSWER = 600.0
"""Seconds that moving or searching a long queue may take."""
PUBLISH = 30.0
DRAIN = 5.0
"""Seconds that `close` waits for publishes under way."""

T = TypeVar("T")

# Programs without logging get errors; they need no lines about attempts on their stderr as well.
logging.getLogger("flowctl").addHandler(logging.NullHandler())


class RabbitBroker:
    """A RabbitMQ server or cluster.

    An administrative question waits `patience` seconds for a connection, then longer for an answer.
    """

    def __init__(self, url: str, *, name: str = "", patience: float = LONG_ANSWER) -> None:
        self._patience = patience
        name = name or f"flowctl-{new_id()[:8]}"
        self._place = redact(url)
        parameters = [
            parameters_of(url, f"{name} {use}") for use in ("publish", "consume", "admin")
        ]
        self._loop = Loop(name)
        self._links = [Link(self._loop, one, self._place) for one in parameters]
        self._publish_link, self._consume_link, self._admin_link = self._links
        self._topology = Topology(self._publish_link)
        self._publisher = Publisher(self._loop, self._publish_link, self._topology)
        self._speaker = Speaker(self._loop, self._publish_link)
        self._subscriptions: list[RabbitSubscription] = []
        self._asked: set[str] = set()
        self._closed = Event()

    def declare(self, queues: Iterable[QueueSpec]) -> None:
        """Make sure that these queues exist as described.

        A `max_length` is soft: a quorum queue learns of it while messages are under way, so a burst
        may leave some more in it than that; none is dropped, and all that is refused is told. On
        RabbitMQ before 4.0 a new queue takes 1.5 s (`topology.REGISTERED_AFTER` says why).

        Raises:
            QueueMismatch: one exists with other arguments; the message names the way out.
        """
        specs = list(queues)
        known = {spec.name: spec for spec in specs}
        try:
            self._run(declare(specs), ANSWER + len(specs) * EACH)
        except QueueMismatch:
            self._topology.specs |= known
            raise
        self._topology.specs |= known

    def publish(self, messages: Sequence[Outgoing], *, timeout: float = PUBLISH) -> None:
        """Publish and wait until every message is confirmed; confirms are pipelined.

        Raises:
            PublishFailed: some were refused; all others are confirmed.
        """
        self._submit(messages, timeout).result()

    def publish_soon(self, messages: Sequence[Outgoing]) -> Future[None]:
        """Like `publish`, without waiting: the future ends as `publish` would."""
        return self._submit(messages, PUBLISH)

    def consume(
        self,
        queues: Iterable[str],
        *,
        prefetch: int,
        on_delivery: Callable[[Sequence[Delivery | Broken]], None],
        on_state: Callable[[bool, str], None] | None = None,
        name: str = "",
    ) -> RabbitSubscription:
        """Hand deliveries of these queues to `on_delivery`, in the broker's own thread.

        Raises:
            NotFound: one of the queues does not exist and was not declared here.
        """
        self._check_open()
        names = list(queues)
        subscription = RabbitSubscription(
            self._loop,
            self._consume_link,
            self._topology,
            prefetch=prefetch,
            on_delivery=on_delivery,
            on_state=on_state,
            name=name,
        )
        self._consume_link.wait(ANSWER)
        self._loop.call(lambda: subscription.begin(names))
        if not subscription.settled.wait(ANSWER):
            subscription.fault = subscription.fault or self._consume_link.error()
        if subscription.fault is not None:
            subscription.close()
            raise subscription.fault
        self._asked.update(names)
        self._subscriptions = [one for one in self._subscriptions if not one.closed]
        self._subscriptions.append(subscription)
        return subscription

    def listen(self, on_answers: Callable[[Sequence[Message]], None]) -> str:
        """Hand answers to `on_answers`; return what `reply_to` has to be.

        The server replaces it in each message by an address that ends with the channel which
        publishes, so nothing has to be declared and nothing is left behind.
        """
        self._check_open()
        self._loop.call(lambda: self._publisher.listen(on_answers))
        return ADDRESS

    def tell(self, answers: Sequence[Outgoing]) -> None:
        """Send answers to their addresses without waiting; what cannot arrive is lost."""
        if answers and not self._closed.is_set():
            self._speaker.tell(answers)

    def depth(self, queues: Iterable[str]) -> dict[str, Depth]:
        """Return how much these queues hold; a queue that does not exist is left out.

        AMQP tells what is ready and how many consumers there are. What is unacknowledged it does
        not tell: `unacked` counts the deliveries of this object's own subscriptions only.
        """
        names = list(queues)
        found = self._run(admin.depths(names), ANSWER + len(names) * EACH)
        self._asked.update(found)
        own = self._unacked()
        return {queue: replace(depth, unacked=own.get(queue, 0)) for queue, depth in found.items()}

    def queues(self) -> list[str]:
        """Return the queues that were declared, consumed or asked about here; AMQP cannot list."""
        return sorted(self._asked | set(self._topology.specs))

    def peek(self, queue: str, *, limit: int = 50, offset: int = 0) -> list[Message]:
        """Return ready messages, oldest first, leaving each in its place.

        They are fetched and given back: for that moment no consumer sees them, and afterwards they
        are flagged as redelivered.

        Raises:
            NotFound: there is no such queue.
        """
        return self._run(admin.peek(queue, limit, offset), LONG_ANSWER)

    def purge(self, queue: str) -> int:
        """Remove all ready messages and return how many there were."""
        return self._run(admin.purge(queue))

    def remove(self, queue: str, message_id: str) -> bool:
        """Remove one ready message by id; order of the others is kept. False if it is not there."""
        return self._run(admin.remove(queue, message_id), LONG_ANSWER)

    def move(
        self, source: str, target: str, *, ids: Sequence[str] | None = None, limit: int = 0
    ) -> int:
        """Move ready messages (all, the first `limit`, or those named) and return how many."""

        def forward(chosen: Sequence[admin.Raw]) -> Future[None]:
            items = [Item(target, raw.name, raw.properties, raw.body) for raw in chosen]
            for item in items:
                item.repeat()
            return self._publisher.submit(items, {}, PUBLISH)

        wanted = None if ids is None else set(ids)
        return self._run(admin.move(source, forward, wanted, limit), LONG_ANSWER)

    def delete(self, queue: str, *, if_empty: bool = True) -> bool:
        """Delete a queue; with `if_empty` refuse (return False) while it holds messages.

        What other processes have unacknowledged cannot be seen: it would be lost if they died.
        """
        if if_empty and self._unacked().get(queue, 0):
            return False
        script = admin.delete_if_empty(queue) if if_empty else admin.delete(queue)
        gone = self._run(script)
        if gone:
            self._topology.specs.pop(queue, None)
            self._asked.discard(queue)
        return gone

    def check(self) -> str:
        """Return one line that says what broker this is and that it answers."""
        properties = self._run(_server())
        version, cluster = (word(properties, key) for key in ("version", "cluster_name"))
        product = word(properties, "product") or "AMQP broker"
        return f"{product} {version}, cluster {cluster}, at {self._place}"

    def close(self) -> None:
        """Give back what was not acknowledged and end all threads; confirmed messages are safe."""
        if self._closed.is_set():
            return
        self._closed.set()
        for subscription in list(self._subscriptions):
            subscription.close()
        self._drain()
        for link in self._links:
            done = Event()
            self._loop.call(lambda link=link, done=done: link.close(done.set))  # type: ignore[misc]
            done.wait(DRAIN)
        self._loop.close()

    def _drain(self) -> None:
        """Wait a moment for publishes under way, then tell the rest that it is over."""
        done = Event()

        def look(tries: int) -> None:
            if tries == 0 or self._publisher.idle or self._publish_link.connection is None:
                self._publisher.stop(
                    BrokerUnavailable(f"{self._place}: this connection was closed")
                )
                done.set()
            else:
                self._loop.later(0.05, lambda: look(tries - 1))

        self._loop.call(lambda: look(int(DRAIN / 0.05)))
        done.wait(DRAIN + 1)

    def _submit(self, messages: Sequence[Outgoing], timeout: float) -> Future[None]:
        self._check_open()
        items, reasons = written(messages)
        return self._publisher.submit(items, reasons, timeout)

    def _run(self, script: Script[T], timeout: float = ANSWER) -> T:
        self._check_open()
        self._admin_link.wait(min(timeout, self._patience))
        return run(self._loop, self._admin_link, script, timeout)

    def _unacked(self) -> dict[str, int]:
        def count() -> dict[str, int]:
            total: dict[str, int] = {}
            for subscription in self._subscriptions:
                for queue, number in subscription.unacked().items():
                    total[queue] = total.get(queue, 0) + number
            return total

        return self._loop.ask(count, ANSWER)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise BrokerUnavailable(f"the connection to {self._place} was closed")


def _server() -> Script[dict[str, Any]]:
    """Return what the server says of itself; opening the channel proves that it answers."""
    step: Step = lambda channel, callback: callback(channel.connection.server_properties)  # noqa: E731
    (properties,) = yield step
    return dict(properties)
