"""What the machine wants done; the daemon obeys in this order and answers with stimuli."""

from __future__ import annotations

from msgspec import Struct

from agentd.stimuli import Key, Site, Version
from flowctl.model.states import AgentStatus, DeploymentStatus
from flowctl.model.work import Assignment, WorkerBeat


class BuildEnvironment(Struct, frozen=True):
    """Build in another thread; answered by `Built` or `BuildBroke`."""

    key: Key
    version: Version
    assignment: Assignment


class StartWorker(Struct, frozen=True, kw_only=True):
    """Spawn the worker of a deployment; answered by `Started` or `StartFailed`."""

    key: Key
    name: str
    version: Version
    site: Site
    assignment: Assignment
    restarts: int


class DrainWorker(Struct, frozen=True):
    """Ask the worker to finish what it holds and end; answered by `Exited`."""

    key: Key


class KillWorker(Struct, frozen=True):
    """End the worker now; answered by `Exited`."""

    key: Key


class ReportDeployment(Struct, frozen=True):
    """Write down what a deployment is."""

    key: Key
    status: DeploymentStatus
    reason: str = ""


class FinishDeployment(Struct, frozen=True):
    """Delete a deployment that is to be removed; nothing of it runs any more."""

    key: Key


class BeatAgent(Struct, frozen=True):
    """Write down that this agent lives, and how."""

    status: AgentStatus
    sentence: str


class BeatWorker(Struct, frozen=True):
    """Write down how a worker is."""

    beat: WorkerBeat
    pids: tuple[int, ...]
    """The processes whose use of the host is its use."""
    measure: bool
    """Whether to measure anew, or to repeat what was measured last."""


class ForgetWorker(Struct, frozen=True):
    """Delete the record of a worker that is gone for good."""

    name: str


class Leave(Struct, frozen=True):
    """End this process."""

    goodbye: bool
    """Whether everything was stopped, so that nobody needs to wait for this agent."""


Command = (
    BuildEnvironment
    | StartWorker
    | DrainWorker
    | KillWorker
    | ReportDeployment
    | FinishDeployment
    | BeatAgent
    | BeatWorker
    | ForgetWorker
    | Leave
)
