"""Waiting for something, with a sentence that says for what."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flowctl.clock import Clock
from flowctl.errors import TimedOut

SHORTEST = 0.005
LONGEST = 0.1


@dataclass(frozen=True, slots=True)
class Standing:
    """How far something is."""

    done: bool
    sentence: str
    """What is waited for, or what was reached."""


def until(
    probe: Callable[[], Standing],
    clock: Clock,
    *,
    timeout: float = 0.0,
    on_change: Callable[[str], None] = lambda _sentence: None,
    longest: float = LONGEST,
) -> str:
    """Ask `probe` again and again, quickly at first, and return its last sentence.

    `on_change` hears every new sentence. A timeout of 0 waits for ever.

    Raises:
        TimedOut: it took too long; the message is the sentence of the last look.
    """
    began, pause, told = clock.monotonic(), SHORTEST, ""
    never = threading.Event()
    while True:
        standing = probe()
        if standing.done:
            return standing.sentence
        if standing.sentence != told:
            told = standing.sentence
            on_change(told)
        if timeout and clock.monotonic() - began >= timeout:
            raise TimedOut(f"after {timeout:g} s: {told}", remedy="give it more --timeout")
        never.wait(pause)
        pause = min(pause * 1.5, longest)
