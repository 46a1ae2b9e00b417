"""The one thread of an embedded broker that writes: it groups what is asked for meanwhile.

Syncing a commit to the disk takes longer than all its statements, so everything that was asked for
while the last commit ran goes into the next one.

Claims and acknowledgements alone do not wait for the disk: they survive the death of any process at
once, and a power cut after `LAZY` seconds at the latest; what it undoes is delivered again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from flowctl.broker.embedded.file import BUSY, inode, is_busy, open_file, open_log, translated
from flowctl.broker.embedded.gate import Gate
from flowctl.broker.embedded.rows import Transaction
from flowctl.broker.embedded.sessions import Bell, sessions_folder, sleepers
from flowctl.clock import Clock
from flowctl.errors import BrokerUnavailable, FlowError

GROUP = 64
"""How many jobs one transaction takes at most, so that other processes get their turn."""
LAZY = 0.05
"""Seconds that claims and acknowledgements may wait for the disk while more of them come."""
TIMEOUT = 30.0
"""Seconds that an act waits for the file."""
PAUSE = 0.5
"""Seconds before a job that must not be given up is tried again."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """Something to do inside a transaction."""

    work: Callable[[Transaction], Any]
    deadline: float
    """`clock.monotonic()` when nobody waits any more; `inf`: it must happen in the end."""
    future: Future[Any]
    sync: bool
    """Whether it must be on the disk before it is told."""
    result: Any = None
    error: Exception | None = None

    def tell(self) -> None:
        """End the future."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs jobs in transactions, in the order in which they came."""

    def __init__(self, path: Path, clock: Clock, name: str) -> None:
        self._path = path
        self._clock = clock
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._log = -1
        self._owed_since: float | None = None
        """When the first commit was made that is not on the disk yet."""
        self._thread = threading.Thread(target=self._run, name=f"{name}-writer", daemon=True)
        self._started = False
        self._current: list[Job] = []
        self._doing: Job | None = None
        self._bell = Bell()
        self._gate = Gate(sessions_folder(path))
        self.claims: Callable[[Transaction], None] = _claim_nothing
        """Called at the end of every transaction: what the consumers of this process take."""

    def submit(
        self, work: Callable[[Transaction], T], timeout: float = inf, *, sync: bool = True
    ) -> Future[T]:
        """Let `work` be done in the next transaction; a FlowError it raises ends the future."""
        future: Future[T] = Future()
        job = Job(work, self._clock.monotonic() + timeout, future, sync)
        with self._changed:
            if self._closing:
                raise BrokerUnavailable(f"embedded broker {self._path} was closed")
            if not self._started:
                self._started = True
                self._thread.start()
            self._jobs.append(job)
            self._changed.notify()
        return future

    def call(self, work: Callable[[Transaction], T], timeout: float = TIMEOUT) -> T:
        """Let `work` be done in the next transaction and wait for what it returns.

        Raises:
            BrokerUnavailable: that did not happen in time.
        """
        future = self.submit(work, timeout)
        try:
            return future.result(timeout + 1.0)
        except TimeoutError as error:
            future.cancel()
            raise BrokerUnavailable(
                f"embedded broker {self._path} did not answer within {timeout:g} s"
            ) from error

    def close(self) -> None:
        """Do what was asked for, as far as that is possible now, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._started:
            self._thread.join()
            self._gate.close()
        self._bell.close()

    def _run(self) -> None:
        try:
            while (jobs := self._next()) is not None:
                if jobs:
                    self._commit(jobs)
                else:
                    self._pay()
        finally:
            if self._owed_since is not None:
                self._pay()
            # Also after a mistake of ours: nobody may wait for a thread that is gone.
            with self._changed:
                self._closing = True
            error = BrokerUnavailable(f"embedded broker {self._path} was closed")
            _fail([*self._current, *self._jobs], error)
            self._disconnect()

    def _next(self) -> list[Job] | None:
        """Return what to do; nothing: the disk is to be synced; None: it is over."""
        with self._changed:
            while not self._jobs:
                if self._closing:
                    return None
                if not self._changed.wait(self._grace()):
                    return []
            jobs = [self._jobs.popleft() for _ in range(min(GROUP, len(self._jobs)))]
        return [job for job in jobs if job.future.running() or _start(job)]

    def _commit(self, jobs: list[Job]) -> None:
        self._current = jobs
        try:
            with translated(self._path):
                self._transact(jobs)
        except BrokerUnavailable as error:
            self._give_up(jobs, error)
            return
        except Exception as error:  # noqa: BLE001 - told to whoever asked for it; the others go on
            self._blame(jobs, error)
            return
        self._current = []
        for job in jobs:
            job.tell()

    def _transact(self, jobs: list[Job]) -> None:
        self._doing = None
        self._gate.enter(BUSY)
        try:
            tx, waiting = self._write(jobs)
        finally:
            self._gate.leave()
        # From here on others can write, and see what was written; nobody is told yet that it lasts.
        self._bell.ring(waiting)
        for act in tx.after:
            act()
        self._sync(jobs)

    def _write(self, jobs: list[Job]) -> tuple[Transaction, list[int]]:
        connection = self._begin()
        tx = Transaction(connection, self._clock.now().timestamp(), self._clock.monotonic())
        try:
            for self._doing in jobs:
                _do(self._doing, tx)
            self._doing = None
            tx.flush()
            self.claims(tx)
            tx.flush()
            waiting = sleepers(tx)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return tx, waiting

    def _grace(self) -> float | None:
        """Return how long the disk may still be left alone; None where nothing is owed to it."""
        if self._owed_since is None:
            return None
        return max(0.0, self._owed_since + LAZY - self._clock.monotonic())

    def _sync(self, jobs: list[Job]) -> None:
        if self._owed_since is None:
            self._owed_since = self._clock.monotonic()
        if any(job.sync for job in jobs) or self._grace() == 0.0:
            self._flush()

    def _flush(self) -> None:
        if self._log < 0:
            self._log = open_log(self._path)
        os.fdatasync(self._log)
        self._owed_since = None

    def _pay(self) -> None:
        """Sync what nobody waits for, now that nothing else is to be done."""
        try:
            with translated(self._path):
                self._flush()
        except BrokerUnavailable as error:
            _log.warning("%s", error)
            self._owed_since = None

    def _begin(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        if inode(self._path) != self._inode:
            # Somebody removed or replaced the file; what we would write, nobody could read.
            connection.execute("ROLLBACK")
            self._disconnect()
            return self._begin()
        return connection

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_file(self._path)
            self._inode = inode(self._path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def _blame(self, jobs: list[Job], error: Exception) -> None:
        """End the one job that made the mistake and do the others again; nothing is half done."""
        _log.error("an act on %s failed: %r", self._path, error)
        culprits = [job for job in jobs if self._doing in (job, None)]
        self._current, self._doing = [], None
        _fail(culprits, error)
        with self._changed:
            self._jobs.extendleft(job for job in reversed(jobs) if job not in culprits)

    def _give_up(self, jobs: list[Job], error: BrokerUnavailable) -> None:
        """End jobs that cannot be done; those that must be, or still can be, stay first in line."""
        busy = is_busy(error.__cause__)
        now = self._clock.monotonic()
        kept = [job for job in jobs if job.deadline == inf or (busy and now < job.deadline)]
        self._current = []
        _fail([job for job in jobs if job not in kept], error)
        with self._changed:
            if self._closing:
                _fail(kept, error)
                return
            self._jobs.extendleft(reversed(kept))
            if kept and not busy:
                self._changed.wait(PAUSE)


def _claim_nothing(tx: Transaction) -> None:
    """Take nothing: this process consumes nothing."""


def _start(job: Job) -> bool:
    return job.future.set_running_or_notify_cancel()


def _do(job: Job, tx: Transaction) -> None:
    job.result = job.error = None
    try:
        job.result = job.work(tx)
    except FlowError as error:
        job.error = error


def _fail(jobs: Iterable[Job], error: Exception) -> None:
    for job in jobs:
        if job.future.running() or _start(job):
            job.error = error
            job.tell()
