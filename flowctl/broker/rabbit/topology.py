"""Which queues must be there, and how they come into being.

Shared by publishing, consuming and administration: what was declared here is declared the same way
again if it disappears. Levels of delay come into being at their first use and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from flowctl.broker.base import QueueSpec
from flowctl.broker.rabbit.link import Link, is_missing, is_other
from flowctl.broker.rabbit.talk import (
    Script,
    Talk,
    bind,
    declare_exchange,
    declare_queue,
    passive,
    pause,
)
from flowctl.broker.rabbit.terms import (
    DELAY,
    DUE,
    LOST,
    level_arguments,
    mismatch,
    queue_arguments,
    refusal,
)

REGISTERED_AFTER = 1.5
"""Seconds after which an old RabbitMQ has written the name of a new quorum queue down.

Until then a crash loses the queue with everything that it confirmed (rabbitmq/ra#443; seen on 3.10.8
up to 0.7 s), so a declaration waits that long before it says that the queue is there.
"""
_REGISTERS_AT_ONCE = (4, 0)
_Listener = Callable[[Exception | None], None]


class Topology:
    """What this broker object declared, and what its publishing connection made sure of."""

    def __init__(self, link: Link) -> None:
        self.specs: dict[str, QueueSpec] = {}
        """Queue name to how it was last declared here."""
        self._link = link
        self._levels: set[int] = set()
        self._bound: set[str] = set()
        self._under_way: dict[tuple[int, str], list[_Listener]] = {}

    def forget(self) -> None:
        """Make sure of everything anew: the connection is a new one."""
        self._levels.clear()
        self._bound.clear()

    def knows(self, level: int, queue: str) -> bool:
        """Whether messages for `queue` can wait in that level."""
        return level in self._levels and queue in self._bound

    def prepare(self, level: int, queue: str, done: _Listener) -> None:
        """Make sure of a level and a queue; `done` gets what went wrong, or None.

        Only in the loop's thread, while the publishing link is up.
        """
        listeners = self._under_way.setdefault((level, queue), [])
        listeners.append(done)
        if len(listeners) > 1:
            return

        def finished(_value: Any, error: Exception | None) -> None:
            if error is None:
                self._levels.add(level)
                self._bound.add(queue)
            for listener in self._under_way.pop((level, queue)):
                listener(error)

        Talk(self._link.connection, _prepare(level, queue), finished)

    def why_refused(self, queue: str) -> str:
        """Return what a refusal of a publish to `queue` means."""
        spec = self.specs.get(queue)
        return "refused" if spec is not None and not spec.max_length else "full"


def declare(specs: Iterable[QueueSpec]) -> Script[None]:
    """Make sure of queues.

    Raises:
        QueueMismatch: one exists with other arguments; all others are there.
    """
    fresh = yield from _due()
    other: list[tuple[str, ChannelClosedByBroker]] = []
    for spec in specs:
        try:
            fresh |= yield from _create(spec.name, queue_arguments(spec))
        except ChannelClosedByBroker as error:
            if not is_other(error):
                raise refusal(spec.name, error.reply_code, error.reply_text) from error
            other.append((spec.name, error))
        yield bind(spec.name, DUE, spec.name)
    if fresh:
        yield pause(REGISTERED_AFTER)
    for name, cause in other:
        raise mismatch(name, cause.reply_text) from cause


def ensure(queue: str, spec: QueueSpec | None) -> Script[bool]:
    """Return whether `queue` is there, having declared it as `spec` if it was not."""
    try:
        yield passive(queue)
    except ChannelClosedByBroker as error:
        if not is_missing(error):
            raise refusal(queue, error.reply_code, error.reply_text) from error
    else:
        return True
    if spec is None:
        return False
    yield from declare([spec])
    return True


def _create(name: str, arguments: dict[str, Any]) -> Script[bool]:
    """Declare a queue; True if it is new and the broker may still forget it."""
    fresh = False
    try:
        yield passive(name)
    except ChannelClosedByBroker as error:
        if not is_missing(error):
            raise
        fresh = True
    (_, version) = yield declare_queue(name, arguments)
    return fresh and version < _REGISTERS_AT_ONCE


def _due() -> Script[bool]:
    """Make sure of the way from the levels of delay to the queues; True if it is new."""
    yield declare_exchange(DUE, "direct", {"alternate-exchange": LOST})
    yield declare_exchange(LOST, "fanout")
    fresh = yield from _create(LOST, queue_arguments(QueueSpec(name=LOST)))
    yield bind(LOST, LOST, "")
    return fresh


def _prepare(level: int, queue: str) -> Script[None]:
    fresh = yield from _due()
    name = f"{DELAY}{level}"
    fresh |= yield from _create(name, level_arguments(level))
    yield declare_exchange(name, "fanout")
    yield bind(name, name, "")
    # Last, because it fails where the queue is missing.
    yield bind(queue, DUE, queue)
    if fresh:
        yield pause(REGISTERED_AFTER)
