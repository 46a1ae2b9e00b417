"""What a value means to the eye: fine, on its way, wrong. A face turns a tone into a colour.

A tone is never the only sign: the word in the cell says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Tone(StrEnum):
    """How a piece of text is meant."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    HEAD = "head"  # titles of columns and sections
    NAME = "name"  # what identifies an object
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    NOTE = "note"  # numbers that move, keys to press
    CHIP = "chip"  # what is staged and not yet applied
    MATCH = "match"  # found by a search
    ERROR_LINE = "error-line"  # the way of errors in a picture
    BACK_LINE = "back-line"  # a way that leads back in a picture
    HERE = "here"  # what is under the cursor in a picture


_WORDS: dict[str, Tone] = {
    **dict.fromkeys(("running", "finished", "leader", "done", "ok"), Tone.GOOD),
    **dict.fromkeys(
        ("pending", "starting", "building", "updating", "stopping", "draining", "retrying"),
        Tone.WARN,
    ),
    **dict.fromkeys(("paused", "suspect", "waiting", "received", "cancelled"), Tone.WARN),
    **dict.fromkeys(("error", "failed", "lost", "unreachable"), Tone.BAD),
    **dict.fromkeys(("stopped", "ready", "joined", "removed"), Tone.DIM),
}
_TROUBLE = frozenset({"error", "reason", "failure"})
_LOADS = frozenset({"cpu_percent", "memory_percent", "disk_percent"})
_STATES = frozenset({"status", "action"})


def tone_of(key: str, value: object) -> Tone:
    """Return the tone of the value that a document has under a key.

    >>> str(tone_of("status", "failed")), str(tone_of("error", "no module")), str(tone_of("cpus", 2))
    ('bad', 'bad', 'plain')
    """
    if key in _STATES:
        return _WORDS.get(str(value), Tone.PLAIN)
    if key in _TROUBLE:
        return Tone.BAD if value else Tone.DIM
    if key == "name":
        return Tone.NAME
    if not value:
        return Tone.DIM
    return Tone.PLAIN


def tone_of_load(value: float) -> Tone:
    """Return the tone of a percentage of something that can be full.

    >>> str(tone_of_load(40)), str(tone_of_load(85)), str(tone_of_load(99))
    ('note', 'warn', 'bad')
    """
    return Tone.BAD if value >= 95 else Tone.WARN if value >= 80 else Tone.NOTE


def tone_in(key: str, document: Mapping[str, Any]) -> Tone:
    """Return the tone of what a document has under a key, as the rest of it makes it."""
    value = document.get(key)
    if key in _LOADS and isinstance(value, int | float):
        return tone_of_load(value)
    if key == "ready" and value and document.get("role") == "dead":
        return Tone.BAD
    return tone_of(key, value)


def is_fault(key: str, value: object) -> bool:
    """Tell whether a value says that something is not as it should be."""
    return tone_of(key, value) in (Tone.BAD, Tone.WARN)
