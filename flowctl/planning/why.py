"""Why cpus could not be placed, in one clause for a person."""

from __future__ import annotations

from collections.abc import Sequence

from flowctl.model.fleet import Agent
from flowctl.model.flow import ProcessorSpec
from flowctl.model.states import AgentStatus
from flowctl.planning.room import Room, is_emptied


def why_unplaced(room: Room, spec: ProcessorSpec, *, lack: int, found: int, more: bool) -> str:
    """Return the reason; `lack` cpus were wanted (`more` than it has) and `found` were free."""
    if spec.host and spec.host not in room.agents:
        return f"host {spec.host} is not known"
    candidates = room.candidates(spec)
    if not candidates:
        return _why_nobody(room, spec)
    count = room.open_agents(spec)
    if not count:
        return _why_closed(candidates, spec)
    wants = f"wants {lack} more" if more else f"wants {lack}"
    return f"{wants} {_cpus(lack)}, {found} free on {_agents(count)}"


def _why_nobody(room: Room, spec: ProcessorSpec) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(spec.labels.items()))
    if spec.host:
        return f"host {spec.host} does not carry label {labels}"
    if not room.agents:
        return "there is no agent"
    return f"no agent carries label {labels}"


def _why_closed(candidates: Sequence[Agent], spec: ProcessorSpec) -> str:
    if len(candidates) == 1:
        noun = "host" if spec.host else "agent"
        return f"{noun} {candidates[0].name} is {_state(candidates[0])}"
    states = sorted({_state(agent) for agent in candidates})
    return f"of {_agents(len(candidates))} none is running ({', '.join(states)})"


def _state(agent: Agent) -> str:
    if is_emptied(agent):
        return "draining"
    if agent.status is AgentStatus.RUNNING:
        return str(agent.requested_status)
    return str(agent.status)


def _cpus(count: int) -> str:
    return "cpu" if count == 1 else "cpus"


def _agents(count: int) -> str:
    return "1 agent" if count == 1 else f"{count} agents"
