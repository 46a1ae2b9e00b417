"""The executors of a worker: as many as wanted, replaced when they end, retired when too many."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator
from itertools import count

from agentd.worker.executors import Executor, Phase
from agentd.worker.frames import Kind
from agentd.worker.items import Item
from agentd.worker.window import AHEAD_SECONDS

START_LIMIT = 60.0
"""Seconds that an import may take."""
_BACKOFF = (1.0, 300.0)


class Pool:
    """Starts, watches and ends executors; who gets which call is the core's business."""

    def __init__(
        self, selector: selectors.BaseSelector, make: Callable[[int, float], Executor]
    ) -> None:
        self._selector = selector
        self._make = make
        self._numbers = count(1)
        self._executors: dict[int, Executor] = {}
        self.wanted = 0
        self.failures = 0
        """How many in a row could not start."""
        self._not_before = 0.0

    def __iter__(self) -> Iterator[Executor]:
        """Go through the executors that live."""
        return iter(list(self._executors.values()))

    def serving(self) -> list[Executor]:
        """Return those that take calls."""
        return [executor for executor in self if executor.serves]

    def busy(self) -> int:
        """Return how many run a call."""
        return sum(1 for executor in self if executor.calls)

    def adjust(self, now: float) -> None:
        """Start those that are missing and retire those that are too many."""
        current = [e for e in self if e.phase in (Phase.STARTING, Phase.READY)]
        for executor in sorted(current, key=lambda e: len(e.calls))[: len(current) - self.wanted]:
            self.retire(executor)
        if now < self._not_before:
            return
        # After a failure one tries first: a broken import must not start a storm.
        missing = self.wanted - len(current)
        for _ in range(min(missing, 1) if self.failures else missing):
            self._start(now)

    def retire(self, executor: Executor) -> None:
        """Give it no more calls; it stops after those it has."""
        executor.phase = Phase.RETIRING
        self.dismiss(executor)

    def dismiss(self, executor: Executor) -> None:
        """Let a retiring executor go if it has nothing left to do."""
        if executor.phase is Phase.RETIRING and not executor.calls:
            executor.send(Kind.STOP, {})
            self.flush(executor)

    def replace_all(self) -> None:
        """Retire every executor; `adjust` starts others, which read their setup anew."""
        for executor in self:
            if executor.phase in (Phase.STARTING, Phase.READY):
                self.retire(executor)

    def choose(self, ahead: int, now: float) -> Executor | None:
        """Return the executor that has least to do, if it may be given another call.

        Nothing is put behind a call that has been running for a while: nobody knows for how long.
        """
        free = [
            e
            for e in self._executors.values()
            if e.serves
            and (not e.calls or (len(e.calls) < ahead and now - e.calls[0].started < AHEAD_SECONDS))
        ]
        return min(free, key=lambda e: len(e.calls), default=None)

    def flush(self, executor: Executor) -> None:
        """Write to it what it takes, and watch for room where it takes no more."""
        events = selectors.EVENT_READ
        if executor.flush():
            events |= selectors.EVENT_WRITE
        key = self._selector.get_key(executor.socket)
        if key.events != events:
            self._selector.modify(executor.socket, events, key.data)

    def late(self, now: float) -> list[Executor]:
        """Return those that have been starting for too long."""
        return [e for e in self if e.phase is Phase.STARTING and now - e.since > START_LIMIT]

    def succeeded(self, executor: Executor, now: float) -> None:
        """Note that an executor is ready."""
        if executor.phase is Phase.STARTING:
            executor.phase, executor.since = Phase.READY, now
        self.failures, self._not_before = 0, 0.0

    def failed(self, now: float) -> float:
        """Note that one could not start; return the seconds until the next try."""
        self.failures += 1
        delay: float = min(_BACKOFF[1], _BACKOFF[0] * 2 ** min(self.failures - 1, 20))
        self._not_before = now + delay
        return delay

    def bury(self, executor: Executor) -> tuple[int, list[Item]]:
        """Reap an executor that ended; return its exit status and the calls it leaves."""
        for stream in (executor.socket, executor.stdout, executor.stderr):
            if stream in self._selector.get_map():
                self._selector.unregister(stream)
        del self._executors[executor.number]
        return executor.close(), list(executor.calls)

    def _start(self, now: float) -> None:
        executor = self._make(next(self._numbers), now)
        self._executors[executor.number] = executor
        self._selector.register(executor.socket, selectors.EVENT_READ, (executor, None))
        for name, stream in (("stdout", executor.stdout), ("stderr", executor.stderr)):
            self._selector.register(stream, selectors.EVENT_READ, (executor, name))
        self.flush(executor)
