"""One call as a page to read: how it went, how long each part took, what went in and came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.model.inputs import ARGUMENTS, Input
from flowctl.model.traffic import Call, Event, Result
from flowctl.views.bodies import pretty
from flowctl.views.lines import EMPTY, Line, line
from flowctl.views.text import clock_time, duration, printable
from flowctl.views.tones import Tone, tone_of
from flowctl.views.traffic import failure_text


@dataclass(frozen=True)
class Page:
    """Everything on record of a call."""

    call: Call
    given: Input | None
    result: Result | None
    sent: Sequence[Call]
    """The calls that it sent on."""
    again: Sequence[Call]
    """The calls that ran it once more."""
    events: Sequence[Event]


def call_lines(page: Page) -> list[Line]:
    """Return the page as lines, trouble first."""
    return list(_lines(page))


def _lines(page: Page) -> Iterator[Line]:
    call = page.call
    yield from _head(call)
    if call.failure:
        yield from _section("Failure")
        yield line("  ", (printable(failure_text(call)), Tone.BAD))
        trace = call.failure.traceback.rstrip("\n").splitlines()
        yield from (line("  ", printable(each)) for each in trace)
    yield from _section("Times")
    yield from _times(call)
    yield from _section("Input")
    yield from _given(page.given)
    yield from _section("Result")
    yield from _result(page.result)
    if call.output:
        yield from _section("Printed")
        yield from (line("  ", printable(each)) for each in call.output.splitlines())
    yield from _others("Sent on", page.sent)
    yield from _others("Run again as", page.again)
    if page.events:
        yield from _section("Events")
        yield from (
            line("  ", (clock_time(each.at), Tone.DIM), f"  {each.action}  ", printable(each.note))
            for each in page.events
        )


def _section(title: str) -> Iterator[Line]:
    yield from (EMPTY, line((title, Tone.HEAD)))


def _head(call: Call) -> Iterator[Line]:
    took = "" if call.duration is None else f"  in {duration(call.duration)}"
    attempt = f"  attempt {call.attempt}" if call.attempt > 1 else ""
    status = (call.status.value, tone_of("status", call.status.value))
    yield line((call.socket, Tone.NAME), "  ", status, took, (attempt, Tone.WARN))
    pairs = (
        ("id", call.id), ("run", call.run_id), ("network", call.network), ("worker", call.worker),
        ("plug", call.plug), ("parent", call.parent), ("argument", call.argument),
        ("replays", call.replays),
    )  # fmt: skip
    yield from (line((f"{name:<9} ", Tone.DIM), value) for name, value in pairs if value)


def _times(call: Call) -> Iterator[Line]:
    steps = (
        ("sent", call.sent_at, ""),
        ("received", call.received_at, "in its queue"),
        ("started", call.started_at, "until an executor was free"),
        ("ended", call.finished_at, "at work"),
    )
    before: datetime | None = None
    for name, at, meaning in steps:
        if at is None:
            continue
        span = "" if before is None else f"  +{duration((at - before).total_seconds())}"
        yield line((f"  {name:<9} ", Tone.DIM), clock_time(at), (span, Tone.NOTE),
                   (f" {meaning}" if span else "", Tone.DIM))  # fmt: skip
        before = at


def _given(given: Input | None) -> Iterator[Line]:
    if given is None:
        yield line(("  not on record: it is larger than 64 KiB, or nothing was tracked", Tone.DIM))
        return
    kind = "application/json" if given.content_type == ARGUMENTS else given.content_type
    yield from _body(given.body, kind)


def _result(result: Result | None) -> Iterator[Line]:
    if result is None:
        yield line(("  none on record", Tone.DIM))
    else:
        yield from _body(result.body, result.content_type)


def _body(body: bytes, content_type: str) -> Iterator[Line]:
    shown = pretty(body, content_type)
    yield from (line("  ", each) for each in shown.splitlines() or ["(empty)"])


def _others(title: str, calls: Sequence[Call]) -> Iterator[Line]:
    if not calls:
        return
    yield from _section(title)
    for each in calls:
        status = (f"{each.status.value:<9}", tone_of("status", each.status.value))
        took = duration(each.duration) if each.duration is not None else ""
        yield line("  ", (each.socket, Tone.NAME), "  ", status, f"  {took:>7}  ",
                   (each.id[:12], Tone.DIM), ("  " + printable(failure_text(each)), Tone.BAD))  # fmt: skip
