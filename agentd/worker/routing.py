"""What follows from the outcome of a call: its record, its outputs and where they go (pure).

A result goes to every RESULT plug of its socket, a failure (after its retries) to every ERROR plug
and to nobody else; where there is no ERROR plug the message goes to the socket's dead letters with
the reason. What a person cancelled is neither: it only ends. Ids of outputs derive from the call, so
a repeat of the same commit sends the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from flowctl.model.flow import Plug, PlugKind, Processor, Socket
from flowctl.model.ids import child_call_id
from flowctl.model.naming import dead_queue
from flowctl.model.nodes import UNMATCHED, ProcessorType
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Call, Event, Failure, Finished, Gather, Message, Outgoing
from flowctl.planning.backoff import retry_delay

ABSENT = "application/x-flowctl-absent"
"""Content type of a message that only says: no value will come for this place of a gather."""
CRASH_ATTEMPTS = 3
"""How often a call may take its executor down before it is given up."""
MOST_HOPS = 1000
_MOST_INPUT = 64 * 1024
"""Bytes of input that a failure repeats."""
_FINAL = frozenset({"malformed", "schema"})
"""Failures that another attempt would only repeat."""
_CRASHES = frozenset({"killed", "memory"})


@dataclass(slots=True)
class Output:
    """One value that a call sends on; to one plug where `plug` names it."""

    body: bytes
    content_type: str = "application/json"
    plug: str | None = None


@dataclass(slots=True)
class Outcome:
    """How the execution of one call ended."""

    started_at: datetime
    finished_at: datetime
    duration: float
    result: bytes = b"null"
    content_type: str = "application/json"
    outputs: list[Output] | None = None
    """What a generator yielded or `plugs` was filled with; None: the result itself is sent on."""
    scatter: bool = False
    """The outputs came from a generator: together they can be gathered."""
    routes: list[str] | None = None
    failure: Failure | None = None
    printed: str = ""
    gathers: tuple[Gather, ...] | None = None
    """The scatters that the outputs still belong to; None: those of the message."""


@dataclass(slots=True, frozen=True)
class Route:
    """Where a call came from and where its outcome may go."""

    network: str
    worker: str
    agent: str
    processor: Processor
    socket: Socket
    queue: str
    """The queue the delivery came from; retries go back there."""
    outbound: tuple[Plug, ...] = ()
    """The plugs of this socket, RESULT and ERROR."""
    gathering: frozenset[str] = frozenset()
    """Names of the plugs that lead to a gather: those must hear of values that do not come."""
    inbound: Plug | None = None
    """The plug whose queue it is; None for direct calls."""
    waits: tuple[str, ...] = ()
    """The plugs that must all have delivered before a call runs, in order."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """What executors are told of each call because of the type of the processor."""


def settle(
    route: Route, message: Message, outcome: Outcome, received_at: datetime, luck: float
) -> Finished:
    """Return what is committed for a call that ended; `luck` in [0, 1) is the jitter of a retry."""
    if outcome.failure is None:
        return _succeeded(route, message, outcome, received_at)
    if outcome.failure.type == "cancelled":
        return _cancelled(route, message, outcome, received_at)
    delay = _retry(route.processor, message, outcome.failure, luck)
    if delay is None:
        return _failed(route, message, outcome, received_at)
    return _retrying(route, message, outcome, received_at, delay)


def reject(route: Route, message: Message, failure: Failure, at: datetime) -> Finished:
    """Return what is committed for a delivery that is given up without having run."""
    outcome = Outcome(started_at=at, finished_at=at, duration=0.0, failure=failure)
    return _failed(route, message, outcome, at)


def skip(route: Route, message: Message, at: datetime) -> Finished:
    """Return what is committed for a message that only says that no value will come."""
    call = _call(route, message, CallStatus.CANCELLED, at, None)
    outgoing = tuple(_absent(route, message, message.gathers, set()))
    return Finished(call=msgspec.structs.replace(call, outputs=len(outgoing)), outgoing=outgoing)


def _succeeded(route: Route, message: Message, outcome: Outcome, received_at: datetime) -> Finished:
    outputs = outcome.outputs
    if outputs is None:
        outputs = [Output(outcome.result, outcome.content_type)]
    sent = _send(_ways(route, outcome), message, outputs, outcome)
    used = {item.message.plug for item in sent}
    gathers = _inherited(message, outcome)
    if outcome.scatter and not outputs:
        gathers = (*gathers, Gather(route.socket.name, message.id, 0, 0))
    sent += _absent(route, message, gathers, used)
    call = _call(route, message, CallStatus.FINISHED, received_at, outcome, outputs=len(sent))
    return Finished(
        call=call,
        result=outcome.result,
        content_type=outcome.content_type,
        outgoing=tuple(sent),
        record=route.processor.spec.track == "all",
    )


def _ways(route: Route, outcome: Outcome) -> list[Plug]:
    """Return the plugs that outputs may take; what no route of a router took is `unmatched`."""
    kind, type_ = PlugKind.RESULT, route.processor.spec.type
    if type_ is ProcessorType.GATE:
        kind, outcome.routes = (kind if outcome.routes else PlugKind.REJECT), None
    elif type_ is ProcessorType.ROUTER:
        outcome.routes = outcome.routes or [UNMATCHED]
    return [plug for plug in route.outbound if plug.spec.kind is kind]


def _send(
    plugs: list[Plug], message: Message, outputs: list[Output], outcome: Outcome
) -> list[Outgoing]:
    sent: list[Outgoing] = []
    for plug in plugs:
        mine = [output for output in outputs if _goes(plug, output, outcome.routes)]
        for index, output in enumerate(mine):
            gathers = _inherited(message, outcome)
            if outcome.scatter:
                gathers = (*gathers, Gather(plug.spec.source, message.id, index, len(mine)))
            sent.append(
                Outgoing(queue=plug.queue, message=_child(plug, message, index, output, gathers))
            )
    return sent


def _goes(plug: Plug, output: Output, routes: list[str] | None) -> bool:
    names = {plug.spec.route, plug.name, plug.spec.target, plug.spec.target.partition(".")[0]}
    if output.plug is not None:
        return output.plug in names
    return routes is None or not names.isdisjoint(routes)


def _child(
    plug: Plug, message: Message, index: int, output: Output, gathers: tuple[Gather, ...]
) -> Message:
    return Message(
        id=child_call_id(message.id, plug.name, index),
        run_id=message.run_id,
        body=output.body,
        content_type=output.content_type,
        parent=message.id,
        plug=plug.name,
        argument=plug.spec.argument,
        hops=message.hops + 1,
        gathers=gathers,
        traceparent=message.traceparent,
    )


def _inherited(message: Message, outcome: Outcome) -> tuple[Gather, ...]:
    return message.gathers if outcome.gathers is None else outcome.gathers


def _absent(
    route: Route, message: Message, gathers: tuple[Gather, ...], used: set[str]
) -> list[Outgoing]:
    """Tell the gathers downstream that nothing comes from here, so that they can complete."""
    if not gathers:
        return []
    return [
        Outgoing(
            queue=plug.queue, message=_child(plug, message, 0, Output(b"null", ABSENT), gathers)
        )
        for plug in route.outbound
        if plug.name in route.gathering and plug.name not in used
    ]


def _retry(processor: Processor, message: Message, failure: Failure, luck: float) -> float | None:
    """Return the seconds until the next attempt, or None where there is none."""
    rule = processor.spec.retry
    if failure.type in _CRASHES and message.attempt < CRASH_ATTEMPTS:
        return 0.0
    wanted = not rule.on or failure.type in rule.on
    if message.attempt > rule.max or not wanted or failure.type in _FINAL:
        return None
    return retry_delay(rule.backoff, rule.cap, message.attempt, luck)


def _retrying(
    route: Route, message: Message, outcome: Outcome, received_at: datetime, delay: float
) -> Finished:
    call = _call(route, message, CallStatus.RETRYING, received_at, outcome)
    again = msgspec.structs.replace(message, attempt=message.attempt + 1, again=False)
    note = f"attempt {message.attempt}: {_summary(outcome.failure)}; again in {delay:.1f} s"
    return Finished(
        call=call,
        outgoing=(Outgoing(queue=route.queue, message=again, delay=delay),),
        events=(_event(call, "retried", note, outcome.finished_at),),
    )


def _failed(route: Route, message: Message, outcome: Outcome, received_at: datetime) -> Finished:
    failure = outcome.failure
    assert failure is not None
    failure = _complete(failure, route, message)
    gathers = _inherited(message, outcome)
    plugs = [plug for plug in route.outbound if plug.spec.kind is PlugKind.ERROR]
    document = Output(msgspec.json.encode(failure))
    sent = [
        Outgoing(queue=plug.queue, message=_child(plug, message, 0, document, gathers))
        for plug in plugs
    ]
    sent += _absent(route, message, gathers, set())
    call = _call(route, message, CallStatus.FAILED, received_at, outcome, outputs=len(sent))
    call = msgspec.structs.replace(call, failure=failure)
    if not plugs:
        sent.append(_dead(dead_queue(route.socket.queue), route.queue, message, failure))
    event = _event(call, "failed", _summary(failure), outcome.finished_at)
    return Finished(
        call=call,
        outgoing=tuple(sent),
        events=(event,),
        record=route.processor.spec.track != "none",
    )


def _cancelled(route: Route, message: Message, outcome: Outcome, received_at: datetime) -> Finished:
    """Close a call that a person ended: no ERROR plug hears of it, no dead letter is left."""
    assert outcome.failure is not None
    sent = _absent(route, message, _inherited(message, outcome), set())
    call = _call(route, message, CallStatus.CANCELLED, received_at, outcome, outputs=len(sent))
    failure = _complete(outcome.failure, route, message)
    return Finished(
        call=msgspec.structs.replace(call, failure=failure),
        outgoing=tuple(sent),
        events=(_event(call, "cancelled", failure.message, outcome.finished_at),),
        record=route.processor.spec.track != "none",
    )


def _dead(queue: str, origin: str, message: Message, failure: Failure) -> Outgoing:
    reason = _summary(failure)[:500]
    return Outgoing(
        queue=queue,
        message=msgspec.structs.replace(message, reason=reason, origin=origin, again=False),
    )


def _complete(failure: Failure, route: Route, message: Message) -> Failure:
    value: object = None
    if len(message.body) <= _MOST_INPUT and message.content_type == "application/json":
        try:
            value = msgspec.json.decode(message.body)
        except msgspec.DecodeError:
            value = message.body.decode(errors="replace")
    return msgspec.structs.replace(
        failure,
        socket=route.socket.name,
        call_id=message.id,
        run_id=message.run_id,
        attempt=message.attempt,
        worker=route.worker,
        input=value,
    )


def _call(
    route: Route,
    message: Message,
    status: CallStatus,
    received_at: datetime,
    outcome: Outcome | None,
    *,
    outputs: int = 0,
) -> Call:
    return Call(
        id=message.id,
        run_id=message.run_id,
        parent=message.parent,
        network=route.network,
        socket=route.socket.name,
        plug=message.plug,
        argument=message.argument,
        status=status,
        attempt=message.attempt,
        worker=route.worker,
        agent=route.agent,
        sent_at=message.sent_at,
        received_at=received_at,
        started_at=outcome.started_at if outcome else None,
        finished_at=outcome.finished_at if outcome else received_at,
        duration=outcome.duration if outcome else None,
        outputs=outputs,
        failure=outcome.failure if outcome else None,
        output=outcome.printed if outcome else "",
        size=len(outcome.result) if outcome and not outcome.failure else 0,
        replays=message.replays,
    )


def running(route: Route, message: Message, *, received_at: datetime, started_at: datetime) -> Call:
    """Return the record of a call that runs now."""
    call = _call(route, message, CallStatus.RUNNING, received_at, None)
    return msgspec.structs.replace(call, started_at=started_at, finished_at=None)


def waiting(route: Route, message: Message, *, received_at: datetime) -> Call:
    """Return the record of a call whose value waits for its join."""
    call = _call(route, message, CallStatus.WAITING, received_at, None)
    return msgspec.structs.replace(call, finished_at=None)


def _event(call: Call, action: str, note: str, at: datetime) -> Event:
    return Event(
        id=0, at=at, kind="call", object=call.id, action=action, note=note,
        network=call.network, run_id=call.run_id,
    )  # fmt: skip


def _summary(failure: Failure | None) -> str:
    return f"{failure.type}: {failure.message}" if failure else ""
