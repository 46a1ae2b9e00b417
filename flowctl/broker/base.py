"""The port to what is in flight; two brokers stand behind it and pass one conformance suite.

Promises, the same for both: a publish that returned is durable and in every named queue; a delivery
that was not acknowledged comes back, flagged, when its consumer is gone; a full queue refuses, it
never drops; what cannot be routed is told, never swallowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

from msgspec import Struct

from flowctl.model.traffic import Message, Outgoing


class QueueSpec(Struct, frozen=True, kw_only=True):
    """A queue as it must be."""

    name: str
    ttl: float = 0.0
    """Seconds; 0 means for ever. An expired message moves to `dead_letter`."""
    max_length: int = 0
    """0 means no limit; a publish above it is refused."""
    dead_letter: str = ""
    """The queue that takes what expired; declared by the caller as well."""


class Depth(Struct, frozen=True, kw_only=True):
    """How much a queue holds."""

    ready: int = 0
    unacked: int = 0
    consumers: int = 0


class Delivery(Struct, frozen=True, kw_only=True):
    """A message handed to this consumer; it must be acked or nacked through its subscription."""

    tag: tuple[int, int]
    """(generation of the connection, number): a tag of an older generation is void."""
    queue: str
    message: Message
    redelivered: bool
    deliveries: int
    """How often the broker handed it out before, as far as it knows."""


class Broken(Struct, frozen=True, kw_only=True):
    """A delivery that is no message of ours: kept raw so that it can go to the dead letters."""

    tag: tuple[int, int]
    queue: str
    body: bytes
    reason: str


class Subscription(Protocol):
    """A consumer of some queues. All its methods may be called from any thread."""

    def add(self, queues: Iterable[str]) -> None:
        """Consume from these queues as well."""
        ...

    def drop(self, queues: Iterable[str]) -> None:
        """Stop consuming from these queues; deliveries already made stay valid."""
        ...

    def window(self, prefetch: int) -> None:
        """Hold at most `prefetch` unacknowledged deliveries; 0 stops the flow without losing any."""
        ...

    def ack(self, tags: Sequence[tuple[int, int]]) -> None:
        """Say that these deliveries are done; tags of a lost connection are ignored."""
        ...

    def nack(self, tags: Sequence[tuple[int, int]]) -> None:
        """Give these deliveries back to their queues."""
        ...

    def close(self) -> None:
        """Stop consuming and give back everything that was not acknowledged."""
        ...


class Broker(Protocol):
    """A connection to a broker that mends itself. All methods may be called from any thread.

    Raises, everywhere: `BrokerUnavailable` when the broker does not answer within `timeout`.
    """

    def declare(self, queues: Iterable[QueueSpec]) -> None:
        """Make sure that these queues exist as described.

        Raises:
            QueueMismatch: one exists with other arguments, and all others are there; the message
                names the way out.
        """
        ...

    def publish(self, messages: Sequence[Outgoing], *, timeout: float = 30.0) -> None:
        """Publish and wait until every message is confirmed; confirms are pipelined.

        Raises:
            PublishFailed: some were refused; all others are confirmed.
        """
        ...

    def publish_soon(self, messages: Sequence[Outgoing]) -> Future[None]:
        """Like `publish`, without waiting: the future ends as `publish` would."""
        ...

    def consume(
        self,
        queues: Iterable[str],
        *,
        prefetch: int,
        on_delivery: Callable[[Sequence[Delivery | Broken]], None],
        on_state: Callable[[bool, str], None] | None = None,
        name: str = "",
    ) -> Subscription:
        """Hand deliveries of these queues to `on_delivery`, in a thread of the broker's.

        `on_delivery` must not block. `on_state(connected, why)` tells losses and returns; after a
        return all earlier tags are void and unacknowledged messages are delivered again. A queue
        that disappears is declared again as it was last declared here and reported by `on_state`.
        `name` is the consumer's name as people see it at the broker.
        """
        ...

    def listen(self, on_answers: Callable[[Sequence[Message]], None]) -> str:
        """Hand answers to `on_answers`, in a thread of the broker's; return what `reply_to` has to be.

        A later call replaces the listener. Answers are not durable: some may never come.
        """
        ...

    def tell(self, answers: Sequence[Outgoing]) -> None:
        """Send answers to their addresses without waiting; what cannot arrive is lost in silence."""
        ...

    def depth(self, queues: Iterable[str]) -> dict[str, Depth]:
        """Return how much these queues hold; a queue that does not exist is left out."""
        ...

    def queues(self) -> list[str]:
        """Return the names of all queues that this broker object can know of, sorted."""
        ...

    def peek(self, queue: str, *, limit: int = 50, offset: int = 0) -> list[Message]:
        """Return ready messages, oldest first, leaving each where it is and as it is.

        Raises:
            NotFound: there is no such queue.
        """
        ...

    def purge(self, queue: str) -> int:
        """Remove all ready messages and return how many there were."""
        ...

    def remove(self, queue: str, message_id: str) -> bool:
        """Remove one ready message by id; order of the others is kept. False if it is not there."""
        ...

    def move(
        self, source: str, target: str, *, ids: Sequence[str] | None = None, limit: int = 0
    ) -> int:
        """Move ready messages (all, the first `limit`, or those named) and return how many.

        Each is confirmed at the target before it leaves the source, so a crash may leave it in
        both, flagged `again`, and never in neither.
        """
        ...

    def delete(self, queue: str, *, if_empty: bool = True) -> bool:
        """Delete a queue; with `if_empty` refuse (return False) while it holds messages."""
        ...

    def check(self) -> str:
        """Return one line that says what broker this is and that it answers."""
        ...

    def close(self) -> None:
        """Give back what was not acknowledged and end all threads; confirmed messages are safe."""
        ...
