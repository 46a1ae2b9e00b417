"""One message that waits in a queue as a page to read: its properties, and its body laid out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flowctl.model.traffic import Message
from flowctl.views.bodies import pretty
from flowctl.views.lines import EMPTY, Line, line
from flowctl.views.text import age, clock_time, printable, size
from flowctl.views.tones import Tone


def message_lines(message: Message, queue: str, now: datetime) -> list[Line]:
    """Return the page as lines."""
    return list(_lines(message, queue, now))


def _lines(message: Message, queue: str, now: datetime) -> Iterator[Line]:
    sent = f"{clock_time(message.sent_at)}, {age(message.sent_at, now)} ago"
    pairs = (
        ("queue", queue),
        ("id", message.id),
        ("run", message.run_id),
        ("sent", sent if message.sent_at else ""),
        ("plug", message.plug),
        ("parent", message.parent),
        ("argument", message.argument),
        ("attempt", str(message.attempt) if message.attempt > 1 else ""),
        ("hops", str(message.hops) if message.hops else ""),
        ("replays", message.replays),
        ("origin", message.origin),
        *((key, value) for key, value in sorted(message.extra.items())),
    )
    if message.reason:
        yield line(("reason    ", Tone.DIM), (printable(message.reason), Tone.BAD))
    for name, value in pairs:
        if value:
            yield line((f"{name:<9} ", Tone.DIM), printable(value))
    yield EMPTY
    head = f"Body, {size(len(message.body))} of {message.content_type}"
    yield line((head, Tone.HEAD))
    shown = pretty(message.body, message.content_type)
    yield from (line("  ", each) for each in shown.splitlines() or ["(empty)"])
