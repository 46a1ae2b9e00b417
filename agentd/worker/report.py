"""What the worker says of itself, in its status file."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import msgspec

from agentd.worker.status import Status, write_status
from flowctl.model.states import WorkerStatus

log = logging.getLogger(__name__)

REPEAT = 2.0
"""Seconds after which the same is said again, as a sign of life."""


@dataclass(frozen=True, slots=True)
class View:
    """What the core sees at one moment."""

    serving: int
    busy: int
    pids: tuple[int, ...]
    is_draining: bool
    is_paused: bool
    generation: int
    restarts: int
    at: float


class Reporter:
    """Counts what ended and writes the file; the core sets `reason` and `trouble`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._said: Status | None = None
        self._at = 0.0
        self._calls = 0
        self._failed = 0
        self.reason = ""
        """Why the executors cannot start; empty when they can."""
        self.trouble = ""
        """Why state or broker cannot be used; empty when they can."""

    def count(self, *, failed: bool) -> None:
        """Note that a call ended."""
        self._calls += 1
        self._failed += failed

    def write(self, view: View) -> None:
        """Put the file in place."""
        self._put(
            Status(
                pid=os.getpid(),
                status=self._state(view),
                executors=view.serving,
                busy=view.busy,
                reason=self.reason or self.trouble,
                generation=view.generation,
                restarts=view.restarts,
                calls=self._calls,
                failed=self._failed,
                at=view.at,
                executor_pids=view.pids,
            ),
        )

    def end(self, at: float) -> None:
        """Say that the worker stopped by its own will."""
        self._put(Status(pid=os.getpid(), status=WorkerStatus.STOPPED, reason=self.reason, at=at))

    def _put(self, status: Status) -> None:
        said = msgspec.structs.replace(status, at=0.0)
        if said == self._said and status.at - self._at < REPEAT:
            return
        self._said, self._at = said, status.at
        try:
            write_status(self._path, status)
        except OSError as error:
            # A full disk is no reason to drop the calls that run.
            log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _state(self, view: View) -> WorkerStatus:
        if view.is_draining:
            return WorkerStatus.DRAINING
        if self.reason:
            return WorkerStatus.FAILED
        if self.trouble:
            return WorkerStatus.UNREACHABLE
        if view.is_paused:
            return WorkerStatus.PAUSED
        return WorkerStatus.RUNNING if view.serving else WorkerStatus.STARTING
