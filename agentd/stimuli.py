"""What the machine is told: facts from outside, each at the moment it was noticed.

Feeder threads make them, the daemon's one deciding thread gives them to the machine. They hold
values only, so that a test can write down any history.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from flowctl.model.states import Desired, WorkerStatus
from flowctl.model.work import Assignment


class Key(NamedTuple):
    """Which deployment; its name is unique within its network."""

    network: str
    deployment: str

    def __str__(self) -> str:
        return f"{self.network}/{self.deployment}"


class Version(NamedTuple):
    """What a worker process was started for; another one needs another process."""

    generation: int
    restarts: int


class Site(Struct, frozen=True, kw_only=True):
    """A built environment: what a worker needs to know of it."""

    python: str
    paths: tuple[str, ...] = ()
    commit: str = ""
    key: str = ""


class WorkerReport(Struct, frozen=True, kw_only=True):
    """What a worker wrote into its status file."""

    pid: int
    status: WorkerStatus
    executors: int = 0
    busy: int = 0
    reason: str = ""
    generation: int = 0
    restarts: int = 0
    calls: int = 0
    failed: int = 0
    at: float = 0.0
    """Seconds on the monotonic clock of this host; any change shows that the worker lives."""
    executor_pids: tuple[int, ...] = ()


class Tick(Struct, frozen=True):
    """Time has passed; these status files were there, by name of the worker."""

    reports: dict[str, WorkerReport] = {}
    blind: bool = False
    """The disk takes no files: that a status file is old says nothing about its worker."""


class Listed(Struct, frozen=True):
    """The state database told everything that is wanted of this agent."""

    assignments: tuple[Assignment, ...]
    requested: Desired = Desired.RUNNING


class Cut(Struct, frozen=True):
    """The state database cannot be used, for this reason; the next `Listed` ends it."""

    reason: str


class Built(Struct, frozen=True):
    """The environment for a version of a deployment is there."""

    key: Key
    version: Version
    site: Site


class BuildBroke(Struct, frozen=True):
    """The environment for a version of a deployment could not be built."""

    key: Key
    version: Version
    reason: str


class Started(Struct, frozen=True):
    """The worker of a deployment was spawned and its process is on record."""

    key: Key
    pid: int


class StartFailed(Struct, frozen=True):
    """The worker of a deployment could not be spawned; there is no process."""

    key: Key
    reason: str


class Adopted(Struct, frozen=True, kw_only=True):
    """A worker of an earlier life of this agent still runs and is watched again."""

    key: Key
    name: str
    pid: int
    version: Version
    site: Site | None
    restarts: int = 0


class Perished(Struct, frozen=True):
    """A worker of an earlier life of this agent is on record but does not run any more."""

    key: Key
    name: str


class Exited(Struct, frozen=True):
    """The process of a deployment's worker has ended."""

    key: Key
    code: int | None
    """Exit code, negative signal number, or None where somebody else was its parent."""
    tail: str = ""
    """The last lines it wrote."""


class StopAsked(Struct, frozen=True):
    """A signal asks this agent to end; `workers` tells whether they end with it."""

    workers: bool


Stimulus = (
    Tick
    | Listed
    | Cut
    | Built
    | BuildBroke
    | Started
    | StartFailed
    | Adopted
    | Perished
    | Exited
    | StopAsked
)
