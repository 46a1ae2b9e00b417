"""What tests of brokers need again and again: messages, and an inbox to wait on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Condition
from typing import Any

from flowctl.broker.base import Broken, Delivery
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.traffic import Message, Outgoing


def outgoing(queue: str, body: bytes = b"1", *, delay: float = 0.0, **fields: Any) -> Outgoing:
    """A message for `queue` with an id of its own."""
    call_id = fields.pop("id", None) or new_id()
    message = Message(id=CallId(call_id), run_id=RunId(call_id), body=body, **fields)
    return Outgoing(queue=queue, message=message, delay=delay)


class Inbox:
    """Collects what a subscription hands over, and what it says about its connection."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.broken: list[Broken] = []
        self.states: list[tuple[bool, str]] = []
        self._changed = Condition()

    def take(self, batch: Sequence[Delivery | Broken]) -> None:
        with self._changed:
            for one in batch:
                if isinstance(one, Broken):
                    self.broken.append(one)
                else:
                    self.deliveries.append(one)
            self._changed.notify_all()

    def state(self, connected: bool, why: str) -> None:
        with self._changed:
            self.states.append((connected, why))
            self._changed.notify_all()

    def until(self, met: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until something that arrives here makes it true."""
        with self._changed:
            assert self._changed.wait_for(met, timeout), (
                f"{len(self.deliveries)} deliveries, states {self.states}"
            )

    def first(self, count: int, timeout: float = 10.0) -> list[Delivery]:
        """Wait for that many deliveries and return them."""
        self.until(lambda: len(self.deliveries) >= count, timeout)
        return self.deliveries[:count]

    @property
    def tags(self) -> list[tuple[int, int]]:
        return [delivery.tag for delivery in self.deliveries]

    @property
    def ids(self) -> list[str]:
        return [delivery.message.id for delivery in self.deliveries]


def eventually(ask: Callable[[], Any], expected: Any, timeout: float = 10.0) -> None:
    """Ask until the answer is as expected: for facts that no callback announces."""
    deadline, pause = time.monotonic() + timeout, Condition()
    answer = ask()
    while answer != expected:
        assert time.monotonic() < deadline, f"still {answer!r}, expected {expected!r}"
        with pause:
            pause.wait(0.02)
        answer = ask()
