"""The tables as peewee sees them: columns, and how values become columns and come back.

Columns bear the names of the fields they hold, so a row becomes a value by name. The models belong
to no database: each query is executed on the store it was asked of. Keys, references and indexes
are declared in migrations/, and only there.
"""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DoubleField,
    Field,
    Model,
    TextField,
)

from flowctl.model.fleet import Resources
from flowctl.model.flow import (
    AgentSpec,
    Argument,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
)
from flowctl.model.states import (
    AgentStatus,
    CallStatus,
    DeploymentStatus,
    Desired,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.model.traffic import Failure, Message, Outgoing
from flowctl.state.fields import Body, Choice, Document, Moment, Words


class Table(Model):
    """The root of all tables."""

    class Meta:
        legacy_table_names = False


class CounterRow(Table):
    """Numbers that grow."""

    name = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:
        table_name = "counter"


class RecordRow(Table):
    """The columns of every recorded object."""

    id = TextField()
    name = TextField()
    receipt = TextField()
    created_at = Moment()
    updated_at = Moment()

    class Meta:
        primary_key = False


class NetworkRow(RecordRow):
    """Networks."""

    revision = BigIntegerField()
    strategy = TextField()
    recipe = Words()

    class Meta:
        table_name = "network"


class AgentSpecRow(Table):
    """What recipes say of agents."""

    network = TextField()
    name = TextField()
    spec = Document(AgentSpec)

    class Meta:
        table_name = "agent_spec"
        primary_key = CompositeKey("network", "name")


class ProcessorRow(RecordRow):
    """`spec` holds no sockets: they have rows of their own."""

    network = TextField()
    spec = Document(ProcessorSpec)
    generation = BigIntegerField()
    restarts = BigIntegerField()
    requested_status = Choice(Desired)
    status = Choice(ProcessorStatus)
    error = Words()
    deployed_cpus = BigIntegerField()
    running_cpus = BigIntegerField()

    class Meta:
        table_name = "processor"


class TaskRow(Table):
    """Functions, as their modules showed them."""

    network = TextField()
    processor = TextField()
    name = TextField()
    module = TextField()
    arguments = Document(tuple[Argument, ...])
    source = Words()
    code = Words()

    class Meta:
        table_name = "task"
        primary_key = CompositeKey("network", "processor", "name")


class SocketRow(RecordRow):
    """Sockets."""

    network = TextField()
    processor = TextField()
    task = TextField()
    spec = Document(SocketSpec)
    queue = TextField()

    class Meta:
        table_name = "socket"


class PlugRow(RecordRow):
    """Plugs."""

    network = TextField()
    source = TextField()
    target = TextField()
    spec = Document(PlugSpec)
    queue = TextField()

    class Meta:
        table_name = "plug"


class NodeRow(RecordRow):
    """Hosts."""

    hostname = TextField()
    boot_id = TextField()
    resources = Document(Resources)

    class Meta:
        table_name = "node"


class AgentRow(RecordRow):
    """Agents."""

    node = TextField()
    cpus = BigIntegerField()
    labels = Document(dict[str, str])
    resources = Document(Resources)
    heartbeat_at = Moment()
    sentence = Words()
    port = BigIntegerField()
    pid = BigIntegerField()
    version = TextField()
    requested_status = Choice(Desired)
    status = Choice(AgentStatus)

    class Meta:
        table_name = "agent"


class DeploymentRow(RecordRow):
    """Claims of processors on agents."""

    network = TextField()
    processor = TextField()
    agent = TextField()
    cpus = BigIntegerField()
    requested_status = Choice(Desired)
    status = Choice(DeploymentStatus)
    reason = Words()
    pinned = BooleanField()

    class Meta:
        table_name = "deployment"


class WorkerRow(RecordRow):
    """Worker processes."""

    network = TextField()
    deployment = TextField()
    agent = TextField()
    processor = TextField()
    pid = BigIntegerField()
    executors = BigIntegerField()
    busy = BigIntegerField()
    restarts = BigIntegerField()
    cpu_percent = DoubleField()
    memory = BigIntegerField()
    commit = TextField()
    reason = Words()
    heartbeat_at = Moment()
    status = Choice(WorkerStatus)

    class Meta:
        table_name = "worker"


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


ALL: tuple[type[Table], ...] = (
    CounterRow,
    NetworkRow,
    AgentSpecRow,
    ProcessorRow,
    TaskRow,
    SocketRow,
    PlugRow,
    NodeRow,
    AgentRow,
    DeploymentRow,
    WorkerRow,
    CallRow,
    ResultRow,
    OutboxRow,
    ClaimRow,
    CancelRow,
    SlotRow,
    GatheringRow,
    FiringRow,
    EventRow,
    LeaseRow,
    FireRow,
    SampleRow,
)
"""All tables, parents before children."""


def table_name(table: type[Table]) -> str:
    """Return the name that a table has in the database."""
    return str(table._meta.table_name)  # noqa: SLF001


def columns(table: type[Table], names: tuple[str, ...]) -> list[Field]:
    """Return the columns of these names, in this order."""
    return [getattr(table, name) for name in names]
