"""What a person declares: networks of processors, sockets and plugs; and its recorded form.

A `...Spec` is what is declared (a recipe holds nothing else). A name without `Spec` is the record:
the spec plus identity, requested and observed status and a receipt. Durations are seconds,
sizes are bytes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from flowctl.model.nodes import Inline, ProcessorType
from flowctl.model.states import Desired, ProcessorStatus


class SourceKind(StrEnum):
    """Where the code of a processor comes from."""

    GIT = "git"
    PATH = "path"
    CODE = "code"
    COMMAND = "command"


class Source(Struct, frozen=True, kw_only=True):
    """Where the code is. Only the fields of its kind are set."""

    kind: SourceKind
    module: str = ""
    """The dotted module that holds the tasks; a class in it as `module:Class`. Not for `command`."""
    url: str = ""
    """git: an https, ssh or file address."""
    ref: str = ""
    """git: branch, tag or commit; the default branch where empty."""
    path: str = ""
    """path: an absolute folder that goes on the import path. git: a folder inside the checkout."""
    code: str = ""
    """code: the text of the module."""
    command: tuple[str, ...] = ()
    """command: program and arguments; one JSON line in, one JSON line out. Its working folder is
    `path` where that is set."""


class Retry(Struct, frozen=True, kw_only=True):
    """What happens to a call that raised."""

    max: int = 0
    """Further attempts after the first."""
    backoff: float = 1.0
    """Seconds before the first retry; doubles each time, with full jitter, up to `cap`."""
    cap: float = 300.0
    on: tuple[str, ...] = ()
    """Names of the exceptions that are retried; all where empty."""


class Scale(Struct, frozen=True, kw_only=True):
    """Bounds and trigger of autoscaling."""

    min: int = 0
    max: int = 1
    queue: int = 100
    """Ready messages per cpu that are worth another cpu."""
    cooldown: float = 60.0
    """Seconds without need before a cpu is taken away."""


class RateScope(StrEnum):
    """Whom a rate limit binds."""

    PROCESSOR = "processor"  # all workers together
    WORKER = "worker"  # each worker by itself


class Rate(Struct, frozen=True, kw_only=True):
    """How many calls may start in a time."""

    calls: float
    per: float = 1.0
    scope: RateScope = RateScope.PROCESSOR


class Track(StrEnum):
    """Which calls are recorded."""

    ALL = "all"  # every call, its result and its events
    ERRORS = "errors"  # failures only: a repeat of a success cannot be recognised
    NONE = "none"  # nothing: at least once, and only counters tell


class Catchup(StrEnum):
    """What happens to due times that nobody could fire."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Schedule(Struct, frozen=True, kw_only=True):
    """When a socket is called by itself. Exactly one of cron, every and at is set."""

    cron: str = ""
    every: float = 0.0
    at: str = ""
    """An aware ISO time; fires once."""
    payload: str = "null"
    """The JSON text that is sent."""
    timezone: str = "UTC"
    catchup: Catchup = Catchup.ONCE
    paused: bool = False
    """Not fired until that is taken back; what would have been due meanwhile is not made up for."""


class JoinMode(StrEnum):
    """How values that arrive for several arguments meet."""

    ZIP = "zip"  # each value is used once, in order of arrival
    LATEST = "latest"  # the newest of each, as soon as one arrives


class Join(Struct, frozen=True, kw_only=True):
    """The join rule of a socket."""

    mode: JoinMode = JoinMode.ZIP
    by_run: bool = False
    """Only values of the same run meet."""


class QueueLimits(Struct, frozen=True, kw_only=True):
    """What a queue may hold. Zero means no limit."""

    ttl: float = 0.0
    """Seconds after which a waiting message goes to the dead letters."""
    max_length: int = 0
    """Messages; a publish above it is refused, the oldest is never dropped."""


class SocketSpec(Struct, frozen=True, kw_only=True):
    """A named entry of a processor."""

    name: str
    task: str
    """The function (or `method` of the module's class) that runs; ignored by commands."""
    schedule: Schedule | None = None
    join: Join = Join()
    queue: QueueLimits = QueueLimits()
    wait_all: bool = False
    """Fires when every inbound plug has delivered, with their values as positional arguments."""
    routes: dict[str, str] = {}
    """router: the functions that choose; the input takes each route whose function says yes."""
    schemas: dict[str, str] = {}
    """JSON Schemas by argument; that under the empty name is for the whole input."""
    inline: Inline | None = None
    """data: what is sent, where it is no object of the module."""

    def functions(self) -> tuple[str, ...]:
        """Return the names that the module must have for this socket."""
        return tuple(name for name in (self.task, *self.routes.values()) if name)


class PlugKind(StrEnum):
    """Which outcomes a plug carries."""

    RESULT = "result"
    ERROR = "error"
    REJECT = "reject"  # what a gate did not let pass


class PlugSpec(Struct, frozen=True, kw_only=True):
    """A directed edge from a socket to a socket, or to one argument of it."""

    source: str
    """`processor.socket`."""
    target: str
    """`processor.socket`."""
    kind: PlugKind = PlugKind.RESULT
    route: str = ""
    """The route of its source that it serves; others may serve it, too."""
    argument: str = ""
    gather: str = ""
    """`processor.socket` of a generator: the plug waits for everything that came out of one call
    of it and delivers the values as one list, in order."""
    allow_cycle: bool = False
    queue: QueueLimits = QueueLimits()
    name: str = ""
    """Empty in a recipe means the name that `naming.plug_name` derives."""


class ProcessorSpec(Struct, frozen=True, kw_only=True):
    """Logical code, bound to no host."""

    name: str
    source: Source
    type: ProcessorType = ProcessorType.TASK
    canvas: str = ""
    """pipeline, parallel, funnel, segment: the calls that it makes, as `recipe.expression` writes
    them."""
    sockets: tuple[SocketSpec, ...] = ()
    requirements: tuple[str, ...] = ()
    cpus: int = 1
    """How many calls run at once, over all hosts; with `scale` the number to begin with."""
    scale: Scale | None = None
    timeout: float = 0.0
    """Seconds a call may run; 0 means no limit."""
    retry: Retry = Retry()
    rate: Rate | None = None
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    """An agent must carry all of these to be chosen."""
    host: str = ""
    """The only agent that may be chosen."""
    memory: int = 0
    """Bytes that one executor may use; 0 means no limit."""
    track: Track = Track.ALL
    enabled: bool = True
    description: str = ""


class AgentSpec(Struct, frozen=True, kw_only=True):
    """What a recipe may say of an agent."""

    name: str
    hostname: str = ""
    cpus: int = 0
    """0 means all of its node."""
    labels: dict[str, str] = {}
    ssh_user: str = ""
    ssh_key: str = ""
    path: str = ""
    enabled: bool = True


class DeploymentSpec(Struct, frozen=True, kw_only=True):
    """A placement that a person fixed; where none is written the scheduler places."""

    name: str
    processor: str
    agent: str
    cpus: int


class NetworkSpec(Struct, frozen=True, kw_only=True):
    """A whole recipe as values. All tuples are sorted by name (plugs by derived name)."""

    name: str
    processors: tuple[ProcessorSpec, ...] = ()
    plugs: tuple[PlugSpec, ...] = ()
    agents: tuple[AgentSpec, ...] = ()
    deployments: tuple[DeploymentSpec, ...] = ()
    strategy: str = "BALANCED"


class Record(Struct, frozen=True, kw_only=True):
    """What every recorded object has."""

    id: str
    name: str
    receipt: str
    """Changes at every write; a write must name the receipt it has read."""
    created_at: datetime
    updated_at: datetime


class Network(Record, frozen=True, kw_only=True):
    """A named namespace."""

    revision: int
    """Grows with every change of what is wanted in this network."""
    strategy: str = "BALANCED"
    recipe: str = ""
    """The file the network was applied from, for people."""


class Processor(Record, frozen=True, kw_only=True):
    """A processor on record."""

    network: str
    spec: ProcessorSpec
    generation: int
    """Grows when a change of the spec needs new executors (source, requirements, env, memory)."""
    restarts: int
    """Grows when a person asks for a restart."""
    requested_status: Desired
    status: ProcessorStatus
    error: str = ""
    deployed_cpus: int = 0
    """Sum of the cpus of its deployments."""
    running_cpus: int = 0
    """Sum of the executors that serve now."""
    closed: bool = False
    """gate: a person closed it; what comes waits on its queues."""


class Argument(Struct, frozen=True, kw_only=True):
    """A parameter of a task."""

    name: str
    position: int
    kind: str
    """As in `inspect.Parameter.kind.name`."""
    has_default: bool = False


class Task(Struct, frozen=True, kw_only=True):
    """The function behind a socket, as its module showed it."""

    name: str
    processor: str
    module: str
    arguments: tuple[Argument, ...] = ()
    source: str = ""
    """The text of the function."""
    code: str = ""
    """An override that replaces the function."""


class Socket(Record, frozen=True, kw_only=True):
    """A socket on record. `name` is `processor.socket`."""

    network: str
    processor: str
    spec: SocketSpec
    queue: str
    """The broker queue of direct calls."""
    task: Task | None = None


class Plug(Record, frozen=True, kw_only=True):
    """A plug on record."""

    network: str
    spec: PlugSpec
    queue: str


class Topology(Struct, frozen=True, kw_only=True):
    """One network as the daemons and pictures need it, read at one moment."""

    network: Network
    processors: tuple[Processor, ...]
    sockets: tuple[Socket, ...]
    plugs: tuple[Plug, ...]
