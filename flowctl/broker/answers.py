"""How the end of a call is told to whoever waits for it: a message to the address it asked for.

Pure. The body is the result itself with its content type, or the failure as JSON, so any AMQP
client that set `reply_to` can read its answer. An answer is a courtesy: it may get lost, nobody
confirms it, and the record is what counts.
"""

from __future__ import annotations

import msgspec

from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Failure, Message, Outgoing

MOST_BODY = 64 * 1024
"""Bytes of a result above which the answer only says that it is on record."""
STATUS = "flowctl-status"
SOCKET = "flowctl-socket"
LEFT_OUT = "flowctl-left-out"
"""Headers of an answer: how the call ended, where it ran, and whether its body was too large."""
_JSON = "application/json"
_FAILURE = msgspec.json.Decoder(Failure)


def told(asked: Message, answer: Answer) -> Outgoing:
    """Return the message that tells `answer` to whoever sent `asked`."""
    body = answer.body if answer.failure is None else msgspec.json.encode(answer.failure)
    extra = {STATUS: str(answer.status), SOCKET: answer.socket}
    if body is None or len(body) > MOST_BODY:
        body, extra[LEFT_OUT] = b"", "yes"
    message = Message(
        id=asked.id,
        run_id=asked.run_id,
        body=body,
        content_type=answer.content_type if answer.failure is None else _JSON,
        traceparent=asked.traceparent,
        extra=extra,
    )
    return Outgoing(queue=asked.reply_to, message=message)


def heard(message: Message) -> Answer | None:
    """Return the answer that a message tells, or None where it is none."""
    try:
        status = CallStatus(message.extra.get(STATUS, ""))
        failure, body = None, None if LEFT_OUT in message.extra else message.body
        if status is not CallStatus.FINISHED and body is not None:
            failure, body = _FAILURE.decode(body), None
    except (ValueError, msgspec.DecodeError):
        return None
    return Answer(
        id=message.id,
        socket=message.extra.get(SOCKET, ""),
        status=status,
        failure=failure,
        content_type=message.content_type,
        body=body,
    )
