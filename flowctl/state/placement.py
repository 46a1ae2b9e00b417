"""Taking or refusing the planner's steps, one by one, against what is true in this transaction.

The planner decided on a snapshot that may be old; here the counter of changes is locked, so free
cpus are exact and no agent is overfilled, however many planners there are. What the steps touch is
read in a few statements, judged here, and written in a few: ten thousand steps are one transaction
of about a second.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flowctl.model.fleet import Agent, Deployment
from flowctl.model.states import ALIVE, AgentStatus, DeploymentStatus, Desired
from flowctl.model.work import Create, Resize, Step
from flowctl.state.database import Database
from flowctl.state.removal import retire
from flowctl.state.rows import exactly, identity, insert_many, load, touch, update
from flowctl.state.tables import AgentRow, DeploymentRow, ProcessorRow
from flowctl.state.traffic_tables import EventRow

Key = tuple[str, str]
"""Network and name."""

_CHUNK = 1000
"""Names in one statement."""


class Claim(NamedTuple):
    """What counts of a deployment."""

    agent: str
    cpus: int
    is_retired: bool


class Placement:
    """Judges steps and keeps what they change; it reads and writes nothing."""

    def __init__(
        self,
        agents: Mapping[str, Agent],
        claims: Mapping[Key, Claim],
        processors: Mapping[Key, Desired],
    ) -> None:
        self._agents = agents
        self._claims = dict(claims)
        self._processors = processors
        self._used: Counter[str] = Counter()
        for claim in claims.values():
            self._used[claim.agent] += claim.cpus
        self.created: dict[Key, tuple[Create, Desired]] = {}
        self.resized: dict[Key, int] = {}
        self.retired: list[Key] = []
        self.told: list[tuple[Step, str, str]] = []
        """What happened, in order: the step, the word for it, a note."""

    def take(self, step: Step) -> str:
        """Take a step, or return why not."""
        key = step.network, step.deployment
        if isinstance(step, Create):
            return self._create(key, step)
        present = self._claims.get(key)
        if present is None or present.is_retired:
            return "the deployment is gone"
        if isinstance(step, Resize):
            return self._resize(key, step, present)
        self._retire(key, step, present)
        return ""

    def _create(self, key: Key, step: Create) -> str:
        wanted = self._processors.get((step.network, step.processor))
        if wanted is None:
            return "the processor is gone"
        if key in self._claims:
            return "the name is taken"
        if refusal := self._room(step.agent, step.cpus):
            return refusal
        self.created[key] = step, wanted
        self._claims[key] = Claim(step.agent, step.cpus, is_retired=False)
        self._used[step.agent] += step.cpus
        self.told.append((step, "created", f"{step.cpus} cpus on {step.agent}"))
        return ""

    def _resize(self, key: Key, step: Resize, present: Claim) -> str:
        growth = step.cpus - present.cpus
        if step.cpus < 1:
            return "a deployment has at least one cpu"
        if growth > 0 and (refusal := self._room(present.agent, growth)):
            return refusal
        self.resized[key] = step.cpus
        self._claims[key] = present._replace(cpus=step.cpus)
        self._used[present.agent] += growth
        self.told.append((step, "resized", f"{present.cpus} -> {step.cpus} cpus"))
        return ""

    def _retire(self, key: Key, step: Step, present: Claim) -> None:
        agent = self._agents.get(present.agent)
        if agent is None or agent.status not in ALIVE:
            self._used[present.agent] -= present.cpus
        self.retired.append(key)
        self._claims[key] = present._replace(is_retired=True)
        self.told.append((step, "retired", f"from {present.agent}"))

    def _room(self, name: str, cpus: int) -> str:
        """Return why an agent cannot take so many further cpus."""
        agent = self._agents.get(name)
        if agent is None:
            return "the agent is gone"
        if agent.status is not AgentStatus.RUNNING:
            return f"the agent is {agent.status}"
        if agent.requested_status is not Desired.RUNNING:
            return f"the agent is asked to be {agent.requested_status}"
        free = agent.cpus - self._used[name]
        if not 1 <= cpus <= free:
            return f"{cpus} cpus do not fit into {max(0, free)} free ones"
        return ""


def place(database: Database, steps: Sequence[Step]) -> list[tuple[Step, str]]:
    """Carry out the steps that still fit and return the others with the reasons."""
    placement = _read(database, steps)
    answers = [(step, placement.take(step)) for step in steps]
    _write(database, placement)
    return [(step, reason) for step, reason in answers if reason]


def _read(database: Database, steps: Sequence[Step]) -> Placement:
    """Read what the steps touch: their agents with all that is on them, and what they name."""
    agents: dict[str, Agent] = {}
    found: list[Deployment] = []
    for names in _chunks(sorted({step.agent for step in steps})):
        near = load(database, Agent, AgentRow, AgentRow.name.in_(names))
        agents |= {each.name: each for each in near}
        found += load(database, Deployment, DeploymentRow, DeploymentRow.agent.in_(names))
    for network, names in _by_network((step.network, step.deployment) for step in steps):
        named = [DeploymentRow.network == network, DeploymentRow.name.in_(names)]
        found += load(database, Deployment, DeploymentRow, *named)
    claims = {
        (each.network, each.name): Claim(
            each.agent, each.cpus, each.requested_status is Desired.REMOVED
        )
        for each in found
    }
    query = ProcessorRow.select(
        ProcessorRow.network, ProcessorRow.name, ProcessorRow.requested_status
    )
    rows = database.rows(query.where(ProcessorRow.requested_status != Desired.REMOVED))
    return Placement(agents, claims, {(network, name): wanted for network, name, wanted in rows})


def _write(database: Database, placement: Placement) -> None:
    """Write what was taken: what is new first, for it may have been resized or retired since."""
    rows = [_row(database, step, wanted) for step, wanted in placement.created.values()]
    insert_many(database, DeploymentRow, rows)
    sizes: dict[int, list[Key]] = defaultdict(list)
    for key, cpus in placement.resized.items():
        sizes[cpus].append(key)
    for cpus, keys in sizes.items():
        for network, names in _by_network(keys):
            where = [*exactly(DeploymentRow, network=network), DeploymentRow.name.in_(names)]
            update(database, DeploymentRow, where, cpus=cpus, **touch(database))
    for network, names in _by_network(placement.retired):
        retire(database, *exactly(DeploymentRow, network=network), DeploymentRow.name.in_(names))
    now = database.clock.now()
    events = [
        {
            "at": now,
            "kind": "deployment",
            "object": step.deployment,
            "action": action,
            "note": note,
            "network": step.network,
            "run_id": "",
        }
        for step, action, note in placement.told
    ]
    insert_many(database, EventRow, events)


def _row(database: Database, step: Create, wanted: Desired) -> dict[str, Any]:
    return identity(database) | {
        "network": step.network,
        "name": step.deployment,
        "processor": step.processor,
        "agent": step.agent,
        "cpus": step.cpus,
        "requested_status": wanted,
        "status": DeploymentStatus.PENDING,
        "reason": "",
        "pinned": False,
    }


def _by_network(keys: Iterable[Key]) -> Iterator[tuple[str, list[str]]]:
    """Return names with their network, as many at a time as one statement takes."""
    groups: dict[str, list[str]] = defaultdict(list)
    for network, name in keys:
        groups[network].append(name)
    for network, names in groups.items():
        for chunk in _chunks(names):
            yield network, chunk


def _chunks(names: Sequence[str]) -> Iterator[list[str]]:
    return (list(names[start : start + _CHUNK]) for start in range(0, len(names), _CHUNK))
