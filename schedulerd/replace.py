"""Replacing a queue by one with other arguments, without losing a message.

What waits moves to a queue beside it, the old one is deleted when nothing is left in it, the new
one is declared, and all moves back. A crash between two steps leaves messages aside, where the next
leader finds them.

The embedded broker deletes a queue only if nothing waits or is being worked on, in one step.
RabbitMQ knows no such step, and tells nobody what others hold: there a queue is replaced only while
its processor has no workers, nobody consumes it and nothing arrives.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flowctl.broker.base import Broker, Depth, QueueSpec
from flowctl.errors import FlowError, QueueMismatch

log = logging.getLogger(__name__)

ASIDE = ".moving"
"""The ending of the queue in which messages wait while theirs is replaced."""
_ROUNDS = 10


def exchange(broker: Broker, spec: QueueSpec, *, atomic: bool) -> None:
    """Put a queue with these arguments in the place of the one that is there.

    What waited in it is aside afterwards, whatever the end: see `bring_back`.

    Raises:
        QueueMismatch: it is in use; nothing was lost.
    """
    if not atomic and _depth(broker, spec.name).consumers:
        raise in_use(spec.name)
    broker.declare([QueueSpec(name=spec.name + ASIDE)])
    for _ in range(_ROUNDS):
        moved = broker.move(spec.name, spec.name + ASIDE)
        # Where deleting is no single step, a queue counts as quiet after a round without arrivals.
        if not atomic and (moved or _depth(broker, spec.name).consumers):
            continue
        if broker.delete(spec.name, if_empty=True) and _is_declared(broker, spec):
            return
    raise in_use(spec.name)


def left_aside(broker: Broker, names: Iterable[str]) -> set[str]:
    """Return the queues of which messages (may) lie aside."""
    aside = {name + ASIDE: name for name in names}
    return {aside[found] for found in broker.depth(aside)}


def bring_back(broker: Broker, name: str) -> bool:
    """Move what lies aside back to its queue; tell whether nothing is left there."""
    aside = name + ASIDE
    if aside not in broker.depth([aside]):
        return True
    try:
        broker.move(aside, name)
        return broker.delete(aside, if_empty=True)
    except FlowError as error:
        log.warning("messages of %s wait in %s: %s", name, aside, error)
        return False


def _is_declared(broker: Broker, spec: QueueSpec) -> bool:
    """Declare the new queue; False where a consumer that missed the old one put it back."""
    try:
        broker.declare([spec])
    except QueueMismatch:
        return False
    return True


def _depth(broker: Broker, name: str) -> Depth:
    return broker.depth([name]).get(name, Depth())


def in_use(name: str) -> QueueMismatch:
    """Return the error for a queue that cannot be replaced now."""
    return QueueMismatch(
        f"queue {name} is in use and keeps its old arguments",
        remedy="stop its processor, and what sends to it, for a moment",
    )
