"""What passes between the store and those who act on it: assignments, beats, steps, filters."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from flowctl.model.fleet import Agent, Deployment, Resources, Worker
from flowctl.model.flow import Plug, Processor, Socket
from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, AgentStatus, CallStatus, Desired, WorkerStatus
from flowctl.model.traffic import Call, Message, Outgoing


class Assignment(Struct, frozen=True, kw_only=True):
    """Everything that a host needs in order to serve one deployment."""

    deployment: Deployment
    processor: Processor
    sockets: tuple[Socket, ...]
    """The sockets of the processor."""
    inbound: tuple[Plug, ...]
    """Plugs whose target is one of the sockets."""
    outbound: tuple[Plug, ...]
    """Plugs whose source is one of the sockets."""
    targets: tuple[Socket, ...]
    """The sockets that the outbound plugs lead to."""
    gathering: frozenset[str] = frozenset()
    """Names of the outbound plugs that lead to a gather."""
    workers: int = 1
    """How many deployments the processor has: shares of a rate limit."""


class AgentBeat(Struct, frozen=True, kw_only=True):
    """What an agent says of itself at each heartbeat; it creates agent and node when missing."""

    name: str
    hostname: str
    boot_id: str
    pid: int
    version: str
    cpus: int
    labels: dict[str, str]
    port: int
    sentence: str
    resources: Resources
    status: AgentStatus


class WorkerBeat(Struct, frozen=True, kw_only=True):
    """What is known of a worker process; the row is created when missing."""

    name: str
    deployment: str
    """The name of the deployment."""
    agent: str
    network: str
    processor: str
    pid: int
    executors: int
    busy: int
    restarts: int
    cpu_percent: float
    memory: int
    commit: str
    reason: str
    status: WorkerStatus


class Step(Struct, frozen=True, kw_only=True, tag_field="step"):
    """One change of the placement; the planner makes them, the store takes or rejects each."""

    network: str
    processor: str
    agent: str
    deployment: str
    """Its name; for `Create` a new one, `<processor>.deploy<N>`."""


class Create(Step, frozen=True, kw_only=True, tag="create"):
    """Claim cpus of an agent for a processor."""

    cpus: int


class Resize(Step, frozen=True, kw_only=True, tag="resize"):
    """Change the claim; only executors come or go."""

    cpus: int


class Retire(Step, frozen=True, kw_only=True, tag="retire"):
    """End the deployment: its worker finishes what it holds, then goes."""


class Fleet(Struct, frozen=True, kw_only=True):
    """The fleet and what is wanted of it, read in one transaction."""

    revision: int
    processors: tuple[Processor, ...]
    agents: tuple[Agent, ...]
    deployments: tuple[Deployment, ...]
    workers: tuple[Worker, ...]
    strategies: dict[str, str]
    """Name of each network to `BALANCED` or `EFFICIENT`."""


class CallFilter(Struct, frozen=True, kw_only=True):
    """Which calls a listing shows."""

    network: str = ""
    processor: str = ""
    socket: str = ""
    """`processor.socket`."""
    status: tuple[CallStatus, ...] = ()
    run_id: str = ""
    parent: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    """Part of the id or of the failure's message."""
    ascending: bool = False
    limit: int = 50
    offset: int = 0
    most: int | None = None
    """How far to count what there is in all; None means to the end, however long that takes."""


class Trend(StrEnum):
    """Where a queue goes."""

    STEADY = "="
    GROWING = "+"
    SHRINKING = "-"


class Pace(Struct, frozen=True, kw_only=True):
    """What one entry of one socket got through in a span of time."""

    socket: str
    """`processor.socket`."""
    plug: str
    """The plug its calls came over; empty for direct ones."""
    status: CallStatus
    calls: int
    seconds: float
    """That their functions ran."""
    first: datetime
    """When the first of them ended."""


class RunCount(Struct, frozen=True, kw_only=True):
    """Whether a run is quiet: every message that was sent has become a call that came to rest."""

    calls: int
    """Calls that are terminal or waiting in a join."""
    outputs: int
    """Messages that these calls sent on."""
    failed: int
    running: int
    waiting: int

    def is_quiet(self, seeds: int) -> bool:
        """Tell whether all `seeds` sends and everything that came of them came to rest."""
        return self.running == 0 and self.calls >= seeds + self.outputs


class Claim(Struct, frozen=True, kw_only=True):
    """A long call that was taken out of its queue and is held by a lease instead."""

    call_id: CallId
    queue: str
    message: Message
    worker: str
    expires_at: datetime


class Known(Struct, frozen=True, kw_only=True):
    """What is on record of a call whose message came once more."""

    status: CallStatus
    attempt: int
    outgoing: tuple[Outgoing, ...] = ()
    """Its committed outputs that are not known to be published."""

    def covers(self, attempt: int) -> bool:
        """Tell whether attempt number `attempt` is over, so that it must not run again."""
        if self.status is CallStatus.RETRYING:
            return self.attempt >= attempt
        return self.status in TERMINAL

    def runs(self, attempt: int) -> bool:
        """Tell whether the record says that attempt number `attempt` runs."""
        return self.status is CallStatus.RUNNING and self.attempt == attempt


class Slot(Struct, frozen=True, kw_only=True):
    """One value that waits for its join, or was used by the call that completed it."""

    socket: str
    """`network.processor.socket`."""
    key: str
    """What must be equal for values to meet: empty, a run id, or the call id of a scatter."""
    argument: str
    """A parameter's name, or the index in a gather."""
    message: Message
    content_type: str = "application/json"


class Fire(Struct, frozen=True, kw_only=True):
    """A due time of a schedule."""

    socket: str
    """`network.processor.socket`."""
    due_at: datetime
    call_id: CallId


class Sample(Struct, frozen=True, kw_only=True):
    """One number measured at one moment."""

    at: datetime
    kind: str
    """agent, worker, processor, queue, plug or cluster."""
    object: str
    metric: str
    """cpu, memory, ready, unacked, in, out, calls, failed, duration ..."""
    value: float


class Wanted(Struct, frozen=True, kw_only=True):
    """A person's request: what to write into which object."""

    kind: str
    name: str
    requested_status: Desired


class Arrival(Struct, frozen=True, kw_only=True):
    """A value that arrived for a join, with the record of the call that carried it."""

    slot: Slot
    call: Call
    mode: str
    """`zip`, `latest` or `gather`."""
    needs: tuple[str, ...] = ()
    """zip, latest: the arguments that must have a value, in the order of the signature."""
    total: int = 0
    """gather: how many indexes there are."""


class Pile(Struct, frozen=True, kw_only=True):
    """The values that wait for one argument of one join."""

    socket: str
    """`network.processor.socket`."""
    key: str
    argument: str
    count: int
    oldest_at: datetime


class Gathering(Struct, frozen=True, kw_only=True):
    """How much of a scatter has come back."""

    socket: str
    """`network.processor.socket`."""
    key: str
    """The plug and the call that scattered, with a colon between."""
    arrived: int
    total: int
    oldest_at: datetime
