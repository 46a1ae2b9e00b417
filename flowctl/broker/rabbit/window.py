"""The accounts of the pipelines: what was published but not confirmed, received but not acked.

Pure: the callers own the channel, these classes only count, so that every order of confirms and
acks can be tested without a broker.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Unconfirmed(Generic[T]):
    """What was sent on one channel in confirm mode, by its publish number."""

    def __init__(self, limit: int, size_limit: int) -> None:
        self._limit, self._size_limit = limit, size_limit
        self._items: dict[int, tuple[T, int]] = {}
        self._size = 0
        self._next = 1

    def __len__(self) -> int:
        return len(self._items)

    def room(self, size: int) -> bool:
        """Whether one more of `size` bytes may be sent; the first always may."""
        if not self._items:
            return True
        return len(self._items) < self._limit and self._size + size <= self._size_limit

    def sent(self, item: T, size: int) -> None:
        """Note that `item` went out as the next publish of the channel."""
        self._items[self._next] = (item, size)
        self._size += size
        self._next += 1

    def settled(self, number: int, multiple: bool) -> list[T]:
        """Return what a confirm or refusal speaks of, and forget it."""
        numbers = [number]
        if multiple:
            numbers = [n for n in self._items if n <= number]
        return [item for n in numbers if (item := self._pop(n)) is not None]

    def first(self, wanted: Callable[[T], bool]) -> T | None:
        """Return the oldest one that is `wanted`, leaving it."""
        return next((item for item, _ in self._items.values() if wanted(item)), None)

    def lost(self) -> list[T]:
        """Return everything, oldest first, and begin to count anew."""
        items = [item for item, _ in self._items.values()]
        self._items.clear()
        self._size, self._next = 0, 1
        return items

    def _pop(self, number: int) -> T | None:
        item, size = self._items.pop(number, (None, 0))
        self._size -= size
        return item


class Intake(Generic[T]):
    """What one channel delivered: handed on up to the window, the rest held, until it is settled."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.unsettled: dict[int, tuple[str, str]] = {}
        """Delivery number to queue and consumer, in the order of arrival."""
        self.per_queue: Counter[str] = Counter()
        self.per_consumer: Counter[str] = Counter()
        self._held: deque[tuple[int, T]] = deque()

    def arrived(self, number: int, queue: str, consumer: str, item: T) -> None:
        """Note a delivery."""
        self.unsettled[number] = (queue, consumer)
        self.per_queue[queue] += 1
        self.per_consumer[consumer] += 1
        self._held.append((number, item))

    def due(self) -> list[T]:
        """Return what may be handed on now."""
        room = self.window - (len(self.unsettled) - len(self._held))
        return [self._held.popleft()[1] for _ in range(min(max(0, room), len(self._held)))]

    def held(self, queues: Collection[str] | None = None) -> list[int]:
        """Return the numbers of what was never handed on (of these queues), no longer holding it."""
        chosen = [n for n, _ in self._held if queues is None or self.unsettled[n][0] in queues]
        gone = set(chosen)
        self._held = deque(pair for pair in self._held if pair[0] not in gone)
        return chosen

    def settle(self, numbers: Iterable[int]) -> tuple[int, list[int]]:
        """Forget these deliveries; return (all up to this one or 0, and these alone).

        Unknown numbers are left out: settling one twice would close the channel.
        """
        known = {number for number in numbers if number in self.unsettled}
        upto = 0
        for number in self.unsettled:
            if number not in known:
                break
            upto = number
        for number in known:
            self._forget(*self.unsettled.pop(number))
        return upto, sorted(number for number in known if number > upto)

    def lost(self) -> None:
        """Forget everything: the channel is gone, and all comes again."""
        self.unsettled.clear()
        self.per_queue.clear()
        self.per_consumer.clear()
        self._held.clear()

    def _forget(self, queue: str, consumer: str) -> None:
        self.per_queue[queue] -= 1
        self.per_consumer[consumer] -= 1
        if not self.per_consumer[consumer]:
            # Consumers come and go; their counts must not pile up.
            del self.per_consumer[consumer]
