"""What the flows run on: nodes, agents, deployments and workers. Sizes are bytes."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from flowctl.model.flow import Record
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired, WorkerStatus


class Resources(Struct, frozen=True, kw_only=True):
    """What a host has and how much of it is in use, at one moment."""

    cpus: int = 0
    cpu_percent: float = 0.0
    """Over all cpus, 0 to 100."""
    load: float = 0.0
    """One-minute load average."""
    memory_total: int = 0
    memory_available: int = 0
    disk_total: int = 0
    disk_free: int = 0


class Node(Record, frozen=True, kw_only=True):
    """A host. `name` is `<agent>.node`."""

    hostname: str
    boot_id: str
    resources: Resources


class Agent(Record, frozen=True, kw_only=True):
    """The daemon's record on a host; `name` is what its deployments name."""

    node: str
    cpus: int
    """Offered; at most those of the node, unless a person said otherwise at its start."""
    labels: dict[str, str]
    resources: Resources
    heartbeat_at: datetime
    sentence: str
    """What its last cycle did, for people."""
    port: int
    """Health and metrics over HTTP; 0 where that is off."""
    pid: int
    version: str
    requested_status: Desired
    status: AgentStatus


class Deployment(Record, frozen=True, kw_only=True):
    """A processor's claim on one agent."""

    network: str
    processor: str
    """The name of the processor."""
    agent: str
    cpus: int
    requested_status: Desired
    status: DeploymentStatus
    reason: str = ""
    """Why it is not running, or how it failed."""
    pinned: bool = False
    """Written by a person; the scheduler leaves it alone."""


class Worker(Record, frozen=True, kw_only=True):
    """The process that serves one deployment. `name` is `<agent>.<network>.<processor>.worker.<n>`."""

    deployment: str
    agent: str
    processor: str
    network: str
    pid: int
    executors: int
    """Executors that serve now."""
    busy: int
    """Executors that run a call now."""
    restarts: int
    cpu_percent: float
    memory: int
    """Resident bytes of the worker and its executors."""
    commit: str
    """The git commit it runs, where its source is git."""
    reason: str
    heartbeat_at: datetime
    status: WorkerStatus


class Lease(Struct, frozen=True, kw_only=True):
    """Who leads, for how long, in which term."""

    holder: str
    term: int
    expires_at: datetime
