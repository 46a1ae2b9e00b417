"""The broker in a file: what RabbitMQ promises, on one machine, with nothing to install.

Any number of processes use one SQLite file. See the rooms behind it: `file` (tables),
`rows` (what is done with rows), `writer` (group commit), `sessions` (who
lives), `consumers` (who holds what) and `keeper` (the thread that delivers).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from flowctl.broker.base import Broken, Delivery, Depth, QueueSpec, Subscription
from flowctl.broker.embedded import queues as acts
from flowctl.broker.embedded import rows as rows
from flowctl.broker.embedded import sessions
from flowctl.broker.embedded.answers import Listener, Speaker
from flowctl.broker.embedded.keeper import Keeper
from flowctl.broker.embedded.reader import Reader, read_depth, read_queues, read_ready
from flowctl.broker.embedded.rows import Posted, Transaction
from flowctl.broker.embedded.wire import pack
from flowctl.broker.embedded.writer import Writer
from flowctl.clock import Clock, SystemClock
from flowctl.errors import Malformed, PublishFailed, TooLarge
from flowctl.model.traffic import Message, Outgoing


class EmbeddedBroker:
    """The port of `flowctl.broker.base`, on a file."""

    def __init__(self, path: Path, *, name: str = "", clock: Clock | None = None) -> None:
        self._path = path.resolve()
        self._clock = clock or SystemClock()
        self._name = name or "flowctl"
        self._writer = Writer(self._path, self._clock, self._name)
        self._reader = Reader(self._path)
        self._keeper = Keeper(self._path, self._writer, self._reader, self._clock, self._name)
        self._speaker = Speaker()
        self._listener: Listener | None = None
        self._listening = threading.Lock()

    def declare(self, queues: Iterable[QueueSpec]) -> None:
        """Make sure that these queues exist as described.

        Raises:
            QueueMismatch: some exist with other arguments; all others are there.
        """
        specs = list(queues)
        self._writer.call(lambda tx: acts.declare(tx, specs))
        self._keeper.consumers.specs |= {spec.name: spec for spec in specs}

    def publish(self, messages: Sequence[Outgoing], *, timeout: float = 30.0) -> None:
        """Publish and wait until every message is on the disk.

        Raises:
            PublishFailed: some were refused; all others are on the disk.
        """
        posted, refused = _encode(messages)
        self._writer.call(partial(_post, posted, refused), timeout)

    def publish_soon(self, messages: Sequence[Outgoing]) -> Future[None]:
        """Like `publish`, without waiting."""
        posted, refused = _encode(messages)
        return self._writer.submit(partial(_post, posted, refused), 30.0)

    def consume(
        self,
        queues: Iterable[str],
        *,
        prefetch: int,
        on_delivery: Callable[[Sequence[Delivery | Broken]], None],
        on_state: Callable[[bool, str], None] | None = None,
        name: str = "",
    ) -> Subscription:
        """Hand deliveries of these queues to `on_delivery`; sessions bear the broker's name.

        Raises:
            NotFound: one of the queues does not exist and was not declared here.
        """
        self._keeper.start()
        # What the dead held is older than what waits.
        self._catch_up()
        return self._keeper.consumers.open_one(list(queues), prefetch, on_delivery, on_state)

    def listen(self, on_answers: Callable[[Sequence[Message]], None]) -> str:
        """Hand answers to `on_answers`; return what `reply_to` has to be."""
        with self._listening:
            if self._listener is None:
                self._listener = Listener(self._path, self._name)
            self._listener.hear = on_answers
            return self._listener.address

    def tell(self, answers: Sequence[Outgoing]) -> None:
        """Send answers to their addresses; what cannot arrive at once is lost."""
        self._speaker.tell(answers)

    def depth(self, queues: Iterable[str]) -> dict[str, Depth]:
        """Return how much these queues hold."""
        self._catch_up()
        names = list(queues)
        return self._reader.run(lambda connection: read_depth(connection, names))

    def queues(self) -> list[str]:
        """Return the names of all queues, sorted."""
        return self._reader.run(read_queues)

    def peek(self, queue: str, *, limit: int = 50, offset: int = 0) -> list[Message]:
        """Return ready messages, oldest first.

        Raises:
            NotFound: there is no such queue.
        """
        self._catch_up()
        return self._reader.run(lambda connection: read_ready(connection, queue, limit, offset))

    def purge(self, queue: str) -> int:
        """Remove all ready messages and return how many there were.

        Raises:
            NotFound: there is no such queue.
        """
        self._catch_up()
        total = 0
        while some := self._writer.call(lambda tx: acts.purge(tx, queue)):
            total += some
        return total

    def remove(self, queue: str, message_id: str) -> bool:
        """Remove one ready message by id.

        Raises:
            NotFound: there is no such queue.
        """
        self._catch_up()
        return self._writer.call(lambda tx: acts.remove(tx, queue, message_id))

    def move(
        self, source: str, target: str, *, ids: Sequence[str] | None = None, limit: int = 0
    ) -> int:
        """Move ready messages, as many as the target takes, and return how many.

        Raises:
            NotFound: one of the queues does not exist.
        """
        self._catch_up()
        return self._writer.call(lambda tx: acts.move(tx, source, target, ids, limit))

    def delete(self, queue: str, *, if_empty: bool = True) -> bool:
        """Delete a queue; with `if_empty` refuse (return False) while it holds messages."""
        self._catch_up()
        gone = self._writer.call(lambda tx: acts.delete(tx, queue, if_empty))
        if gone:
            self._keeper.consumers.specs.pop(queue, None)
        return gone

    def check(self) -> str:
        """Return one line that says what broker this is and that it answers."""
        self._writer.call(_nothing)
        count = len(self._reader.run(read_queues))
        noun = "queue" if count == 1 else "queues"
        return f"embedded broker {self._path}, SQLite {sqlite3.sqlite_version}, {count} {noun}"

    def close(self) -> None:
        """Give back what was not acknowledged and end all threads."""
        self._keeper.close()
        self._writer.close()
        self._reader.close()
        self._speaker.close()
        if self._listener is not None:
            self._listener.close()

    def _catch_up(self) -> None:
        """Do what a consumer would have done by now: there may be none."""
        now = self._clock.now().timestamp()
        on_record = self._reader.run(sessions.sessions)
        dead = [one.id for one in on_record if sessions.is_dead(self._path, one.id)]
        moment = self._reader.run(rows.next_moment)
        if dead or (moment is not None and moment <= now):
            self._writer.call(partial(_catch_up, self._path, dead))


def _encode(messages: Sequence[Outgoing]) -> tuple[list[Posted], dict[str, str]]:
    posted: list[Posted] = []
    refused: dict[str, str] = {}
    for outgoing in messages:
        message = outgoing.message
        try:
            properties = pack(message)
        except TooLarge:
            refused[message.id] = "too large"
        except Malformed:
            refused[message.id] = "refused"
        else:
            posted.append(
                Posted(
                    queue=outgoing.queue,
                    message_id=message.id,
                    properties=properties,
                    body=message.body,
                    delay=outgoing.delay,
                )
            )
    return posted, refused


def _post(posted: Sequence[Posted], refused: dict[str, str], tx: Transaction) -> None:
    reasons = refused | rows.insert(tx, posted)
    if reasons:
        raise PublishFailed(reasons)


def _catch_up(path: Path, dead: Sequence[int], tx: Transaction) -> None:
    sessions.bury(tx, path, dead)
    rows.ripen(tx)


def _nothing(tx: Transaction) -> None:
    """Prove that a transaction goes through."""
