"""One look at the fleet: watch it, plan, place, tell how everything is."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec import Struct

from flowctl import failpoints
from flowctl.model.fleet import Agent
from flowctl.model.states import AgentStatus
from flowctl.model.work import Fleet, Step
from flowctl.planning.health import Health
from flowctl.planning.place import Plan, plan
from flowctl.services.control import Control
from schedulerd import watch
from schedulerd.policy import Policy

log = logging.getLogger(__name__)

TOGETHER = 2500
"""Steps in one transaction: while it lasts, SQLite lets nobody else write."""
AT_ONCE = 10_000
"""Steps in one look: in between, the daemon shows that it is alive."""


class Look(Struct, frozen=True, kw_only=True):
    """What one look saw and did."""

    revision: int
    restless: bool
    """Something is on its way, so the next look should come soon."""
    placed: int
    sentence: str


class Planner:
    """Looks at the fleet again and again, in one term."""

    def __init__(self, control: Control, policy: Policy, term: int, *, observe: bool) -> None:
        self._control = control
        self._term = term
        self._observe = observe
        self._watch = watch.Watch(control, policy, term)

    def look(self) -> Look:
        """Bring the fleet one step nearer to what is wanted.

        Raises:
            Conflict: another leads by now.
        """
        fleet = self._control.store.fleet.snapshot()
        if self._watch.mark(fleet.agents) + watch.clear(self._control, fleet):
            fleet = self._control.store.fleet.snapshot()
        wanted = plan(fleet)
        placed = self._place(wanted.steps)
        seen = watch.settle(self._control, fleet, wanted.unplaced)
        settled = all(
            each.is_settled(processor)
            for each, processor in zip(seen, fleet.processors, strict=True)
        )
        return Look(
            revision=fleet.revision,
            restless=not settled or placed > 0,
            placed=placed,
            sentence=describe(fleet, wanted, seen, placed, observe=self._observe),
        )

    def _place(self, steps: Sequence[Step]) -> int:
        """Take the first steps, in short transactions, and return how many were taken.

        What is left over is planned again at the next look, which comes at once.
        """
        if self._observe:
            return 0
        taken = 0
        for first in range(0, min(len(steps), AT_ONCE), TOGETHER):
            together = steps[first : first + TOGETHER]
            rejected = self._control.store.fleet.place(together, term=self._term)
            failpoints.reach("scheduler.placed")
            for step, reason in rejected:
                log.warning("%s was not placed on %s: %s", step.deployment, step.agent, reason)
            taken += len(together) - len(rejected)
        return taken


def describe(
    fleet: Fleet, wanted: Plan, seen: Sequence[Health], placed: int, *, observe: bool
) -> str:
    """Return what a look saw and did, in one sentence."""
    parts = [_hosts(fleet.agents), _cpus(fleet.agents, seen)]
    if placed:
        parts.append(f"changed {_count(placed, 'deployment')}")
    if observe and wanted.steps:
        parts.append(f"would change {_count(len(wanted.steps), 'deployment')}")
    if wanted.unplaced:
        first = wanted.unplaced[0]
        more = f" (and {len(wanted.unplaced) - 1} more)" if len(wanted.unplaced) > 1 else ""
        parts.append(f"{first.processor} {first.reason}{more}")
    return f"{'observing' if observe else 'leading'}: {', '.join(parts)}"


def _hosts(agents: Sequence[Agent]) -> str:
    well = sum(agent.status is AgentStatus.RUNNING for agent in agents)
    text = _count(len(agents), "agent")
    return text if well == len(agents) else f"{text} ({well} running)"


def _cpus(agents: Sequence[Agent], seen: Sequence[Health]) -> str:
    offered = sum(agent.cpus for agent in agents if agent.status is AgentStatus.RUNNING)
    return f"{sum(each.running for each in seen)} of {offered} cpus serve"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
