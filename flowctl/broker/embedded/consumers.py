"""The consumers of one embedded broker object: what each holds, and which tags are void.

Messages are claimed by the writer's thread at the end of its transactions and wait in the outbox
for the keeper's thread, which hands them to their callbacks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from flowctl.broker.base import Broken, Delivery, QueueSpec
from flowctl.broker.embedded import queues as queues
from flowctl.broker.embedded import rows as rows
from flowctl.broker.embedded import sessions
from flowctl.broker.embedded.rows import Claimed, Transaction
from flowctl.broker.embedded.writer import Writer
from flowctl.errors import BrokerUnavailable, FlowError

OnDelivery = Callable[[Sequence[Delivery | Broken]], None]
OnState = Callable[[bool, str], None]
Tag = tuple[int, int]


class EmbeddedSubscription:
    """One consumer; what it holds is guarded by the lock of `Consumers`."""

    def __init__(self, home: Consumers, number: int, on_delivery: OnDelivery) -> None:
        self._home = home
        self.number = number
        self.on_delivery = on_delivery
        self.on_state: OnState | None = None
        self.prefetch = 0
        self.queues: dict[str, QueueSpec | None] = {}
        """With what is known of them; None while it was never seen."""
        self.queue_ids: dict[int, str] = {}
        self.held: set[int] = set()
        self.more = True
        """Whether its queues may hold something that nobody has looked at yet."""
        self.closed = False
        self.calling = threading.RLock()
        """Held while a callback runs, so that none runs after `close`."""

    @property
    def free(self) -> int:
        """How many more messages it may hold."""
        return 0 if self.closed else max(0, self.prefetch - len(self.held))

    def add(self, queues: Iterable[str]) -> None:
        """Consume from these queues as well; one that is missing is looked for again and again."""
        self._home.add(self, list(queues))

    def drop(self, queues: Iterable[str]) -> None:
        """Stop consuming from these queues."""
        self._home.drop(self, set(queues))

    def window(self, prefetch: int) -> None:
        """Hold at most `prefetch` unacknowledged deliveries."""
        self._home.resize(self, prefetch)

    def ack(self, tags: Sequence[Tag]) -> None:
        """Say that these deliveries are done."""
        self._home.end(self, tags, rows.settle)

    def nack(self, tags: Sequence[Tag]) -> None:
        """Give these deliveries back."""
        self._home.end(self, tags, rows.release)

    def close(self) -> None:
        """Stop consuming and give back what was not acknowledged."""
        self._home.close_one(self)
        # A callback that hangs may not hang us as well.
        if self.calling.acquire(timeout=5.0):
            self.calling.release()


class Consumers:
    """All consumers of a broker object; they share one session."""

    def __init__(self, writer: Writer, wake: Callable[[], None]) -> None:
        self._writer = writer
        self._wake = wake
        self._lock = threading.RLock()
        self._subscriptions: dict[int, EmbeddedSubscription] = {}
        self._numbers = 0
        self._turn = 0
        self._outbox: deque[tuple[EmbeddedSubscription, int, list[Claimed]]] = deque()
        self.generation = 0
        """Grows whenever all tags become void."""
        self.session = 0
        """0 while there is none."""
        self.entering = 0
        """The session that is being made."""
        self.is_lost = False
        """Whether the session turned out to be off the record."""
        self.specs: dict[str, QueueSpec] = {}
        """The queues that were declared here."""
        self.due: float | None = None
        """When the next delayed or expiring message is due, as far as is known here."""

    def all(self) -> list[EmbeddedSubscription]:
        """Return the open subscriptions."""
        with self._lock:
            return list(self._subscriptions.values())

    def open_one(
        self,
        queues: Sequence[str],
        prefetch: int,
        on_delivery: OnDelivery,
        on_state: OnState | None,
    ) -> EmbeddedSubscription:
        """Return a new subscription.

        Raises:
            NotFound: one of the queues is missing and was never declared here.
        """
        with self._lock:
            self._numbers += 1
            subscription = EmbeddedSubscription(self, self._numbers, on_delivery)
            self._subscriptions[self._numbers] = subscription
        subscription.prefetch, subscription.on_state = prefetch, on_state
        try:
            self._writer.call(partial(self._add, subscription, queues, must=True))
        except FlowError:
            subscription.close()
            raise
        return subscription

    def add(self, subscription: EmbeddedSubscription, queues: Sequence[str]) -> None:
        """Let it consume from these queues as well."""
        self._writer.submit(partial(self._add, subscription, queues))

    def missing(self) -> dict[str, EmbeddedSubscription]:
        """Return queues that are to be consumed and were not there, each with one that waits."""
        return {
            name: one
            for one in self.all()
            for name in one.queues.keys() - set(one.queue_ids.values())
        }

    def drop(self, subscription: EmbeddedSubscription, queues: set[str]) -> None:
        """Let it consume from these queues no more."""
        self._writer.submit(partial(self._drop, subscription, queues))

    def resize(self, subscription: EmbeddedSubscription, prefetch: int) -> None:
        """Let it hold that many messages."""
        with self._lock:
            subscription.prefetch = prefetch
            subscription.more = True
        self.nudge()

    def end(
        self,
        subscription: EmbeddedSubscription,
        tags: Sequence[Tag],
        act: Callable[[Transaction, int, Sequence[int]], None],
    ) -> None:
        """Do `act` with those of these deliveries that are not void; nobody waits for it."""
        with self._lock:
            ids = [n for g, n in tags if g == self.generation and n in subscription.held]
            subscription.held.difference_update(ids)
            session = self.session
        if ids and session:
            self._writer.submit(lambda tx: act(tx, session, ids), sync=False)

    def close_one(self, subscription: EmbeddedSubscription) -> None:
        """Give back what it holds and forget it."""
        with self._lock:
            if subscription.closed:
                return
            subscription.closed = True
            del self._subscriptions[subscription.number]
            ids = list(subscription.held)
            subscription.held.clear()
            session = self.session
        self._writer.call(lambda tx: _close(tx, session, subscription, ids))

    def nudge(self) -> None:
        """Let the writer claim, if somebody has room and there may be something."""
        if self._hungry():
            self._writer.submit(_nothing, sync=False)

    def look_again(self) -> None:
        """Take it that something may be ready in every queue."""
        with self._lock:
            for subscription in self._subscriptions.values():
                subscription.more = True
        self.nudge()

    def claim(self, tx: Transaction) -> None:
        """Claim what there is room for; called by the writer at the end of each transaction."""
        tx.awake = self.session
        if tx.next_due and (self.due is None or tx.next_due < self.due):
            self.due = tx.next_due
            tx.after.append(self._wake)
        hungry = self._hungry(tx.touched)
        if not hungry or not self.session:
            return
        if not sessions.is_present(tx, self.session):
            self.is_lost = True
            tx.after.append(self._wake)
            return
        rows.ripen(tx)
        for subscription in hungry:
            self._claim_for(tx, subscription)

    def take(self) -> list[tuple[EmbeddedSubscription, int, list[Claimed]]]:
        """Return what was claimed and not handed over: subscription, generation, messages."""
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._outbox.popleft())
        return taken

    def void(self) -> int:
        """Make all tags void; return the session that was."""
        with self._lock:
            session, self.session, self.is_lost = self.session, 0, False
            self.generation += 1
            self._outbox.clear()
            for subscription in self._subscriptions.values():
                subscription.held.clear()
        return session

    def enter(self, tx: Transaction, session: int, old: int, name: str) -> None:
        """Put a new session on record, with all consumers; queues that are gone are made again."""
        if old:
            sessions.leave(tx, old)
        sessions.enter(tx, session, name)
        for subscription in self.all():
            queues.declare_missing(tx, filter(None, subscription.queues.values()))
            found = [row for name in subscription.queues if (row := tx.queue(name))]
            subscription.queue_ids = {row.id: row.spec.name for row in found}
            sessions.follow(tx, session, subscription.number, subscription.queue_ids)
        tx.after.append(partial(self._entered, session))

    def names(self, queue_ids: Iterable[int]) -> set[str]:
        """Return the names by which these queues were known here."""
        known = {i: name for one in self.all() for i, name in one.queue_ids.items()}
        return {known[i] for i in queue_ids if i in known}

    def _entered(self, session: int) -> None:
        # Whoever waited for it may have given up.
        with self._lock:
            if self.entering == session:
                self.session, self.entering = session, 0

    def _hungry(self, touched: Iterable[int] = ()) -> list[EmbeddedSubscription]:
        with self._lock:
            return [
                one
                for one in self._subscriptions.values()
                if one.free and (one.more or not one.queue_ids.keys().isdisjoint(touched))
            ]

    def _claim_for(self, tx: Transaction, subscription: EmbeddedSubscription) -> None:
        with self._lock:
            wanted, generation = subscription.free, self.generation
            # Before looking, so that a ring that comes while we look is not forgotten.
            subscription.more = False
            self._turn += 1
        claimed = rows.claim(tx, self.session, subscription.number, wanted, self._turn)
        tx.flush()
        if claimed:
            full = len(claimed) == wanted
            tx.after.append(partial(self._hand, subscription, generation, claimed, full))

    def _hand(
        self,
        subscription: EmbeddedSubscription,
        generation: int,
        claimed: list[Claimed],
        full: bool,
    ) -> None:
        ids = [one.id for one in claimed]
        with self._lock:
            if generation != self.generation:
                return
            session = self.session
            if not subscription.closed:
                subscription.held.update(ids)
                subscription.more |= full
                self._outbox.append((subscription, generation, claimed))
        if subscription.closed:
            with suppress(BrokerUnavailable):
                self._writer.submit(lambda tx: rows.release(tx, session, ids))
        self._wake()

    def _add(
        self,
        subscription: EmbeddedSubscription,
        names: Sequence[str],
        tx: Transaction,
        must: bool = False,
    ) -> None:
        queues.declare_missing(tx, [self.specs[name] for name in names if name in self.specs])
        found = [row for name in names if (row := tx.find(name) if must else tx.queue(name))]
        with self._lock:
            subscription.queues |= dict.fromkeys(names)
            subscription.queues |= {row.spec.name: row.spec for row in found}
            subscription.queue_ids |= {row.id: row.spec.name for row in found}
            subscription.more = True
        if self.session and sessions.is_present(tx, self.session):
            sessions.follow(tx, self.session, subscription.number, [row.id for row in found])

    def _drop(self, subscription: EmbeddedSubscription, names: set[str], tx: Transaction) -> None:
        with self._lock:
            gone = [i for i, name in subscription.queue_ids.items() if name in names]
            for queue in gone:
                del subscription.queue_ids[queue]
            for name in names & subscription.queues.keys():
                del subscription.queues[name]
        sessions.unfollow(tx, self.session, subscription.number, gone)


def _close(
    tx: Transaction, session: int, subscription: EmbeddedSubscription, ids: Sequence[int]
) -> None:
    rows.release(tx, session, ids)
    sessions.unfollow(tx, session, subscription.number, subscription.queue_ids)


def _nothing(tx: Transaction) -> None:
    """Do nothing but what happens at the end of every transaction."""
