"""What a processor is as a whole, told from its deployments and workers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from flowctl.model.fleet import Deployment, Worker
from flowctl.model.flow import Processor
from flowctl.model.states import (
    SERVING,
    DeploymentStatus,
    Desired,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.planning.wanted import wanted_cpus

_WORKING = frozenset({WorkerStatus.RUNNING, WorkerStatus.PAUSED})
_AT_REST = frozenset({DeploymentStatus.STOPPED, DeploymentStatus.LOST, DeploymentStatus.ERROR})


class Health(Struct, frozen=True, kw_only=True):
    """The observed side of a processor."""

    status: ProcessorStatus
    error: str = ""
    deployed: int = 0
    running: int = 0

    @classmethod
    def of(cls, processor: Processor) -> Health:
        """Return what is on record of a processor."""
        return cls(
            status=processor.status,
            error=processor.error,
            deployed=processor.deployed_cpus,
            running=processor.running_cpus,
        )

    def is_settled(self, processor: Processor) -> bool:
        """Tell whether nothing is on its way from what is to what is wanted."""
        if self.status in {ProcessorStatus.STARTING, ProcessorStatus.STOPPING}:
            return False
        if self.error:
            return True
        serves = self.status is not ProcessorStatus.RUNNING or self.running == self.deployed
        return serves and self.deployed == wanted_cpus(processor)


def health(
    processor: Processor,
    deployments: Sequence[Deployment],
    workers: Sequence[Worker],
    lack: str = "",
) -> Health:
    """Return the status of a processor, given its own deployments and workers.

    `lack` is why some of its cpus are not placed, empty where they all are.
    """
    active = [each for each in deployments if each.requested_status is not Desired.REMOVED]
    names = {each.name for each in active if each.status is not DeploymentStatus.LOST}
    running = sum(
        each.executors for each in workers if each.deployment in names and each.status in _WORKING
    )
    status, error = _judge(processor, active, deployments, lack)
    return Health(
        status=status, error=error, deployed=sum(each.cpus for each in active), running=running
    )


def _judge(
    processor: Processor, active: Sequence[Deployment], every: Sequence[Deployment], lack: str
) -> tuple[ProcessorStatus, str]:
    if wanted_cpus(processor) == 0:
        return _resting(processor, every), ""
    broken = [each for each in active if each.status is DeploymentStatus.ERROR]
    if broken:
        first = min(broken, key=lambda each: each.name)
        return ProcessorStatus.ERROR, f"{first.name} on {first.agent}: {first.reason}"
    if not active:
        return _waiting(processor, lack), lack
    return _serving(processor, active), lack


def _resting(processor: Processor, every: Sequence[Deployment]) -> ProcessorStatus:
    if any(each.status not in _AT_REST for each in every):
        return ProcessorStatus.STOPPING
    wants_rest = processor.requested_status in {Desired.STOPPED, Desired.REMOVED}
    if wants_rest or not processor.spec.enabled:
        return ProcessorStatus.STOPPED
    return ProcessorStatus.READY


def _waiting(processor: Processor, lack: str) -> ProcessorStatus:
    if processor.requested_status is Desired.PAUSED:
        return ProcessorStatus.PAUSED
    return ProcessorStatus.PENDING if lack else ProcessorStatus.STARTING


def _serving(processor: Processor, active: Sequence[Deployment]) -> ProcessorStatus:
    states = {each.status for each in active}
    if processor.requested_status is Desired.PAUSED:
        paused = states == {DeploymentStatus.PAUSED}
        return ProcessorStatus.PAUSED if paused else ProcessorStatus.STARTING
    return ProcessorStatus.RUNNING if states <= SERVING else ProcessorStatus.STARTING
