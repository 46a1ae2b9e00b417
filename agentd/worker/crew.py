"""The executors at work: gives them calls, hears what they say, ends those that are late.

What a call's end means is told to `Reports`; the crew itself neither records nor acknowledges.
"""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from agentd.worker.executors import Executor, Phase
from agentd.worker.frames import Frame, Kind
from agentd.worker.items import Item
from agentd.worker.outcomes import cancelled, crashed, note, stream_out, timed_out
from agentd.worker.pool import Pool
from agentd.worker.routing import Outcome
from agentd.worker.window import LONG, Pace, ahead
from flowctl.clock import Clock
from flowctl.errors import Malformed

log = logging.getLogger(__name__)

MOST_LOGGED = 1024 * 1024
"""Characters of what one call writes past `sys.stdout`; more would only slow the log down."""
RECALL_AFTER = 0.05
"""Seconds that a call may run before those behind it are taken back."""
_STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Reports:
    """Whom the crew tells."""

    ended: Callable[[Sequence[tuple[Item, Outcome]]], None]
    """These calls ended, one way or another."""
    returned: Callable[[Sequence[Item]], None]
    """These were given to an executor that ended before it began them."""
    ready: Callable[[dict[str, Any]], None]
    """An executor can run the user's code; the head of its READY frame."""
    broken: Callable[[str], None]
    """No executor can start, and why."""


class Crew:
    """Owns the pool; lives in the core's thread."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        make: Callable[[int, float], Executor],
        reports: Reports,
        clock: Clock,
    ) -> None:
        self.pool = Pool(selector, make)
        self.pace = Pace()
        self._selector = selector
        self._reports = reports
        self._clock = clock
        self._closing = False

    def take(self, item: Item) -> Executor | None:
        """Give the call to an executor and return that, or None when none may take another."""
        executor = self.pool.choose(ahead(self.pace), self._clock.monotonic())
        if executor is None:
            return None
        executor.calls.append(item)
        if len(executor.calls) == 1:
            self._mark_started(item)
        executor.send(Kind.CALL, call_head(item), item.body)
        return executor

    def running(self) -> list[Item]:
        """Return the calls that run now."""
        return [executor.calls[0] for executor in self.pool if executor.calls]

    def is_stuck(self) -> bool:
        """Tell whether every executor that serves has been in a call for long."""
        serving = self.pool.serving()
        late = self._clock.monotonic() - LONG
        return bool(serving) and all(e.calls and e.calls[0].started < late for e in serving)

    def attend(self, executor: Executor, stream: str | None, events: int) -> None:
        """Handle what the selector saw of an executor: its socket, or one of its outputs."""
        if stream is not None:
            self._drain(executor, stream)
            return
        if events & selectors.EVENT_WRITE:
            self.pool.flush(executor)
        if events & selectors.EVENT_READ:
            self._listen(executor)

    def recall(self) -> float:
        """Take back what lies behind calls that turn out to be long; return when to look again."""
        now, due = self._clock.monotonic(), inf
        for executor in self.pool:
            if len(executor.calls) < 2:
                continue
            late = max(executor.calls[0].started, executor.recalled) + RECALL_AFTER
            if now >= late:
                executor.recalled = now
                if items := executor.recall():
                    self._reports.returned(items)
                    late = now  # they may go elsewhere at once
                else:
                    late = now + RECALL_AFTER
            due = min(due, late)
        return due

    def end_late(self, limit: float) -> None:
        """End the calls that run longer than `limit` seconds (0: no limit), and stuck starts."""
        now = self._clock.monotonic()
        for executor in self.pool:
            if limit and executor.calls and now - executor.calls[0].started >= limit:
                self._abort(executor, timed_out(executor.calls[0], limit, self._clock))
        for executor in self.pool.late(now):
            log.error("executor %d did not start in time", executor.number)
            executor.kill()

    def cancel(self, call_ids: set[str]) -> None:
        """End those of these calls that run now."""
        for executor in self.pool:
            if executor.calls and executor.calls[0].message.id in call_ids:
                self._abort(executor, cancelled(executor.calls[0], self._clock))

    def close(self) -> None:
        """End every executor and whatever it runs."""
        self._closing = True
        for executor in self.pool:
            executor.kill()
            self.pool.bury(executor)

    def _mark_started(self, item: Item) -> None:
        item.started, item.started_at = self._clock.monotonic(), self._clock.now()

    def _listen(self, executor: Executor) -> None:
        try:
            frames = executor.receive()
        except Malformed as error:
            log.error("executor %d: %s", executor.number, error)
            executor.kill()
            frames = None
        if frames is None:
            self._bury(executor)
            return
        ended: list[tuple[Item, Outcome]] = []
        # What was printed past the frames before the first of them; calls are told apart no finer.
        for stream in _STREAMS:
            self._drain(executor, stream)
        for frame in frames:
            self._hear(executor, frame, ended)
        if ended:
            self._reports.ended(ended)

    def _hear(self, executor: Executor, frame: Frame, ended: list[tuple[Item, Outcome]]) -> None:
        if frame.kind is Kind.READY:
            self.pool.succeeded(executor, self._clock.monotonic())
            self._reports.ready(frame.head)
        elif frame.kind is Kind.BROKEN:
            executor.phase = Phase.BROKEN
            self._blame(_reason(frame.head))
        elif executor.calls and (outcome := note(executor.calls[0], frame, self._clock)):
            ended.append(self._finish(executor, outcome))

    def _finish(self, executor: Executor, outcome: Outcome) -> tuple[Item, Outcome]:
        item = executor.calls.popleft()
        outcome.printed = item.text()
        self.pace.observe(outcome.duration)
        if executor.calls:
            self._mark_started(executor.calls[0])
        self.pool.dismiss(executor)
        return item, outcome

    def _abort(self, executor: Executor, outcome: Outcome) -> None:
        """End the running call by ending its executor; the calls behind it have not begun."""
        item = executor.calls.popleft()
        behind = list(executor.calls)
        executor.calls.clear()
        executor.phase = Phase.BROKEN
        executor.kill()
        if behind:
            self._reports.returned(behind)
        self._reports.ended([(item, outcome)])

    def _bury(self, executor: Executor) -> None:
        for stream in _STREAMS:
            self._drain(executor, stream)
        was = executor.phase
        status, left = self.pool.bury(executor)
        if left:
            log.warning("executor %d ended with %d in a call", executor.number, status)
            outcome = crashed(left[0], status, self._clock)
            if left[1:]:
                self._reports.returned(left[1:])
            self._reports.ended([(left[0], outcome)])
        elif was is Phase.STARTING and not self._closing:
            self._blame(f"the executor ended with {status} before it was ready")
        self.pool.adjust(self._clock.monotonic())

    def _blame(self, reason: str) -> None:
        delay = self.pool.failed(self._clock.monotonic())
        log.error("executors cannot start (again in %.0f s): %s", delay, reason)
        self._reports.broken(reason)

    def _drain(self, executor: Executor, stream: str) -> None:
        number = executor.stdout if stream == "stdout" else executor.stderr
        if number not in self._selector.get_map():
            return
        text = executor.drain(number)
        if text is None:
            self._selector.unregister(number)
        elif text and executor.calls:
            self._log(executor.calls[0], stream, text)
        elif text:
            log.info("%s", text.rstrip(), extra={"stream": stream})

    def _log(self, item: Item, stream: str, text: str) -> None:
        before = item.printed_size
        item.take_output(text)
        if before >= MOST_LOGGED:
            return
        stream_out(item, stream, text)
        if item.printed_size >= MOST_LOGGED:
            stream_out(item, stream, "[what it prints from here on is not logged]")


def call_head(item: Item) -> dict[str, Any]:
    """Return the head of the CALL frame of an item."""
    message, route = item.message, item.route
    head = {
        "id": message.id,
        "task": route.socket.spec.task,
        "content_type": item.content_type,
        "named": item.named,
        "plugs": [plug.name for plug in route.outbound],
        "context": {
            "call_id": message.id,
            "run_id": message.run_id,
            "socket": route.socket.name,
            "attempt": message.attempt,
            "network": route.network,
            "parent": message.parent,
        },
        **route.extras,
    }
    return {**head, "parts": item.parts} if item.parts else head


def _reason(head: dict[str, Any]) -> str:
    trace = str(head.get("traceback") or "").strip()
    return f"{head.get('type')}: {head.get('message')}" + (f"\n{trace}" if trace else "")
