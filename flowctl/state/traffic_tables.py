"""The tables of what moves and happens: calls and what hangs on them, events, duty."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, DoubleField, TextField

from flowctl.model.journal import Difference, Shift
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure, Message, Outgoing
from flowctl.state.fields import Body, Choice, Document, Moment, Words
from flowctl.state.tables import Table


class CallRow(Table):
    """Calls; `error` is the headline of the failure, for searches."""

    seq = BigIntegerField()
    id = TextField()
    run_id = TextField()
    parent = TextField()
    network = TextField()
    processor = TextField()
    socket = TextField()
    plug = TextField()
    argument = TextField()
    status = Choice(CallStatus)
    attempt = BigIntegerField()
    worker = TextField()
    agent = TextField()
    at = Moment()
    sent_at = Moment(null=True)
    received_at = Moment(null=True)
    started_at = Moment(null=True)
    finished_at = Moment(null=True)
    duration = DoubleField(null=True)
    outputs = BigIntegerField()
    failure = Document(Failure, null=True)
    error = Words()
    output = Words()
    size = BigIntegerField()
    replays = TextField()
    input = TextField()
    input_type = TextField()

    class Meta:
        table_name = "call"
        primary_key = False


class ResultRow(Table):
    """What calls returned."""

    call_id = TextField(primary_key=True)
    content_type = TextField()
    body = Body()

    class Meta:
        table_name = "result"


class OutboxRow(Table):
    """Messages that are decided on and not known to be sent."""

    message_id = TextField()
    attempt = BigIntegerField()
    owner = TextField()
    queue = TextField()
    created_at = Moment()
    outgoing = Document(Outgoing)

    class Meta:
        table_name = "outbox"
        primary_key = CompositeKey("message_id", "attempt", "queue")


class ClaimRow(Table):
    """Long calls that are held by a lease."""

    call_id = TextField(primary_key=True)
    queue = TextField()
    message = Document(Message)
    worker = TextField()
    expires_at = Moment()

    class Meta:
        table_name = "claim"


class CancelRow(Table):
    """Running calls that a person wants to end."""

    call_id = TextField(primary_key=True)
    at = Moment()

    class Meta:
        table_name = "cancel"


class SlotRow(Table):
    """Values that wait for their join."""

    seq = BigIntegerField()
    socket = TextField()
    key = TextField()
    argument = TextField()
    call_id = TextField()
    message = Document(Message)
    content_type = TextField()

    class Meta:
        table_name = "slot"
        primary_key = False


class GatheringRow(Table):
    """How much of a scatter has come back."""

    socket = TextField()
    key = TextField()
    arrived = BigIntegerField()

    class Meta:
        table_name = "gathering"
        primary_key = CompositeKey("socket", "key")


class FiringRow(Table):
    """The values that calls were fired with."""

    call_id = TextField()
    position = BigIntegerField()
    socket = TextField()
    key = TextField()
    argument = TextField()
    message = Document(Message)
    content_type = TextField()

    class Meta:
        table_name = "firing"
        primary_key = CompositeKey("call_id", "position")


class EventRow(Table):
    """Recorded facts."""

    id = BigIntegerField()
    at = Moment()
    kind = TextField()
    object = Words()
    action = TextField()
    note = Words()
    network = TextField()
    run_id = TextField()

    class Meta:
        table_name = "event"
        primary_key = False


class LeaseRow(Table):
    """Who leads."""

    name = TextField(primary_key=True)
    holder = TextField()
    term = BigIntegerField()
    expires_at = Moment()

    class Meta:
        table_name = "lease"


class FireRow(Table):
    """Due times that were fired."""

    socket = TextField()
    due_at = Moment()
    call_id = TextField()

    class Meta:
        table_name = "fire"
        primary_key = CompositeKey("socket", "due_at")


class SampleRow(Table):
    """Measurements."""

    at = Moment()
    kind = TextField()
    object = TextField()
    metric = TextField()
    value = DoubleField()

    class Meta:
        table_name = "sample"
        primary_key = False


class JournalRow(Table):
    """What people changed."""

    id = BigIntegerField()
    at = Moment()
    who = Words()
    face = TextField()
    command = Words()
    batch = TextField()
    action = TextField()
    network = TextField()
    objects = Document(tuple[str, ...])
    result = Words()
    differences = Document(tuple[Difference, ...])
    shift = Document(Shift | None)
    undoes = BigIntegerField()
    undone_by = BigIntegerField()

    class Meta:
        table_name = "journal"
        primary_key = False


class TrashRow(Table):
    """Queues of messages that were purged."""

    queue = TextField(primary_key=True)
    origin = TextField()
    at = Moment()
    who = Words()
    entry = BigIntegerField()

    class Meta:
        table_name = "trash"


class AskRow(Table):
    """Questions to the agents."""

    id = TextField(primary_key=True)
    body = TextField()
    asker = TextField()
    expires_at = Moment()

    class Meta:
        table_name = "ask"


class ToldRow(Table):
    """Answers on their way."""

    id = BigIntegerField()
    ask_id = TextField()
    body = TextField()

    class Meta:
        table_name = "told"
        primary_key = False
