"""Where there is room: the free cpus of each agent while one plan is being made.

A `Room` belongs to one planning pass. Claims that were retired keep their cpus until their worker
is gone, so the cpus that a pass hands out are free in fact and no agent is ever overfilled.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from flowctl.model.fleet import Agent, Deployment
from flowctl.model.flow import ProcessorSpec
from flowctl.model.states import AgentStatus, Desired
from flowctl.planning.wanted import is_eligible

EFFICIENT = "EFFICIENT"
"""The strategy that packs; every other one spreads."""

_GONE = frozenset({AgentStatus.LOST, AgentStatus.STOPPED})
_LEAVING = frozenset({Desired.STOPPED, Desired.REMOVED})

Constraint = tuple[str, tuple[tuple[str, str], ...]]
"""What a processor demands of an agent: its host and labels."""

Rank = tuple[float, float, str]
"""What the best agent has least of; the name is last, so that it names the agent."""


def is_gone(agent: Agent | None) -> bool:
    """Tell whether what the agent had must be placed elsewhere at once."""
    return agent is None or agent.status in _GONE


def is_emptied(agent: Agent) -> bool:
    """Tell whether a person wants this agent without deployments."""
    if agent.requested_status in _LEAVING:
        return True
    return agent.status is AgentStatus.DRAINING and agent.requested_status is not Desired.PAUSED


def takes_new(agent: Agent) -> bool:
    """Tell whether the agent may get more cpus to serve."""
    return agent.status is AgentStatus.RUNNING and agent.requested_status is Desired.RUNNING


def _constraint(spec: ProcessorSpec) -> Constraint:
    return spec.host, tuple(sorted(spec.labels.items()))


class Room:
    """The free cpus of a fleet, handed out one choice at a time."""

    def __init__(self, agents: Iterable[Agent], deployments: Iterable[Deployment]) -> None:
        self.agents = {agent.name: agent for agent in agents}
        self._held = dict.fromkeys(self.agents, 0)
        for deployment in deployments:
            if deployment.agent in self._held:
                self._held[deployment.agent] += deployment.cpus
        self._queues: dict[tuple[bool, Constraint], _Queue] = {}
        self._candidates: dict[Constraint, list[Agent]] = {}
        self._open: dict[Constraint, int] = {}

    def free(self, name: str) -> int:
        """Return the cpus of an agent that nobody holds; 0 where nothing new may go."""
        agent = self.agents.get(name)
        if agent is None or not takes_new(agent):
            return 0
        return max(0, agent.cpus - self._held[name])

    def share(self, name: str) -> float:
        """Return how much of the agent is free, from 0 to 1."""
        return self.free(name) / self.agents[name].cpus if self.free(name) else 0.0

    def give_back(self, name: str, cpus: int) -> None:
        """Note that a claim on the agent became smaller."""
        if name in self._held:
            self._held[name] -= cpus

    def take(self, spec: ProcessorSpec, strategy: str, wanted: int) -> tuple[str, int] | None:
        """Hand out cpus of the best agent: one where the strategy spreads, else all it has."""
        queue = self._queue(spec, strategy)
        name = queue.best(self)
        if name is None:
            return None
        cpus = min(wanted, self.free(name)) if strategy == EFFICIENT else 1
        self._held[name] += cpus
        for other in self._queues.values():
            if other is queue or other.packs:
                other.put(name, self)
        return name, cpus

    def candidates(self, spec: ProcessorSpec) -> list[Agent]:
        """Return the agents that `spec` allows, whatever their state."""
        key = _constraint(spec)
        if key not in self._candidates:
            named = [self.agents[spec.host]] if spec.host in self.agents else []
            agents = named if spec.host else self.agents.values()
            self._candidates[key] = [each for each in agents if is_eligible(each, spec)]
        return self._candidates[key]

    def open_agents(self, spec: ProcessorSpec) -> int:
        """Return how many agents that `spec` allows may take more, if they had cpus."""
        key = _constraint(spec)
        if key not in self._open:
            self._open[key] = sum(takes_new(each) for each in self.candidates(spec))
        return self._open[key]

    def rank(self, name: str, *, packs: bool) -> Rank:
        """Return the place of an agent among its like: the least is the best."""
        agent = self.agents[name]
        if not packs:
            return -self.share(name), -self.free(name), name
        if self._held[name]:
            return 0, self.free(name), name
        return 1, -agent.cpus, name

    def _queue(self, spec: ProcessorSpec, strategy: str) -> _Queue:
        packs = strategy == EFFICIENT
        key = (packs, _constraint(spec))
        if key not in self._queues:
            names = [agent.name for agent in self.candidates(spec)]
            self._queues[key] = _Queue(names, self, packs=packs)
        return self._queues[key]


class _Queue:
    """The agents of one constraint, best first; entries that grew stale are put back renewed."""

    def __init__(self, names: Iterable[str], room: Room, *, packs: bool) -> None:
        self.packs = packs
        self._names = frozenset(name for name in names if room.free(name))
        self._heap = [room.rank(name, packs=packs) for name in self._names]
        heapq.heapify(self._heap)

    def best(self, room: Room) -> str | None:
        """Take the best agent with a free cpu out of the queue."""
        while self._heap:
            entry = heapq.heappop(self._heap)
            name = entry[-1]
            if not room.free(name):
                continue
            fresh = room.rank(name, packs=self.packs)
            if fresh == entry:
                return name
            heapq.heappush(self._heap, fresh)
        return None

    def put(self, name: str, room: Room) -> None:
        """Put an agent (back) where it belongs now."""
        if name in self._names and room.free(name):
            heapq.heappush(self._heap, room.rank(name, packs=self.packs))
