"""Moves all of a queue to another in slices, so that no single act lasts as long as a queue is deep.

Between two slices others get their turn, and whoever waits hears how far it is.
"""

from __future__ import annotations

from collections.abc import Callable

from flowctl.services.control import Control

SLICE = 10_000
"""Messages that one act moves."""

Told = Callable[[int, int], object]
"""Hears after each slice how many messages have moved, and of how many."""


def unheard(_moved: int, _of: int) -> None:
    """Tell nobody."""


def move_all(control: Control, source: str, target: str, told: Told = unheard) -> int:
    """Move what is ready in a queue now to the end of another one and return how many.

    Raises:
        NotFound: one of the queues does not exist.
        PublishFailed: the target is full; what had room was moved.
    """
    moved = some = control.broker.move(source, target, limit=SLICE)
    if some < SLICE:
        return moved
    depth = control.broker.depth([source]).get(source)
    left = depth.ready if depth else 0
    total = moved + left
    while left > 0 and some:
        told(moved, total)
        some = control.broker.move(source, target, limit=min(SLICE, left))
        moved, left = moved + some, left - some
    return moved
