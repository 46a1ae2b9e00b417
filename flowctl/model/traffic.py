"""What moves: calls, their outcomes and outputs, and the facts recorded about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from flowctl.model.ids import CallId, RunId
from flowctl.model.inputs import Kept
from flowctl.model.states import CallStatus

if TYPE_CHECKING:
    from flowctl.model.canvas import Launch


class Failure(Struct, frozen=True, kw_only=True):
    """How a call failed; also the JSON document that an ERROR plug carries."""

    type: str
    """The name of the exception, or one of `timeout`, `killed`, `memory`, `malformed`, `cancelled`,
    `result`, `output`, `schema`."""
    message: str
    traceback: str = ""
    socket: str = ""
    call_id: str = ""
    run_id: str = ""
    attempt: int = 1
    worker: str = ""
    input: object = None
    """The JSON input, where it is small enough to repeat."""
    details: object = None
    """What else is known, as JSON: of `schema`, each violation with its path."""


class Gather(Struct, frozen=True, array_like=True):
    """One level of a scatter: output `index` of the `total` that `call_id` sent from `socket`."""

    socket: str
    call_id: str
    index: int
    total: int


class Message(Struct, frozen=True, kw_only=True):
    """What lies in a queue: the body as it is, and what the properties say.

    The body is the JSON value itself (or bytes, by content type); everything else travels in AMQP
    properties and headers, so any AMQP client can write and read it.
    """

    id: CallId
    """The call that this message asks for."""
    run_id: RunId
    body: bytes
    content_type: str = "application/json"
    parent: str = ""
    """The call whose output this is; empty for sends and fires."""
    plug: str = ""
    """The plug that carried it; empty for direct calls."""
    argument: str = ""
    attempt: int = 1
    hops: int = 0
    gathers: tuple[Gather, ...] = ()
    canvas: str = ""
    """The place of a canvas that it fills, as `Pointer.text` writes it."""
    reply_to: str = ""
    again: bool = False
    """A repeat of a message that may have been published before: look before running."""
    traceparent: str = ""
    sent_at: datetime | None = None
    reason: str = ""
    """In a dead-letter queue: why it is there."""
    origin: str = ""
    """In a dead-letter queue: the queue it came from."""
    replays: str = ""
    """The call that this one runs again."""
    extra: dict[str, str] = {}
    """Foreign string headers, kept as they were."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message and the queue it goes to, after `delay` seconds."""

    queue: str
    message: Message
    delay: float = 0.0


class Call(Struct, frozen=True, kw_only=True):
    """One execution of a socket, on record."""

    id: CallId
    run_id: RunId
    parent: str
    network: str
    socket: str
    """`processor.socket`."""
    plug: str
    argument: str
    status: CallStatus
    attempt: int
    worker: str
    agent: str
    sent_at: datetime | None
    received_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration: float | None
    """Seconds the function ran."""
    outputs: int
    """How many messages it sent on."""
    failure: Failure | None = None
    output: str = ""
    """What the function printed, capped; empty in listings."""
    size: int = 0
    """Bytes of the result."""
    replays: str = ""
    """The call that this one ran again."""


class Result(Struct, frozen=True, kw_only=True):
    """What a call returned."""

    call_id: CallId
    content_type: str
    body: bytes


class Answer(Struct, frozen=True, kw_only=True):
    """How a call ended, for whoever waits for it."""

    id: CallId
    socket: str
    """`processor.socket`."""
    status: CallStatus
    failure: Failure | None = None
    content_type: str = "application/json"
    body: bytes | None = None
    """What it returned; None where there is nothing, or where only the record has it."""


class Event(Struct, frozen=True, kw_only=True):
    """A recorded fact, past tense, about an object."""

    id: int
    at: datetime
    kind: str
    """The noun: call, worker, deployment, processor, agent, network, schedule, user ..."""
    object: str
    """The name (or call id) of the object."""
    action: str
    """received, prerun, postrun, failed, retried, status, applied, scaled ..."""
    note: str
    network: str = ""
    run_id: str = ""


class Finished(Struct, kw_only=True):
    """What the worker commits of one delivery: its record, its result and what it sends on."""

    call: Call
    result: bytes | None = None
    content_type: str = "application/json"
    outgoing: tuple[Outgoing, ...] = ()
    events: tuple[Event, ...] = ()
    given: Kept = Kept()
    """What the call was given."""
    is_told: bool = False
    """Whether followers of events have heard that this attempt began."""
    pointer: str = ""
    """The place of a canvas that its outcome fills."""
    launch: Launch | None = None
    """The canvas that begins with this call."""
    record: bool = True
    """False where `track` says that nothing of this call is kept: only its outbox is."""
