"""Queue sync: the broker has every queue that the model says, as the model says.

A queue whose arguments changed is replaced without losing a message: what waits moves to a queue
beside it, the old one is deleted when it is empty, the new one is declared, and all moves back.
Nothing is deleted that still holds a message; a step that does not come off is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flowctl.broker.base import Broker, Depth, QueueSpec
from flowctl.errors import FlowError, QueueMismatch
from flowctl.services.control import Control
from flowctl.services.queues import specs_of
from schedulerd.model import Shelf

log = logging.getLogger(__name__)

ASIDE = ".moving"
"""The ending of the queue in which messages wait while theirs is replaced."""
_ROUNDS = 20


class QueueSync:
    """What was declared so far, in one term."""

    def __init__(self, control: Control, shelf: Shelf, every: float) -> None:
        self._control = control
        self._shelf = shelf
        self._every = every
        self._declared: dict[str, QueueSpec] = {}
        self._full_at = float("-inf")

    def run(self) -> int:
        """Declare what is new, and everything from time to time; return how many were declared."""
        model = self._shelf.fresh()
        wanted = {spec.name: spec for spec in specs_of(model.sockets, model.plugs)}
        now = self._control.clock.monotonic()
        if now - self._full_at >= self._every:
            self._declared = {}
        fresh = [spec for name, spec in wanted.items() if self._declared.get(name) != spec]
        if not self._declared and fresh:
            finish_moves(self._control.broker, wanted)
        declare(self._control.broker, fresh)
        if not self._declared:
            self._full_at = now
        self._declared = wanted
        return len(fresh)


def declare(broker: Broker, specs: list[QueueSpec]) -> None:
    """Declare queues; one that exists with other arguments is replaced.

    Raises:
        QueueMismatch: it could not be replaced yet.
    """
    if not specs:
        return
    try:
        broker.declare(specs)
    except QueueMismatch:
        for spec in specs:
            _declare_one(broker, spec)


def _declare_one(broker: Broker, spec: QueueSpec) -> None:
    try:
        broker.declare([spec])
    except QueueMismatch as error:
        log.warning("%s: its messages move to a new one", error)
        replace(broker, spec)


def replace(broker: Broker, spec: QueueSpec) -> None:
    """Put a queue with other arguments in the place of the one that is there.

    Raises:
        QueueMismatch: messages keep coming, or are held by a worker; nothing was lost.
    """
    aside = QueueSpec(name=spec.name + ASIDE)
    broker.declare([aside])
    try:
        _exchange(broker, spec, aside.name)
    finally:
        _bring_back(broker, aside.name, spec.name)


def _exchange(broker: Broker, spec: QueueSpec, aside: str) -> None:
    for _ in range(_ROUNDS):
        broker.move(spec.name, aside)
        depth = broker.depth([spec.name]).get(spec.name, Depth())
        if depth.ready or depth.unacked or not broker.delete(spec.name, if_empty=True):
            continue
        try:
            broker.declare([spec])
        except QueueMismatch:
            # A consumer that noticed the loss put the old one back; it learns of the new soon.
            continue
        return
    raise QueueMismatch(
        f"queue {spec.name} is in use and keeps its old arguments for now",
        remedy="it is replaced as soon as nothing of it is being worked on",
    )


def finish_moves(broker: Broker, wanted: Iterable[str]) -> None:
    """Bring back what an interrupted replacement left aside."""
    names = {name + ASIDE: name for name in wanted}
    for aside in broker.depth(names):
        _bring_back(broker, aside, names[aside])


def _bring_back(broker: Broker, aside: str, name: str) -> None:
    try:
        broker.move(aside, name)
        broker.delete(aside, if_empty=True)
    except FlowError as error:
        log.warning("messages of %s wait in %s: %s", name, aside, error)
