"""The planner: who runs where. A snapshot of the fleet in, the steps that mend it out.

It gives every processor the cpus it wants as far as there are some, first come first served, and
changes nothing that need not change. It never hands out a cpu twice: what a step retires is free
only when it is gone, in a later snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from flowctl.model.fleet import Agent, Deployment
from flowctl.model.flow import Processor
from flowctl.model.states import SERVING, AgentStatus, Desired
from flowctl.model.work import Create, Fleet, Resize, Retire, Step
from flowctl.planning.room import EFFICIENT, Room, is_emptied, is_gone
from flowctl.planning.shrink import shrink
from flowctl.planning.wanted import is_eligible, wanted_cpus
from flowctl.planning.why import why_unplaced

Key = tuple[str, str]
"""Network and name, of a processor or of a deployment."""


class Unplaced(Struct, frozen=True, kw_only=True):
    """Cpus that nobody has for a processor."""

    network: str
    processor: str
    cpus: int
    reason: str


class Plan(Struct, frozen=True, kw_only=True):
    """What to do, in this order, and what cannot be done."""

    steps: tuple[Step, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()


def plan(fleet: Fleet) -> Plan:
    """Return the fewest steps after which every processor has what it wants, or why it has not."""
    draft = _Draft(fleet)
    processors = sorted(fleet.processors, key=_age)
    for processor in processors:
        draft.leave(processor)
    for processor in processors:
        draft.shrink(processor)
    draft.evict(processors)
    unplaced = [draft.grow(processor) for processor in processors]
    return Plan(steps=draft.steps(), unplaced=tuple(lack for lack in unplaced if lack is not None))


class _Draft:
    """The claims as they will be, beside the claims as they are."""

    def __init__(self, fleet: Fleet) -> None:
        self._strategies = fleet.strategies
        self._room = Room(fleet.agents, fleet.deployments)
        self._names = {(each.network, each.name) for each in fleet.deployments}
        self._numbers: dict[Key, int] = defaultdict(int)
        self._creates: list[Create] = []
        self._target: dict[Key, int] = {}
        self._claims: dict[Key, list[Deployment]] = defaultdict(list)
        for claim in sorted(fleet.deployments, key=_claim_key):
            if claim.requested_status is not Desired.REMOVED:
                self._claims[claim.network, claim.processor].append(claim)
                self._target[_claim_key(claim)] = claim.cpus

    def leave(self, processor: Processor) -> None:
        """End the claims that may not stay where they are."""
        silent = wanted_cpus(processor) == 0
        for claim in self._free_claims(processor):
            agent = self._room.agents.get(claim.agent)
            if silent or not _may_stay(agent, processor):
                self._target[_claim_key(claim)] = 0

    def shrink(self, processor: Processor) -> None:
        """Take away what the processor has above its wish."""
        overage = self._deployed(processor) - wanted_cpus(processor)
        if overage <= 0:
            return
        claims = [claim for claim in self._free_claims(processor) if self._of(claim)]
        packs = self._strategy(processor) == EFFICIENT
        claims.sort(key=lambda claim: self._worth(claim, packs=packs))
        changed = shrink([(claim.name, self._of(claim)) for claim in claims], overage)
        for claim in claims:
            if claim.name in changed:
                self._cut(claim, self._of(claim) - changed[claim.name])

    def evict(self, processors: Sequence[Processor]) -> None:
        """Make agents fit that now offer less than is claimed; the latest comers go first."""
        claimed: dict[str, int] = defaultdict(int)
        for claims in self._claims.values():
            for claim in claims:
                claimed[claim.agent] += self._of(claim)
        over = {
            name: claimed[name] - agent.cpus
            for name, agent in self._room.agents.items()
            if claimed[name] > agent.cpus
        }
        if not over:
            return
        for processor in reversed(processors):
            for claim in self._free_claims(processor):
                cpus = min(over.get(claim.agent, 0), self._of(claim))
                if cpus:
                    over[claim.agent] -= cpus
                    self._cut(claim, cpus)

    def grow(self, processor: Processor) -> Unplaced | None:
        """Find cpus for what the processor lacks; say so where there are none."""
        deployed = self._deployed(processor)
        lack = missing = wanted_cpus(processor) - deployed
        added: dict[str, int] = defaultdict(int)
        while missing > 0:
            found = self._room.take(processor.spec, self._strategy(processor), missing)
            if found is None:
                break
            added[found[0]] += found[1]
            missing -= found[1]
        self._add(processor, added)
        if missing <= 0:
            return None
        reason = why_unplaced(
            self._room, processor.spec, lack=lack, found=lack - missing, more=deployed > 0
        )
        return Unplaced(
            network=processor.network, processor=processor.name, cpus=missing, reason=reason
        )

    def steps(self) -> tuple[Step, ...]:
        """Return what differs: first what frees cpus, then what needs them."""
        retires: list[Step] = []
        resizes: list[tuple[int, Resize]] = []
        for claims in self._claims.values():
            for claim in claims:
                cpus = self._of(claim)
                if cpus == 0 and claim.cpus:
                    retires.append(Retire(**_place_of(claim)))
                elif cpus != claim.cpus:
                    resizes.append((cpus - claim.cpus, Resize(**_place_of(claim), cpus=cpus)))
        resizes.sort(key=lambda each: (each[0] > 0, each[1].network, each[1].deployment))
        return (*sorted(retires, key=_step_key), *(step for _, step in resizes), *self._creates)

    def _add(self, processor: Processor, added: Mapping[str, int]) -> None:
        present = {claim.agent: claim for claim in self._free_claims(processor) if self._of(claim)}
        for agent, cpus in sorted(added.items()):
            if agent in present:
                self._target[_claim_key(present[agent])] += cpus
            else:
                self._create(processor, agent, cpus)

    def _create(self, processor: Processor, agent: str, cpus: int) -> None:
        self._creates.append(
            Create(
                network=processor.network,
                processor=processor.name,
                agent=agent,
                deployment=self._new_name(processor),
                cpus=cpus,
            )
        )

    def _new_name(self, processor: Processor) -> str:
        key = (processor.network, processor.name)
        while True:
            self._numbers[key] += 1
            name = f"{processor.name}.deploy{self._numbers[key]}"
            if (processor.network, name) not in self._names:
                return name

    def _cut(self, claim: Deployment, cpus: int) -> None:
        self._target[_claim_key(claim)] -= cpus
        if self._of(claim):
            self._room.give_back(claim.agent, cpus)

    def _free_claims(self, processor: Processor) -> Iterable[Deployment]:
        claims = self._claims[processor.network, processor.name]
        return [claim for claim in claims if not claim.pinned]

    def _deployed(self, processor: Processor) -> int:
        claims = self._claims[processor.network, processor.name]
        return sum(self._of(claim) for claim in claims)

    def _of(self, claim: Deployment) -> int:
        return self._target[_claim_key(claim)]

    def _strategy(self, processor: Processor) -> str:
        return self._strategies.get(processor.network, "")

    def _worth(self, claim: Deployment, *, packs: bool) -> tuple[bool, bool, float, str]:
        """Rank a claim for scale-in: the least is missed least."""
        agent = self._room.agents[claim.agent]
        share = self._room.share(claim.agent)
        well = agent.status is not AgentStatus.SUSPECT
        return well, claim.status in SERVING, -share if packs else share, claim.name


def _may_stay(agent: Agent | None, processor: Processor) -> bool:
    if agent is None or is_gone(agent) or is_emptied(agent):
        return False
    return is_eligible(agent, processor.spec)


def _age(processor: Processor) -> tuple[object, ...]:
    return processor.created_at, processor.network, processor.name


def _claim_key(claim: Deployment) -> Key:
    return claim.network, claim.name


def _step_key(step: Step) -> Key:
    return step.network, step.deployment


def _place_of(claim: Deployment) -> dict[str, str]:
    return {
        "network": claim.network,
        "processor": claim.processor,
        "agent": claim.agent,
        "deployment": claim.name,
    }
