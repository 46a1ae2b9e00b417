"""Follows what is wanted of this worker: its assignment, the queues it needs, its long calls.

Runs in the keeper's thread, so that a worker needs one database connection and no more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from agentd.worker.identity import Identity
from flowctl.broker.base import QueueSpec
from flowctl.errors import FlowError, Unavailable
from flowctl.model.flow import Argument, Task
from flowctl.model.work import Assignment
from flowctl.services import queues
from flowctl.services.control import Control

log = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(seconds=float(os.environ.get("FLOWCTL_CLAIM_LEASE", "60")))
_RENEW = CLAIM_LEASE.total_seconds() / 4
_RELIST = 15.0
ORPHAN_AFTER = float(os.environ.get("FLOWCTL_ORPHAN_AFTER", "600"))
"""Seconds without a sign of life from its agent before a worker ends by itself."""


class Follower:
    """Tells the core of every change of its assignment, once the broker is ready for it."""

    def __init__(
        self,
        control: Control,
        identity: Identity,
        assign: Callable[[Assignment | None], None],
        cancel: Callable[[set[str]], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._control = control
        self._identity = identity
        self._assign = assign
        self._cancel = cancel
        self._trouble = trouble
        self._revision = -1
        self._listed = 0.0
        self._renewed = 0.0
        self._told = ""
        self._last: Assignment | None = None
        self._tasks: tuple[Task, ...] | None = None

    def tick(self) -> None:
        """Look whether something changed; errors are told, never raised."""
        if self._is_orphan():
            log.warning("no agent for %.0f s", ORPHAN_AFTER)
            self._assign(None)
        try:
            self._renew()
            self._follow()
        except Unavailable as error:
            self._tell(str(error))
        except FlowError as error:
            if str(error) != self._told:
                log.error("%s", error)
            self._tell(str(error))
        else:
            self._tell("")

    def _tell(self, why: str) -> None:
        if why != self._told:
            self._told = why
            self._trouble(why)

    def _is_orphan(self) -> bool:
        """Tell whether nobody would restart or stop this worker any more."""
        home = Path(self._identity.status).parent
        try:
            seen = home.with_name(f"{home.name}.alive").stat().st_mtime
        except OSError:
            return False  # never written: the worker was started by hand
        return self._control.clock.now().timestamp() - seen > ORPHAN_AFTER

    def show_tasks(self, tasks: tuple[Task, ...]) -> None:
        """Record the functions that the executors found, so that people can see them."""
        self._tasks = tasks

    def _follow(self) -> None:
        now = self._control.clock.monotonic()
        revision = self._control.store.revision()
        is_quiet = revision == self._revision and now - self._listed < _RELIST
        if is_quiet and self._tasks is None:
            return
        mine = self._identity
        assignment = self._control.store.fleet.assignment(mine.deployment, mine.network)
        if assignment is not None and assignment != self._last:
            other = queues.declare(self._control, needed_queues(assignment))
            if other:
                log.warning("%s; it serves as it is until the scheduler replaces it", other)
        if self._tasks is not None and assignment is not None:
            processor = assignment.processor.name
            self._control.store.flows.save_tasks(mine.network, processor, self._tasks)
            self._tasks = None
        if calls := self._control.store.traffic.cancels(mine.worker):
            self._cancel(set(calls))
        if assignment != self._last or self._revision < 0:
            self._assign(assignment)
        self._last, self._revision, self._listed = assignment, revision, now

    def _renew(self) -> None:
        now = self._control.clock.monotonic()
        if now - self._renewed < _RENEW:
            return
        worker, at = self._identity.worker, self._control.clock.now()
        if self._renewed:
            self._control.store.traffic.renew_claims(worker, at + CLAIM_LEASE)
        else:  # what is there is of a dead worker that had our name: nobody runs those calls
            self._control.store.traffic.orphan_claims(worker, at)
        self._renewed = now


def needed_queues(assignment: Assignment) -> list[QueueSpec]:
    """Return every queue that a worker of this assignment reads or writes."""
    sockets = (*assignment.sockets, *assignment.targets)
    specs = queues.specs_of(sockets, (*assignment.inbound, *assignment.outbound))
    return list({spec.name: spec for spec in specs}.values())


def arguments_of(tasks: tuple[Task, ...], name: str) -> tuple[Argument, ...]:
    """Return the parameters of the task with this name."""
    return next((task.arguments for task in tasks if task.name == name), ())
