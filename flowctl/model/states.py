"""The places an object can be in, and which moves between them are legal.

Users write `requested_status` (a `Desired`), daemons write `status`. Everything is level-triggered:
a daemon compares the two at every tick, so nothing depends on having seen the moment of change.
"""

from __future__ import annotations

from enum import StrEnum

from flowctl.errors import InvalidInput


class Desired(StrEnum):
    """What a person wants of a processor, deployment or agent."""

    RUNNING = "running"  # serve calls
    PAUSED = "paused"  # keep the processes and the queue, take no new calls
    STOPPED = "stopped"  # no processes; the queue keeps what arrives
    REMOVED = "removed"  # finish, then disappear


class ProcessorStatus(StrEnum):
    """What a processor is, seen over all its deployments."""

    READY = "ready"  # known, nothing deployed
    PENDING = "pending"  # wants cpus that no agent has
    STARTING = "starting"  # some deployments are not serving yet
    RUNNING = "running"  # every deployment serves
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"  # a deployment cannot serve; `error` says why


class DeploymentStatus(StrEnum):
    """What a deployment is on its agent."""

    PENDING = "pending"  # its agent has not seen it yet
    BUILDING = "building"  # the environment is being built
    STARTING = "starting"  # the worker is starting
    RUNNING = "running"
    UPDATING = "updating"  # executors are being added, retired or replaced
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"  # build or import failed, or crash loop; `reason` says why
    LOST = "lost"  # its agent is lost


class WorkerStatus(StrEnum):
    """What a worker process is."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"  # finishes what it holds, takes nothing new
    STOPPED = "stopped"
    FAILED = "failed"  # ended by itself
    UNREACHABLE = "unreachable"  # broker or database does not answer it


class AgentStatus(StrEnum):
    """What an agent is, by its heartbeat."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"  # keeps what it has, takes nothing new
    SUSPECT = "suspect"  # silent for a while; nothing is moved yet
    LOST = "lost"  # silent for long; its deployments are moved
    STOPPED = "stopped"  # said goodbye


class CallStatus(StrEnum):
    """Where a call is."""

    RECEIVED = "received"
    WAITING = "waiting"  # holds a value for a join that is not complete
    RUNNING = "running"
    RETRYING = "retrying"  # failed, comes again
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    JOINED = "joined"  # its value went into the call that completed the join


TERMINAL = frozenset(
    {CallStatus.FINISHED, CallStatus.FAILED, CallStatus.CANCELLED, CallStatus.JOINED}
)
"""A call in one of these never changes again, the first writer wins; but failures may be sent again."""

SERVING = frozenset({DeploymentStatus.RUNNING, DeploymentStatus.UPDATING})
"""A deployment in one of these takes calls."""

ALIVE = frozenset({AgentStatus.RUNNING, AgentStatus.DRAINING, AgentStatus.SUSPECT})
"""An agent in one of these keeps its deployments."""

_REQUESTS: dict[Desired, frozenset[Desired]] = {
    Desired.RUNNING: frozenset({Desired.PAUSED, Desired.STOPPED, Desired.REMOVED}),
    Desired.PAUSED: frozenset({Desired.RUNNING, Desired.STOPPED, Desired.REMOVED}),
    Desired.STOPPED: frozenset({Desired.RUNNING, Desired.REMOVED}),
    Desired.REMOVED: frozenset(),
}


def may_request(present: Desired, wanted: Desired) -> bool:
    """Tell whether a person may ask for `wanted` where `present` was asked before."""
    return wanted == present or wanted in _REQUESTS[present]


def parse_desired(text: str) -> Desired:
    """Return the request that `text` names.

    Raises:
        InvalidInput: there is no such request.
    """
    try:
        return Desired(text)
    except ValueError as error:
        known = ", ".join(Desired)
        raise InvalidInput(f'"{text}" is not a status', remedy=f"one of {known}") from error
