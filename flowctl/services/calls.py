"""Calls: send to a socket, await an outcome, look at what was recorded."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

from msgspec import Struct

from flowctl.errors import (
    BrokerUnavailable,
    CallFailed,
    InvalidInput,
    NotFound,
    PublishFailed,
    Refused,
)
from flowctl.model.flow import Socket, Track
from flowctl.model.ids import CallId, RunId, keyed_call_id, new_id
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Answer, Call, Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services import queues
from flowctl.services.control import Control
from flowctl.views.traffic import RunRow, summed

BATCH = 500
"""Messages that are handed to the broker at once."""
AHEAD = 4
"""Batches under way at once."""
PATIENCE = 60.0
"""Seconds that a batch may take."""

JSON = "application/json"
TEXT = "text/plain"
BYTES = "application/octet-stream"


class Payload(Struct, frozen=True, kw_only=True):
    """What a call is given."""

    body: bytes
    content_type: str = JSON
    argument: str = ""
    """The one argument it is for; empty means the whole input."""


def json_payload(text: str | bytes, *, argument: str = "") -> Payload:
    """Return a payload of JSON text, checked.

    Raises:
        InvalidInput: it is no JSON; the message says where.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"the data is not JSON: {error}", remedy="add --text to send it as a string"
        ) from error
    return Payload(body=json.dumps(value, ensure_ascii=False).encode(), argument=argument)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def text_payload(text: str) -> Payload:
    """Return a payload that is a JSON string."""
    return Payload(body=json.dumps(text, ensure_ascii=False).encode())


def send(
    control: Control,
    socket: Socket,
    payloads: Sequence[Payload],
    *,
    key: str = "",
    run_id: str = "",
    delay: float = 0.0,
) -> list[CallId]:
    """Send payloads to a socket and return the ids of their calls; they are durable then.

    With `key` a repeat of the same send is recognised and runs once. Payloads for arguments share a
    run, so that they meet in a join by run.

    Raises:
        PublishFailed: the queue refused some.
    """
    made = messages(control, socket, payloads, key=key, run_id=run_id)
    publish(control, socket, made, delay=delay)
    return [message.id for message in made]


def messages(
    control: Control,
    socket: Socket,
    payloads: Sequence[Payload],
    *,
    key: str = "",
    run_id: str = "",
    reply_to: str = "",
) -> list[Message]:
    """Return the messages that payloads are sent as; what comes of them is told to `reply_to`."""
    joined = run_id or (new_id() if len(payloads) > 1 and payloads[0].argument else "")
    now = control.clock.now()
    return [
        _message(payload, _call_id(socket, key, index), joined, reply_to, now)
        for index, payload in enumerate(payloads)
    ]


def publish(
    control: Control, socket: Socket, made: Sequence[Message], *, delay: float = 0.0
) -> None:
    """Send messages to a socket; they are durable when this returns.

    Raises:
        PublishFailed: the queue refused some; `accepted` names those that it took.
    """
    control.may_write()
    outgoing = [Outgoing(queue=socket.queue, message=message, delay=delay) for message in made]
    reasons, left = _sent(control, outgoing)
    missing = [each for each in outgoing if reasons.get(each.message.id) == "unroutable"]
    if missing:
        # Nobody has used the queue yet. It is made only now, as it nearly always is there.
        queues.declare(control, queues.socket_specs(socket))
        others = {i: why for i, why in reasons.items() if why != "unroutable"}
        reasons, left = (others, left) if others else _sent(control, [*missing, *left])
    if reasons:
        untold = reasons.keys() | {each.message.id for each in left}
        accepted = tuple(each.id for each in made if each.id not in untold)
        raise PublishFailed(reasons, accepted=accepted)


def _sent(
    control: Control, outgoing: Sequence[Outgoing]
) -> tuple[dict[str, str], Sequence[Outgoing]]:
    """Publish, some batches at once, until one is refused; return why, and what was not tried."""
    under_way: deque[Future[None]] = deque()
    reasons: dict[str, str] = {}
    begin = 0
    while under_way or begin < len(outgoing):
        if begin < len(outgoing) and len(under_way) < AHEAD and not reasons:
            under_way.append(control.broker.publish_soon(outgoing[begin : begin + BATCH]))
            begin += BATCH
        elif under_way:
            reasons |= _refused(under_way.popleft())
        else:
            break
    return reasons, outgoing[begin:]


def _refused(batch: Future[None]) -> dict[str, str]:
    """Wait until a batch is confirmed; return the reasons of what was refused of it.

    Raises:
        BrokerUnavailable: that did not happen in time.
    """
    try:
        batch.result(PATIENCE)
    except PublishFailed as error:
        return error.reasons
    except TimeoutError as error:
        raise BrokerUnavailable(f"the broker confirmed nothing within {PATIENCE:g} s") from error
    return {}


def _call_id(socket: Socket, key: str, index: int) -> CallId:
    if not key:
        return CallId(new_id())
    return keyed_call_id(socket.queue, f"{key}#{index}" if index else key)


def _message(
    payload: Payload, call_id: CallId, run_id: str, reply_to: str, now: datetime
) -> Message:
    return Message(
        id=call_id,
        run_id=RunId(run_id or call_id),
        body=payload.body,
        content_type=payload.content_type,
        argument=payload.argument,
        reply_to=reply_to,
        sent_at=now,
    )


def standing(control: Control, ids: Sequence[CallId]) -> tuple[Call | None, str]:
    """Return the one of these calls that came to an outcome, if any, and say how they stand."""
    known = [call for call_id in ids if (call := _status(control, call_id))]
    if known and all(call.status is CallStatus.JOINED for call in known):
        known = _firing(control, known[-1]) or known
    return next((call for call in known if is_outcome(call)), None), _sentence(known)


def _firing(control: Control, joined: Call) -> list[Call]:
    """Return the calls of the same run that may have been fired with the value of a joined one."""
    same = CallFilter(network=joined.network, socket=joined.socket, run_id=joined.run_id)
    found, _ = control.store.traffic.calls(same)
    return [call for call in found if call.status is not CallStatus.JOINED]


def _status(control: Control, call_id: CallId) -> Call | None:
    try:
        return control.store.traffic.call(call_id)
    except NotFound:
        return None


def has_ended(call: Call) -> bool:
    """Tell whether nothing more will come of a call by itself."""
    return call.status in TERMINAL


def is_outcome(call: Call) -> bool:
    """Tell whether a call ended with something to tell, which a value that joined did not."""
    return call.status in TERMINAL and call.status is not CallStatus.JOINED


def _sentence(known: Sequence[Call]) -> str:
    if not known:
        return "the call waits in its queue"
    call = known[-1]
    if call.status is CallStatus.JOINED:
        return "its value went into a call of another run"
    if call.status is CallStatus.WAITING and call.started_at is not None:
        return f"the {call.socket} is under way; flowctl trace {call.id} shows how far"
    if call.status is CallStatus.WAITING:
        return "the value waits for its join: other arguments have none yet"
    return f"the call is {call.status}" + (f" on {call.worker}" if call.worker else "")


def refuse_failed(call: Call | Answer) -> None:
    """Raise `CallFailed` where a call ended in failure, with what the other side said."""
    if call.status not in (CallStatus.FAILED, CallStatus.CANCELLED):
        return
    failure = call.failure
    said = f"{failure.type}: {failure.message}" if failure else str(call.status)
    raise CallFailed(
        f"{call.socket} failed: {said}",
        remedy=f"flowctl show call {call.id}",
        kind=failure.type if failure else str(call.status),
        traceback=failure.traceback if failure else "",
        socket=call.socket,
        call_id=call.id,
    )


def refuse_unrecorded(control: Control, socket: Socket) -> None:
    """Refuse to wait for what will never be on record.

    Raises:
        Refused: the processor of this socket keeps no results.
    """
    track = control.store.flows.processor(socket.processor, socket.network).spec.track
    if track is not Track.ALL:
        raise Refused(
            f"{socket.processor} keeps no results (track: {track}), so nobody can wait for one",
            remedy="only send to it, or let it track all",
        )


def find(control: Control, name: str) -> Call:
    """Return the call with this id, or with the only id that begins so.

    Raises:
        NotFound: there is none.
    """
    return control.store.traffic.call(name)


def cancel(control: Control, name: str) -> Call:
    """Ask for the end of the running call or canvas with this id, and return it as it was.

    Raises:
        Refused: it does not run.
    """
    control.may_write()
    found = find(control, name)
    if found.status is CallStatus.WAITING and control.store.traffic.cancel_canvas(found.id):
        return found
    control.store.traffic.cancel(found.id)
    return found


def page(control: Control, wanted: CallFilter) -> tuple[list[Call], int]:
    """Return a page of calls and how many there are in all."""
    return control.store.traffic.calls(wanted)


def run(control: Control, name: str) -> list[Call]:
    """Return all calls of a run; a call's id (or the beginning of one) means its run.

    Raises:
        NotFound: there is neither such a run nor such a call.
    """
    calls = control.store.traffic.run(RunId(name))
    return calls or control.store.traffic.run(find(control, name).run_id)


def runs(control: Control, network: str = "", limit: int = 50) -> list[RunRow]:
    """Return the newest runs."""
    newest, _ = control.store.traffic.calls(CallFilter(network=network, limit=limit * 20, most=0))
    names = list(dict.fromkeys(call.run_id for call in newest))[:limit]
    return [summed(control.store.traffic.run(name)) for name in names]


def delete(control: Control, wanted: CallFilter) -> int:
    """Forget recorded calls with their results and return how many."""
    control.may_write()
    return control.store.traffic.delete_calls(wanted)
