"""Reading without ever making the screen wait: clerks in threads, each with a store and a broker.

A `Clerk` is a thread with a `Control` of its own. A `Feed` has one clerk read the same thing again and
again and hands each `Reading` to the screen as a message; a job is done once. The screen's thread
never asks a database or a broker, so nothing that hangs there can freeze it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from queue import SimpleQueue
from typing import Any

from flowctl.errors import FlowError, Unavailable
from flowctl.services.control import Control

Opener = Callable[[], AbstractContextManager[Control]]
Read = Callable[[Control], Any]


class Link(StrEnum):
    """How it stands with what is shown."""

    WAITING = "connecting"  # nothing came yet, nothing failed yet
    CONNECTED = "connected"
    STALE = "stale"  # what is shown is older than it should be, and nobody said why
    LOST = "disconnected"  # the last look failed


@dataclass(frozen=True)
class Reading:
    """What a feed knows: the newest value that came, when, and why none came since."""

    value: Any = None
    at: datetime | None = None
    error: FlowError | None = None

    def link(self, now: datetime, period: float) -> Link:
        """Tell how it stands at a moment; a reading may be as old as some periods."""
        if self.error is not None:
            return Link.LOST
        if self.at is None:
            return Link.WAITING
        return Link.STALE if self.age(now) > 4 * period + 1 else Link.CONNECTED

    def age(self, now: datetime) -> float:
        """Return how old the value is, in seconds."""
        return (now - self.at).total_seconds() if self.at else 0.0


class Clerk:
    """A thread with a control of its own, that does one job after another."""

    def __init__(self, opener: Opener, number: int) -> None:
        self._opener = opener
        self._jobs: SimpleQueue[Callable[[Control], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"clerk-{number}", daemon=True)
        self._thread.start()

    def do(self, job: Callable[[Control], None]) -> None:
        """Have a job done; it must not raise."""
        self._jobs.put(job)

    def leave(self) -> None:
        """End after the present job."""
        self._jobs.put(None)

    def join(self, timeout: float) -> None:
        """Wait a while for the end; a clerk that hangs is a daemon thread and ends with the process."""
        self._thread.join(timeout)

    def _work(self) -> None:
        with ExitStack() as stack:
            control: Control | None = None
            while (job := self._jobs.get()) is not None:
                if control is None:
                    control = stack.enter_context(self._opener())
                job(control)


class Office:
    """The clerks: one is hired where none is free, and is free again after its job."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._free: list[Clerk] = []
        self._all: list[Clerk] = []
        self._closed = False

    def assign(self, job: Callable[[Control], None]) -> None:
        """Have a clerk do a job, at once."""
        with self._lock:
            if self._closed:
                return
            clerk = self._free.pop() if self._free else self._hire()
        clerk.do(lambda control: self._done(clerk, job, control))

    def _hire(self) -> Clerk:
        clerk = Clerk(self._opener, len(self._all) + 1)
        self._all.append(clerk)
        return clerk

    def _done(self, clerk: Clerk, job: Callable[[Control], None], control: Control) -> None:
        try:
            job(control)
        finally:
            with self._lock:
                self._free.append(clerk)

    def close(self, timeout: float = 2.0) -> None:
        """Send everybody home; who hangs is left behind."""
        with self._lock:
            self._closed = True
            everybody = list(self._all)
        for clerk in everybody:
            clerk.leave()
        for clerk in everybody:
            clerk.join(timeout / max(1, len(everybody)))


class Feed:
    """Reads again and again until it is stopped; `deliver` is called in the clerk's thread."""

    def __init__(
        self, office: Office, read: Read, period: float, deliver: Callable[[Reading], None]
    ) -> None:
        self.read = read
        """May be replaced at any time; the next look uses the new one."""
        self.period = period
        self._deliver = deliver
        self._wake = threading.Event()
        self._stopped = False
        office.assign(self._run)

    def refresh(self) -> None:
        """Look again now."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more, and tell nothing more."""
        self._stopped = True
        self._wake.set()

    def _run(self, control: Control) -> None:
        last = Reading()
        while not self._stopped:
            self._wake.clear()
            last = look(control, self.read, last)
            if not self._stopped:
                self._deliver(last)
                self._wake.wait(self.period)


def look(control: Control, read: Read, last: Reading) -> Reading:
    """Read once: a new value, or the old one with the reason why."""
    try:
        return Reading(read(control), control.clock.now())
    except FlowError as error:
        return Reading(last.value, last.at, error)
    except Exception as error:  # noqa: BLE001 - a view that cannot be read must not end the cockpit
        return Reading(last.value, last.at, Unexpected(error))


class Unexpected(FlowError):
    """Something went wrong that nobody foresaw; the cockpit goes on without it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}", remedy="flowctl doctor")


def is_outage(error: FlowError | None) -> bool:
    """Tell whether an error is that something does not answer."""
    return isinstance(error, Unavailable)
