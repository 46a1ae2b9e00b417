"""Watching: who beats, who is lost, what is left behind on lost hosts, how each processor is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from flowctl.model.fleet import Agent, Deployment, Worker
from flowctl.model.states import AgentStatus, Desired
from flowctl.model.work import Fleet
from flowctl.planning.health import Health, health
from flowctl.planning.liveness import Heard, judge, listen
from flowctl.planning.place import Unplaced
from flowctl.planning.room import is_gone
from flowctl.services.control import Control
from schedulerd.policy import Policy

log = logging.getLogger(__name__)

Claim = TypeVar("Claim", Deployment, Worker)


class Watch:
    """The ear of one term: it begins with having heard nobody, which is the grace period."""

    def __init__(self, control: Control, policy: Policy, term: int) -> None:
        self._fleet = control.store.fleet
        self._clock = control.clock
        self._policy = policy
        self._term = term
        self._heard: dict[str, Heard] = {}

    def mark(self, agents: Sequence[Agent]) -> int:
        """Write who is suspect and who is lost; return how many changed."""
        now = self._clock.monotonic()
        self._heard = listen(self._heard, [(a.name, a.heartbeat_at) for a in agents], now)
        verdict = judge(
            agents,
            self._heard,
            now,
            suspect_after=self._policy.suspect_after,
            lost_after=self._policy.lost_after,
        )
        for status, names in (
            (AgentStatus.SUSPECT, verdict.suspect),
            (AgentStatus.LOST, verdict.lost),
        ):
            if names:
                log.warning("%s: %s", status, ", ".join(names))
                self._fleet.mark_agents(names, status, term=self._term)
        return len(verdict.suspect) + len(verdict.lost)


def clear(control: Control, fleet: Fleet) -> int:
    """Finish what was retired on hosts that cannot finish it themselves; return how much."""
    agents = {agent.name: agent for agent in fleet.agents}
    left = [
        each
        for each in fleet.deployments
        if each.requested_status is Desired.REMOVED and is_gone(agents.get(each.agent))
    ]
    for each in left:
        control.store.fleet.finish(each.name, each.network)
    return len(left)


def settle(control: Control, fleet: Fleet, unplaced: Iterable[Unplaced]) -> list[Health]:
    """Write how every processor is, where that changed; return it for all of them."""
    lacks = {(each.network, each.processor): each.reason for each in unplaced}
    deployments = _grouped(fleet.deployments)
    workers = _grouped(fleet.workers)
    seen: dict[tuple[str, str], Health] = {}
    for processor in fleet.processors:
        key = (processor.network, processor.name)
        seen[key] = health(processor, deployments[key], workers[key], lacks.get(key, ""))
    news = {
        (each.network, each.name): found
        for each, found in zip(fleet.processors, seen.values(), strict=True)
        if found != Health.of(each)
    }
    if news:
        control.store.flows.settle(news)
    return list(seen.values())


def _grouped(rows: Iterable[Claim]) -> dict[tuple[str, str], list[Claim]]:
    groups: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for row in rows:
        groups[row.network, row.processor].append(row)
    return groups
