"""The thread behind the consumers of an embedded broker: it delivers, and it keeps the session.

It sleeps until something came, until a delayed message is due, or for a second. Each second it
looks for sessions that died or hang, and for queues and files that disappeared under us; nothing
depends on having heard a ring.
"""

from __future__ import annotations

import logging
import select
import socket
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from flowctl.broker.base import Broken, Delivery
from flowctl.broker.embedded import queues as acts
from flowctl.broker.embedded import rows as rows
from flowctl.broker.embedded import sessions
from flowctl.broker.embedded.consumers import Consumers, EmbeddedSubscription
from flowctl.broker.embedded.file import translated
from flowctl.broker.embedded.reader import Reader, read_queues
from flowctl.broker.embedded.rows import Claimed
from flowctl.broker.embedded.wire import unpack
from flowctl.broker.embedded.writer import Writer
from flowctl.clock import Clock
from flowctl.errors import BrokerUnavailable, Malformed

_log = logging.getLogger(__name__)

TICK = 1.0
SPARE = 8192
"""Pages that the file may hold for later; more are given back when there is nothing to do."""
PATIENCE = 5.0
"""Seconds that this thread waits for the file before it goes on with something else."""


class Sight(Struct, frozen=True, kw_only=True):
    """What a tick sees in the file."""

    sessions: list[sessions.Session]
    lost_queues: list[int]
    found: list[str]
    """Queues that were missing and are there."""
    work: bool
    moment: float | None
    free: int
    """Pages of the file that hold nothing."""


class Keeper:
    """Keeps the session of the consumers of one broker object."""

    def __init__(self, path: Path, writer: Writer, reader: Reader, clock: Clock, name: str) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._name = name
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self.consumers = Consumers(writer, self.wake)
        writer.claims = self.consumers.claim
        self._presence: sessions.Presence | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closing = False
        self._old = 0
        self._why = ""
        self._renewal: Future[bool] | None = None
        self._renewed_at = 0.0
        self._ripening: Future[None] | None = None
        self._next_tick = 0.0

    def start(self) -> None:
        """Open the session and start the thread, unless that was done before.

        Raises:
            BrokerUnavailable: the session cannot be put on record now.
        """
        with self._starting:
            if self._thread is not None:
                return
            self._enter()
            self._thread = threading.Thread(target=self._run, name=f"{self._name}-keeper")
            self._thread.daemon = True
            self._thread.start()

    def wake(self) -> None:
        """Let the thread look at once."""
        with suppress(OSError):
            self._wake_in.send(b"w")

    def close(self) -> None:
        """Give back everything and end the thread."""
        if self._closing:
            return
        self._closing = True
        self.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(PATIENCE * 2)
        session = self.consumers.void()
        if session:
            with suppress(BrokerUnavailable):
                self._writer.call(lambda tx: sessions.leave(tx, session), PATIENCE)
        self._leave_presence()
        self._wake_in.close()
        self._wake_out.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._sleep()
                self._deliver()
                if self._clock.monotonic() >= self._next_tick:
                    self._tick()
                self._ripen()
                if self.consumers.is_lost:
                    self._lose("this process did not answer for a while")
        finally:
            # Also after a mistake in a callback: others shall take over at once.
            if not self._closing:
                self._leave_presence()

    def _sleep(self) -> None:
        poller = select.poll()
        poller.register(self._wake_out, select.POLLIN)
        if self._presence is not None:
            poller.register(self._presence.socket, select.POLLIN)
        poller.poll(self._time_left() * 1000)
        with suppress(BlockingIOError):
            while self._wake_out.recv(4096):
                pass
        if self._heard():
            self.consumers.look_again()
            self._see_due()

    def _time_left(self) -> float:
        left = self._next_tick - self._clock.monotonic()
        due = self.consumers.due
        if due is not None and self._ripening is None:
            left = min(left, due - self._clock.now().timestamp())
        return max(0.0, left)

    def _heard(self) -> bool:
        heard = False
        with suppress(BlockingIOError):
            while self._presence is not None and self._presence.socket.recv(16):
                heard = True
        return heard

    def _deliver(self) -> None:
        for subscription, generation, claimed in self.consumers.take():
            batch = [_read(generation, one) for one in claimed]
            with subscription.calling:
                if not subscription.closed and generation == self.consumers.generation:
                    _hand(subscription, batch)

    def _tick(self) -> None:
        self._next_tick = self._clock.monotonic() + TICK
        if not self.consumers.session:
            self._return()
            return
        self._renew()
        with suppress(BrokerUnavailable):
            self._act_on(self._reader.run(self._look))

    def _look(self, connection: sqlite3.Connection) -> Sight:
        session = self.consumers.session
        return Sight(
            sessions=sessions.sessions(connection),
            found=sorted(self.consumers.missing().keys() & set(read_queues(connection))),
            lost_queues=sessions.lost_queues(connection, session),
            work=sessions.has_work(connection, session),
            moment=rows.next_moment(connection),
            free=int(connection.execute("PRAGMA freelist_count").fetchone()[0]),
        )

    def _act_on(self, sight: Sight) -> None:
        self.consumers.due = sight.moment
        if dead := [one.id for one in sight.sessions if self._is_dead(one)]:
            self._writer.submit(lambda tx: sessions.bury(tx, self._path, dead))
        if sight.lost_queues:
            names = ", ".join(sorted(self.consumers.names(sight.lost_queues)))
            self._lose(f"deleted and declared again: {names}")
            return
        for name, subscription in self.consumers.missing().items():
            if name in sight.found:
                subscription.add([name])
        if sight.work:
            self.consumers.look_again()
        elif sight.free > SPARE:
            self._writer.submit(acts.shrink, sync=False)

    def _is_dead(self, one: sessions.Session) -> bool:
        if one.id == self.consumers.session:
            return False
        if sessions.is_dead(self._path, one.id):
            return True
        # Where nobody could write for a while, all leases are over and nobody is to blame.
        now = self._clock.monotonic()
        return one.lease_until < now and now - self._renewed_at < sessions.LEASE / 2

    def _renew(self) -> None:
        now = self._clock.monotonic()
        if self._renewal is None:
            if now - self._renewed_at >= sessions.RENEW:
                session = self.consumers.session
                self._renewal = self._writer.submit(
                    lambda tx: sessions.renew(tx, session), sessions.LEASE
                )
            return
        if not self._renewal.done():
            return
        renewal, self._renewal = self._renewal, None
        error = renewal.exception()
        if error is None and renewal.result():
            self._renewed_at = now
        elif error is None:
            self._lose("this process did not answer for a while")
        elif now - self._renewed_at > sessions.LEASE:
            self._lose(str(error))

    def _ripen(self) -> None:
        """Let what is due become ready or expire; one request at a time."""
        if self._ripening is not None and self._ripening.done():
            self._ripening = None
            self._see_due()
        due = self.consumers.due
        if due is None or due > self._clock.now().timestamp() or self._ripening is not None:
            return
        self._ripening = self._writer.submit(rows.ripen, PATIENCE)
        self._ripening.add_done_callback(lambda _: self.wake())

    def _see_due(self) -> None:
        with suppress(BrokerUnavailable):
            self.consumers.due = self._reader.run(rows.next_moment)

    def _lose(self, why: str) -> None:
        self._old = self.consumers.void() or self._old
        self._why = why
        self._renewal = None
        self._tell(False)
        self._return()

    def _return(self) -> None:
        with suppress(BrokerUnavailable):
            self._enter()
            self._tell(True)
            self.consumers.look_again()

    def _enter(self) -> None:
        self._leave_presence()
        with translated(self._path):
            self._presence = presence = sessions.Presence(self._path)
        self.consumers.entering = presence.id
        enter = partial(self.consumers.enter, session=presence.id, old=self._old, name=self._name)
        try:
            self._writer.call(enter, PATIENCE)
        except BrokerUnavailable:
            self.consumers.entering = 0
            self._leave_presence()
            raise
        self._renewed_at = self._clock.monotonic()

    def _leave_presence(self) -> None:
        if self._presence is not None:
            self._presence.close()
            self._presence = None

    def _tell(self, connected: bool) -> None:
        for subscription in self.consumers.all():
            _tell_one(subscription, connected, self._why)


def _hand(subscription: EmbeddedSubscription, batch: Sequence[Delivery | Broken]) -> None:
    try:
        subscription.on_delivery(batch)
    except Exception:  # noqa: BLE001 - the flow of all others must go on
        _log.exception("a delivery could not be taken; it comes back with the session")


def _tell_one(subscription: EmbeddedSubscription, connected: bool, why: str) -> None:
    if subscription.on_state is None:
        return
    with subscription.calling:
        if not subscription.closed:
            subscription.on_state(connected, why)


def _read(generation: int, claimed: Claimed) -> Delivery | Broken:
    tag = (generation, claimed.id)
    try:
        message = unpack(claimed.properties, claimed.body)
    except Malformed as error:
        return Broken(tag=tag, queue=claimed.queue, body=claimed.body, reason=str(error))
    return Delivery(
        tag=tag,
        queue=claimed.queue,
        message=message,
        redelivered=claimed.deliveries > 0,
        deliveries=claimed.deliveries,
    )
