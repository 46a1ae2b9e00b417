"""How much each queue may send: consumers that together have the wanted window.

RabbitMQ reads a window when a consumer begins and never again, and counts it per consumer. So a
queue's window is made of several consumers, which add up: to grow, one more begins; to shrink, some
end, and what they brought stays valid and counts. So a worker with long calls never hoards what others
could run, however its window moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

MOST_PARTS = 8
"""Consumers of one queue; where more would be needed, small ones end first."""


class Unsettled(Protocol):
    """What was delivered and is not settled, counted."""

    per_queue: Counter[str]
    per_consumer: Counter[str]


class Flow:
    """What comes from one queue."""

    __slots__ = ("active", "ending", "parts", "queue", "sought", "told")

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.parts: dict[str, int] = {}
        """Consumer tag to its window."""
        self.ending: dict[str, int] = {}
        """The same of consumers whose end the broker has not confirmed: all may still come."""
        self.active = False
        """Whether something came lately."""
        self.sought = False
        """Whether the broker is being asked for the queue."""
        self.told = False
        """Whether it was told that the queue is missing."""

    @property
    def granted(self) -> int:
        """How many deliveries its consumers may have under way."""
        return sum(self.parts.values())


class Flows:
    """The flows of one subscription; only in the loop's thread."""

    def __init__(self, name: str) -> None:
        self.by_queue: dict[str, Flow] = {}
        self._name = name
        self._queues: dict[str, str] = {}
        self._count = 0

    def queue_of(self, tag: str) -> str:
        """Return the queue that a consumer serves, also while it ends."""
        return self._queues.get(tag, "")

    def grant(
        self, channel: Any, flow: Flow, share: int, unsettled: Unsettled, *, least: int = 1
    ) -> None:
        """Bring the window of a flow to `share`, counting what ended consumers have left behind.

        It grows only if it can grow by `least`, so that it does not grow by ones.
        """
        allowed = share - left_behind(flow, unsettled)
        while flow.granted > max(0, allowed):
            for tag in adjust(flow.parts, max(0, allowed)):
                self._end(channel, flow, tag)
            allowed = share - left_behind(flow, unsettled)
        if allowed - flow.granted < least:
            return
        if len(flow.parts) >= MOST_PARTS:
            for tag in sorted(flow.parts, key=flow.parts.__getitem__)[: MOST_PARTS // 2]:
                self._end(channel, flow, tag)
            allowed = share - left_behind(flow, unsettled)
        if allowed > flow.granted:
            self._begin(channel, flow, allowed - flow.granted)

    def stop(self, channel: Any, flow: Flow) -> None:
        """End all consumers of a flow."""
        for tag in list(flow.parts):
            self._end(channel, flow, tag)

    def ended(self, tag: str) -> Flow | None:
        """Note that the broker ended a consumer by itself; return its flow."""
        flow = self.by_queue.get(self._queues.pop(tag, ""))
        if flow is not None:
            flow.parts.pop(tag, None)
            flow.ending.pop(tag, None)
        return flow

    def over(self, tag: str) -> None:
        """Note that the broker has confirmed the end of a consumer: nothing more comes from it."""
        flow = self.by_queue.get(self._queues.pop(tag, ""))
        if flow is not None:
            flow.ending.pop(tag, None)

    def tags(self) -> list[str]:
        """Return the tags of all consumers."""
        return [tag for flow in self.by_queue.values() for tag in flow.parts]

    def lost(self) -> None:
        """Forget all consumers: their channel is gone."""
        self._queues.clear()
        for flow in self.by_queue.values():
            flow.parts.clear()
            flow.ending.clear()
            flow.sought = False

    def _begin(self, channel: Any, flow: Flow, size: int) -> None:
        self._count += 1
        tag = f"{self._name}:{flow.queue}:{self._count}"
        flow.parts[tag], self._queues[tag] = size, flow.queue
        channel.basic_qos(prefetch_count=size)
        channel.basic_consume(flow.queue, unheard, consumer_tag=tag)

    def _end(self, channel: Any, flow: Flow, tag: str) -> None:
        flow.ending[tag] = flow.parts.pop(tag)
        cancel(channel, tag)


def cancel(channel: Any, tag: str) -> None:
    """End a consumer. The broker's confirmation is for whoever listens to all of them.

    pika calls the callback of every pending cancel at the first confirmation, so it means nothing.
    """
    channel.basic_cancel(tag, callback=lambda _frame: None)


def unheard(*_delivery: Any) -> None:
    """Take nothing: the channel hands its deliveries to the subscription."""


def left_behind(flow: Flow, unsettled: Unsettled) -> int:
    """Return how many deliveries of consumers that ended are not settled, or may still come."""
    known = (*flow.parts, *flow.ending)
    ended = unsettled.per_queue[flow.queue] - sum(unsettled.per_consumer[tag] for tag in known)
    return ended + sum(flow.ending.values())


def adjust(parts: Mapping[str, int], most: int) -> list[str]:
    """Return which consumers should end so that the others have no more than `most`.

    >>> adjust({"a": 8, "b": 1}, 12)
    []
    >>> adjust({"a": 8, "b": 3}, 8)
    ['b']
    >>> adjust({"a": 8, "b": 3}, 3)
    ['a']
    """
    surplus = sum(parts.values()) - most
    ending = []
    for tag in sorted(parts, key=parts.__getitem__, reverse=True):
        if parts[tag] <= surplus:
            ending.append(tag)
            surplus -= parts[tag]
    if surplus > 0:
        ending.append(min((t for t in parts if t not in ending), key=parts.__getitem__))
    return ending


def shares(window: int, queues: Iterable[str], active: Iterable[str]) -> dict[str, int]:
    """Return how many deliveries each queue may have under way.

    The active queues share the window; an idle one may send one, which makes it active. So a busy
    queue alone gets the whole window, and all together no more than the window plus one a queue.

    >>> shares(8, ["a", "b", "c"], ["a", "b"])
    {'a': 4, 'b': 4, 'c': 1}
    """
    names, busy = list(queues), set(active)
    if window <= 0:
        return dict.fromkeys(names, 0)
    if len(names) == 1:
        return {names[0]: window}
    each = -(-window // max(1, sum(name in busy for name in names)))
    return {name: each if name in busy else 1 for name in names}
