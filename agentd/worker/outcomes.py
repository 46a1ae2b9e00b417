"""From what an executor says (or from its end) to the outcome of the call it was given."""

from __future__ import annotations

import logging
import signal
from typing import Any

from agentd.worker.emitted import emission
from agentd.worker.frames import Frame, Kind
from agentd.worker.items import Item
from agentd.worker.routing import Outcome, Output
from flowctl.clock import Clock
from flowctl.model.traffic import Event, Failure

log = logging.getLogger("call")


def note(item: Item, frame: Frame, clock: Clock) -> Outcome | None:
    """Take in one frame about a running call; return the outcome when it says that it ended."""
    if frame.kind is Kind.OUTPUT:
        text = frame.body.decode(errors="replace")
        dropped = frame.head.get("dropped")
        text += f"\n[{dropped} more bytes were dropped]\n" if dropped else ""
        item.take_output(text)
        stream_out(item, str(frame.head.get("stream", "stdout")), text)
    elif frame.kind is Kind.YIELD:
        item.outputs = item.outputs or []
        item.outputs.append(
            Output(frame.body, str(frame.head["content_type"]), frame.head.get("plug"))
        )
    elif frame.kind is Kind.EMIT:
        item.emitted.take(_emission(item, frame, clock))
    elif frame.kind is Kind.DONE:
        return _done(item, frame, clock)
    elif frame.kind is Kind.FAILED:
        return _failed(item, frame.head, clock)
    return None


def crashed(item: Item, status: int, clock: Clock) -> Outcome:
    """Return the outcome of a call whose executor ended with exit status `status`."""
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
        message = f"the executor was ended by {name}"
    else:
        message = f"the executor exited with {status} in the middle of the call"
    return _ended(item, Failure(type="killed", message=message), clock)


def timed_out(item: Item, limit: float, clock: Clock) -> Outcome:
    """Return the outcome of a call that ran for longer than `limit` seconds."""
    return _ended(item, Failure(type="timeout", message=f"it ran longer than {limit:g} s"), clock)


def cancelled(item: Item, clock: Clock) -> Outcome:
    """Return the outcome of a call that a person ended."""
    return _ended(item, Failure(type="cancelled", message="a person cancelled it"), clock)


def stream_out(item: Item, stream: str, text: str) -> None:
    """Pass on what a call printed as it prints, into the log of the worker."""
    for line in text.splitlines():
        log.info(
            "%s",
            line,
            extra={
                "call": item.message.id,
                "run": item.message.run_id,
                "socket": item.route.socket.name,
                "stream": stream,
            },
        )


def _emission(item: Item, frame: Frame, clock: Clock) -> Event:
    place, channel = (item.route.network, item.route.socket.name), str(frame.head.get("channel"))
    return emission(item.message, place, channel, frame.body, clock.now())


def _done(item: Item, frame: Frame, clock: Clock) -> Outcome:
    head = frame.head
    outcome = _ended(item, None, clock, duration=float(head["duration"]))
    outcome.result, outcome.content_type = frame.body, str(head["content_type"])
    outcome.outputs = item.outputs
    outcome.scatter = bool(head.get("generator"))
    outcome.routes = head.get("routes")
    if outcome.scatter and outcome.outputs is None:
        outcome.outputs = []
    return outcome


def _failed(item: Item, head: dict[str, Any], clock: Clock) -> Outcome:
    failure = Failure(
        type=str(head.get("type")),
        message=_clean(head.get("message")),
        traceback=_clean(head.get("traceback")),
    )
    return _ended(item, failure, clock, duration=float(head.get("duration") or 0.0))


def _clean(text: object) -> str:
    return str(text or "").replace("\x00", "\ufffd")


def _ended(
    item: Item, failure: Failure | None, clock: Clock, *, duration: float | None = None
) -> Outcome:
    now = clock.now()
    if duration is None:
        duration = max(0.0, clock.monotonic() - item.started)
    return Outcome(
        started_at=item.started_at or now,
        finished_at=now,
        duration=duration,
        failure=failure,
        printed=item.text(),
    )
