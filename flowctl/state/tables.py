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
    DeploymentStatus,
    Desired,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.state.fields import Choice, Document, Moment, Words


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
    closed = BooleanField()

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


def table_name(table: type[Table]) -> str:
    """Return the name that a table has in the database."""
    return str(table._meta.table_name)  # noqa: SLF001


def columns(table: type[Table], names: tuple[str, ...]) -> list[Field]:
    """Return the columns of these names, in this order."""
    return [getattr(table, name) for name in names]
