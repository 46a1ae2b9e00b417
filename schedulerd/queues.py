"""Queue sync: the broker has every queue that the model says, as the model says.

How a queue whose arguments changed is replaced is told in replace.py.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from flowctl.broker.base import QueueSpec
from flowctl.errors import QueueMismatch
from flowctl.model.traffic import Event
from flowctl.services import renames
from flowctl.services.control import Control
from flowctl.services.queues import specs_of
from schedulerd.model import Model, Shelf
from schedulerd.replace import bring_back, exchange, in_use, left_aside

log = logging.getLogger(__name__)

PUT_OFF = 30.0
"""Seconds until a queue that could not be replaced is tried again."""


class QueueSync:
    """What was declared so far, in one term."""

    def __init__(self, control: Control, shelf: Shelf, every: float) -> None:
        self._control = control
        self._shelf = shelf
        self._every = every
        self._declared: dict[str, QueueSpec] = {}
        self._full_at = float("-inf")
        self._stuck: dict[QueueSpec, tuple[float, QueueMismatch]] = {}
        self._aside: set[str] | None = None

    def run(self) -> int:
        """Declare what is new, and everything from time to time; return how many were declared.

        Raises:
            QueueMismatch: a queue could not be replaced yet.
        """
        model = self._shelf.fresh()
        wanted = {spec.name: spec for spec in specs_of(model.sockets, model.plugs)}
        now = self._control.clock.monotonic()
        if now - self._full_at >= self._every:
            self._declared, self._full_at = {}, now
        fresh = [spec for name, spec in wanted.items() if self._declared.get(name) != spec]
        self._declare(fresh, now)
        if fresh:
            renames.follow(self._control)
        self._declared = wanted
        self._finish_moves(wanted)
        self._retry(model, wanted, now)
        return len(fresh)

    def _declare(self, specs: Sequence[QueueSpec], now: float) -> None:
        if not specs:
            return
        try:
            self._control.broker.declare(specs)
        except QueueMismatch:
            for spec in specs:
                self._declare_one(spec, now)

    def _declare_one(self, spec: QueueSpec, now: float) -> None:
        try:
            self._control.broker.declare([spec])
        except QueueMismatch as error:
            if spec not in self._stuck:
                self._stuck[spec] = (now, in_use(spec.name))
                self._tell(spec, "outdated", error.message)

    def _retry(self, model: Model, wanted: Mapping[str, QueueSpec], now: float) -> None:
        """Replace what exists with other arguments, each queue once in a while."""
        self._stuck = {
            spec: stuck for spec, stuck in self._stuck.items() if wanted.get(spec.name) == spec
        }
        for spec, (due, _) in list(self._stuck.items()):
            if due > now or self._is_held(model, spec.name):
                continue
            try:
                exchange(self._control.broker, spec, atomic=self._atomic)
                self._tell(spec, "replaced", "it has its new arguments")
                del self._stuck[spec]
            except QueueMismatch as error:
                self._stuck[spec] = (now + PUT_OFF, error)
            finally:
                self._aside = (self._aside or set()) | {spec.name}
        self._finish_moves(wanted)
        if self._stuck:
            raise next(iter(self._stuck.values()))[1]

    def _finish_moves(self, wanted: Mapping[str, QueueSpec]) -> None:
        """Bring back what a replacement left aside, ours or that of an earlier leader."""
        if self._aside is None:
            self._aside = left_aside(self._control.broker, wanted)
        for name in list(self._aside):
            if bring_back(self._control.broker, name):
                self._aside.discard(name)

    def _tell(self, spec: QueueSpec, action: str, note: str) -> None:
        log.info("queue %s %s: %s", spec.name, action, note)
        event = Event(
            id=0, at=self._control.clock.now(), kind="queue", object=spec.name, action=action,
            note=note, network=spec.name.partition(".")[0],
        )  # fmt: skip
        self._control.store.events.add([event])

    @property
    def _atomic(self) -> bool:
        return self._control.settings.broker.startswith("embedded:")

    def _is_held(self, model: Model, queue: str) -> bool:
        """Tell whether a worker, though no consumer any more, may hold what it took from a queue."""
        if self._atomic:
            return False
        owners = {(each.network, each.processor) for each in model.sockets if each.queue == queue}
        owners |= {
            (each.network, each.spec.target.partition(".")[0])
            for each in model.plugs
            if each.queue == queue
        }
        workers = self._control.store.fleet.workers
        return any(workers(network, processor) for network, processor in owners)
