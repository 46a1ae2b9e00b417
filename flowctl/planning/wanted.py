"""How many cpus a processor is owed, and whom it may run on."""

from __future__ import annotations

from flowctl.model.fleet import Agent
from flowctl.model.flow import Processor, ProcessorSpec, Scale
from flowctl.model.states import Desired

_SILENT = frozenset({Desired.STOPPED, Desired.REMOVED})


def wanted_cpus(processor: Processor) -> int:
    """Return the cpus that a processor is owed now; 0 while a person wants it silent."""
    if not processor.spec.enabled or processor.requested_status in _SILENT:
        return 0
    return bounded(processor.spec.cpus, processor.spec.scale)


def bounded(cpus: int, scale: Scale | None) -> int:
    """Return `cpus` within the bounds of autoscaling, where there are some."""
    if scale is None:
        return max(0, cpus)
    return max(scale.min, min(cpus, scale.max))


def is_eligible(agent: Agent, spec: ProcessorSpec) -> bool:
    """Tell whether the labels and the host that `spec` names allow this agent."""
    if spec.host and spec.host != agent.name:
        return False
    return all(agent.labels.get(key) == value for key, value in spec.labels.items())
