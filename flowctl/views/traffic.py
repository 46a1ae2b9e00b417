"""Tables of what moves: calls, runs, events, messages; and the tree of a run."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowctl.model.inputs import Input
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Call, Event, Message, Result
from flowctl.views.flow import properties
from flowctl.views.table import Field, Sheet, Table, build, builtin
from flowctl.views.text import NOTHING, age, clock_time, duration, one_line, printable, size

_PREVIEW = 48


def _ago(value: Any, now: datetime) -> str:
    return age(value, now)


def _seconds(value: Any, _now: datetime) -> str:
    return duration(value)


def _size(value: Any, _now: datetime) -> str:
    return size(value) if value else NOTHING


def _id(value: Any, _now: datetime) -> str:
    return str(value)[:12] or NOTHING


def _short(value: Any, _now: datetime) -> str:
    return printable(one_line(str(value or ""), 60)) or NOTHING


def _time(value: Any, _now: datetime) -> str:
    return clock_time(value)


def failure_text(call: Call) -> str:
    """Return how a call failed, in one line; empty where it did not."""
    return f"{call.failure.type}: {call.failure.message}" if call.failure else ""


CALLS = (
    Field("id", lambda call: call.id, _id),
    Field("socket", lambda call: call.socket),
    Field("status", lambda call: call.status),
    Field("attempt", lambda call: call.attempt, right=True),
    Field("started_at", lambda call: call.started_at, _ago, title="STARTED"),
    Field("duration", lambda call: call.duration, _seconds, right=True),
    Field("outputs", lambda call: call.outputs, right=True),
    Field("size", lambda call: call.size, _size, right=True, title="RESULT"),
    Field("run_id", lambda call: call.run_id, _id, title="RUN"),
    Field("parent", lambda call: call.parent, _id, wide=True),
    Field("plug", lambda call: call.plug, wide=True),
    Field("worker", lambda call: call.worker, wide=True),
    Field("network", lambda call: call.network, wide=True),
    Field("replays", lambda call: call.replays, _id, wide=True),
    Field("failure", failure_text, _short),
)


def calls(values: Iterable[Call], now: datetime, *, footer: str = "") -> Table:
    """Return the table of calls."""
    return build("calls", CALLS, values, now, name=lambda call: str(call.id), footer=footer)


EVENTS = (
    Field("id", lambda event: event.id, wide=True, right=True),
    Field("at", lambda event: event.at, _time),
    Field("kind", lambda event: event.kind),
    Field("object", lambda event: event.object),
    Field("action", lambda event: event.action),
    Field("note", lambda event: event.note, _short),
    Field("network", lambda event: event.network, wide=True),
    Field("run_id", lambda event: event.run_id, _id, wide=True, title="RUN"),
)


def events(values: Iterable[Event], now: datetime) -> Table:
    """Return the table of events."""
    return build("events", EVENTS, values, now, name=lambda event: str(event.id))


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, summed over its calls."""

    id: str
    network: str
    socket: str
    """Where it began."""
    calls: int
    failed: int
    running: int
    began_at: datetime | None
    seconds: float | None


RUNS = (
    Field("id", lambda run: run.id, _id),
    Field("network", lambda run: run.network),
    Field("socket", lambda run: run.socket),
    Field("calls", lambda run: run.calls, right=True),
    Field("failed", lambda run: run.failed, right=True),
    Field("running", lambda run: run.running, right=True),
    Field("began_at", lambda run: run.began_at, _ago, title="BEGAN"),
    Field("seconds", lambda run: run.seconds, _seconds, right=True, title="TOOK"),
)


def runs(values: Iterable[RunRow], now: datetime) -> Table:
    """Return the table of runs."""
    return build("runs", RUNS, values, now, name=lambda run: str(run.id))


def summed(values: Sequence[Call]) -> RunRow:
    """Return the row of the run that these calls make up."""
    first = min(values, key=lambda call: (bool(call.parent), began(call) or call_end(call) or LAST))
    begins = [moment for call in values if (moment := began(call))]
    ends = [moment for call in values if (moment := call_end(call))]
    return RunRow(
        id=first.run_id,
        network=first.network,
        socket=first.socket,
        calls=len(values),
        failed=sum(call.status is CallStatus.FAILED for call in values),
        running=sum(call.status in _OPEN for call in values),
        began_at=min(begins, default=None),
        seconds=(max(ends) - min(begins)).total_seconds() if begins and ends else None,
    )


_OPEN = (CallStatus.RECEIVED, CallStatus.RUNNING, CallStatus.RETRYING)
LAST = datetime.max.replace(tzinfo=UTC)
"""Stands for a moment that is not on record, where calls are put in order."""


def began(call: Call) -> datetime | None:
    """Return the earliest moment on record of a call."""
    return call.sent_at or call.received_at or call.started_at


def call_end(call: Call) -> datetime | None:
    """Return the latest moment on record of a call."""
    return call.finished_at or call.started_at


def body_text(content_type: str, body: bytes, limit: int = _PREVIEW) -> str:
    """Return the beginning of a body as one line of text."""
    if content_type != "application/json" and not content_type.startswith("text/"):
        return f"<{size(len(body))} of {content_type}>"
    return printable(one_line(body[: limit * 4].decode(errors="replace"), limit))


def body_value(content_type: str, body: bytes) -> Any:
    """Return a body as a JSON value: the value itself, text, or base64 for bytes."""
    if content_type == "application/json":
        try:
            return json.loads(body)
        except ValueError:
            return body.decode(errors="replace")
    if content_type.startswith("text/"):
        return body.decode(errors="replace")
    return base64.b64encode(body).decode()


MESSAGES = (
    Field("id", lambda message: message.id, _id),
    Field("run_id", lambda message: message.run_id, _id, title="RUN"),
    Field("plug", lambda message: message.plug),
    Field("argument", lambda message: message.argument, wide=True),
    Field("attempt", lambda message: message.attempt, right=True),
    Field("sent_at", lambda message: message.sent_at, _ago, title="SENT"),
    Field("size", lambda message: len(message.body), _size, right=True),
    Field("reason", lambda message: message.reason, _short),
    Field("origin", lambda message: message.origin, wide=True),
)


def messages(values: Sequence[Message], now: datetime) -> Table:
    """Return the table of messages that wait in a queue; documents hold the whole body."""
    table = build("messages", MESSAGES, values, now, name=lambda message: str(message.id))
    body = Field("body", lambda message: body_text(message.content_type, message.body))
    return Table(
        kind="messages",
        columns=(*table.columns, body.column),
        rows=tuple(
            (*row, body_text(message.content_type, message.body))
            for row, message in zip(table.rows, values, strict=True)
        ),
        items=tuple(
            item
            | {
                "content_type": message.content_type,
                "body": body_value(message.content_type, message.body),
            }
            for item, message in zip(table.items, values, strict=True)
        ),
        names=table.names,
    )


ERRORS = (
    Field("id", lambda call: call.id, _id),
    Field("finished_at", lambda call: call.finished_at, _ago, title="FAILED"),
    Field("socket", lambda call: call.socket),
    Field("attempt", lambda call: call.attempt, right=True),
    Field("type", lambda call: call.failure.type if call.failure else ""),
    Field("message", lambda call: call.failure.message if call.failure else "", _short),
    Field("run_id", lambda call: call.run_id, _id, title="RUN"),
    Field("worker", lambda call: call.worker, wide=True),
)


def errors(values: Iterable[Call], now: datetime) -> Table:
    """Return the table of failed calls."""
    return build("errors", ERRORS, values, now, name=lambda call: str(call.id))


def call_sheet(
    call: Call,
    recorded: Sequence[Event],
    children: Sequence[Call],
    result: Result | None,
    now: datetime,
    *,
    given: Input | None = None,
    again: Sequence[Call] = (),
) -> Sheet:
    """Return everything about one call; `again` are those that ran it once more."""
    texts = []
    if call.failure:
        texts.append(("Failure", call.failure.traceback or failure_text(call)))
    if call.output:
        texts.append(("Output", call.output))
    if given:
        texts.append(("Input", body_text(given.content_type, given.body, 400)))
    if result:
        texts.append(("Result", body_text(result.content_type, result.body, 400)))
    document = builtin(call)
    if result:
        document["result"] = body_value(result.content_type, result.body)
    if given:
        document["input"] = body_value(given.content_type, given.body)
    document["replayed_as"] = [call.id for call in again]
    return Sheet(
        kind="call",
        name=call.id,
        properties=(
            ("id", call.id),
            ("run", call.run_id),
            *(item for item in properties(CALLS[1:], call, now) if item[0] != "run id"),
        ),
        document=document,
        tables=tuple(
            (title, table)
            for title, table in (
                ("Events", events(recorded, now)),
                ("Sent on", calls(children, now)),
                ("Run again as", calls(again, now)),
            )
            if table.rows
        ),
        texts=tuple(texts),
    )
