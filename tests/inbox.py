"""What the tests of brokers share: messages, a place that collects deliveries, bounded waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flowctl.broker.base import Broken, Broker, Delivery, Depth, Subscription
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.traffic import Message, Outgoing

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing should take a tenth of it."""


def message(body: bytes | str = b"1", **fields: object) -> Message:
    call_id = CallId(str(fields.pop("id", "") or new_id()))
    content = body.encode() if isinstance(body, str) else body
    return Message(id=call_id, run_id=RunId(call_id), body=content, **fields)  # type: ignore[arg-type]


def outgoing(queue: str, body: bytes | str = b"1", *, delay: float = 0.0) -> Outgoing:
    return Outgoing(queue=queue, message=message(body), delay=delay)


def publish(broker: Broker, queue: str, count: int, start: int = 0) -> list[str]:
    """Publish messages whose bodies count up; return these bodies."""
    bodies = [str(number) for number in range(start, start + count)]
    broker.publish([outgoing(queue, body) for body in bodies])
    return bodies


def until(holds: Callable[[], object], what: str = "", patience: float = PATIENCE) -> None:
    """Wait until `holds` is true; fail after a while."""
    deadline, pause = time.monotonic() + patience, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, what or "it did not happen"
        pause.wait(0.02)


def depth(broker: Broker, queue: str) -> Depth:
    return broker.depth([queue])[queue]


def until_ready(broker: Broker, queue: str, count: int) -> None:
    until(lambda: depth(broker, queue).ready == count, f"{depth(broker, queue)}, wanted {count}")


class Inbox:
    """Collects the deliveries of one subscription."""

    def __init__(self, *, ack: bool = False) -> None:
        self._changed = threading.Condition()
        self._ack = ack
        self.subscription: Subscription | None = None
        self.all: list[Delivery] = []
        self.broken: list[Broken] = []
        self.states: list[tuple[bool, str]] = []

    def on_delivery(self, batch: Sequence[Delivery | Broken]) -> None:
        if self._ack:
            self.subscribed().ack([one.tag for one in batch])
        with self._changed:
            self.all += [one for one in batch if isinstance(one, Delivery)]
            self.broken += [one for one in batch if isinstance(one, Broken)]
            self._changed.notify_all()

    def on_state(self, connected: bool, why: str) -> None:
        with self._changed:
            self.states.append((connected, why))
            self._changed.notify_all()

    def attach(self, subscription: Subscription) -> None:
        with self._changed:
            self.subscription = subscription
            self._changed.notify_all()

    def wait(self, count: int) -> list[Delivery]:
        """Wait until that many came in all; return them, whole."""
        self._wait(lambda: len(self.all) >= count, f"{count} deliveries")
        return list(self.all)

    def wait_broken(self, count: int) -> list[Broken]:
        self._wait(lambda: len(self.broken) >= count, f"{count} broken deliveries")
        return list(self.broken)

    def wait_body(self, body: str) -> Delivery:
        """Wait for a delivery with that body; return the first."""
        self._wait(lambda: body in self.bodies(), f"the body {body}")
        return next(one for one in self.all if one.message.body.decode() == body)

    def wait_state(self, connected: bool, count: int = 1) -> str:
        """Wait until that state was told so often; return why, the last time."""
        told = [why for state, why in self.states if state is connected]
        if len(told) < count:
            self._wait(lambda: [s for s, _ in self.states].count(connected) >= count, "a state")
            told = [why for state, why in self.states if state is connected]
        return told[-1]

    def bodies(self) -> list[str]:
        return [one.message.body.decode() for one in self.all]

    def ack_all(self) -> None:
        assert self.subscription is not None
        self.subscription.ack([one.tag for one in self.all])

    def subscribed(self) -> Subscription:
        """Return the subscription; the first delivery may come before `consume` has returned."""
        with self._changed:
            self._changed.wait_for(lambda: self.subscription, PATIENCE)
        assert self.subscription
        return self.subscription

    def _wait(self, holds: Callable[[], object], what: str) -> None:
        with self._changed:
            came = self._changed.wait_for(holds, PATIENCE)
            assert came, f"waited for {what}; there are {len(self.all)}, {self.states}"


@contextmanager
def consuming(
    broker: Broker, *queues: str, prefetch: int = 100, ack: bool = False
) -> Iterator[Inbox]:
    """Consume into an inbox."""
    inbox = Inbox(ack=ack)
    subscription = broker.consume(
        queues, prefetch=prefetch, on_delivery=inbox.on_delivery, on_state=inbox.on_state
    )
    inbox.attach(subscription)
    try:
        yield inbox
    finally:
        subscription.close()
