"""What the flows run on: who beats, what is claimed, and what the planner decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from flowctl.errors import Refused
from flowctl.model.fleet import Agent, Deployment, Node, Worker
from flowctl.model.flow import AgentSpec
from flowctl.model.states import (
    ALIVE,
    AgentStatus,
    DeploymentStatus,
    Desired,
)
from flowctl.model.work import AgentBeat, Assignment, Fleet, Step, WorkerBeat
from flowctl.state import structure
from flowctl.state.assignments import assignments
from flowctl.state.database import Repository, lossy, reading, snapshot, writing
from flowctl.state.placement import place
from flowctl.state.removal import remove_if_idle
from flowctl.state.rows import (
    check_term,
    delete,
    exactly,
    find,
    identity,
    insert,
    load,
    lock_wanted,
    record,
    revise,
    touch,
    update,
    within,
)
from flowctl.state.tables import (
    AgentRow,
    AgentSpecRow,
    CounterRow,
    DeploymentRow,
    NetworkRow,
    NodeRow,
    WorkerRow,
)


class Fleets(Repository):
    """Nodes, agents, deployments and workers."""

    @lossy
    def beat(self, beat: AgentBeat) -> Agent:
        """Take an agent's word for itself; agent and node are made when missing."""
        known = load(self.database, Agent, AgentRow, AgentRow.name == beat.name)
        specs = self._declared(beat.name)
        self._beat_node(beat)
        values = {
            "cpus": _offered(beat.cpus, specs),
            "labels": _labels(beat.labels, specs),
            "resources": beat.resources,
            "heartbeat_at": self.database.moment(),
            "sentence": beat.sentence,
            "port": beat.port,
            "pid": beat.pid,
            "version": beat.version,
            "status": beat.status,
        }
        if known:
            update(self.database, AgentRow, [AgentRow.name == beat.name], **values)
            self._tell("agent", beat.name, known[0].status, beat.status)
        else:
            self._register(beat, values, enabled=all(spec.enabled for spec in specs))
        return load(self.database, Agent, AgentRow, AgentRow.name == beat.name)[0]

    @reading
    def agents(self) -> list[Agent]:
        """Return all agents."""
        return load(self.database, Agent, AgentRow)

    @reading
    def agent(self, name: str) -> Agent:
        """Return one agent.

        Raises:
            NotFound: there is none of that name.
        """
        return find(self.database, Agent, AgentRow, "agent", name)

    @reading
    def nodes(self) -> list[Node]:
        """Return all nodes."""
        return load(self.database, Node, NodeRow)

    @writing
    def request_agent(self, name: str, wanted: Desired) -> Agent:
        """Write what is wanted of an agent.

        Raises:
            NotFound: there is none of that name.
        """
        lock_wanted(self.database)
        present = self.agent(name)
        if present.requested_status is wanted:
            return present
        values = touch(self.database)
        update(self.database, AgentRow, [AgentRow.name == name], requested_status=wanted, **values)
        revise(self.database)
        record(self.database, "agent", name, "requested", wanted)
        return self.agent(name)

    @writing
    def mark_agents(self, names: Sequence[str], status: AgentStatus, *, term: int | None) -> None:
        """Write what the leader thinks of agents; deployments of lost agents are lost as well.

        Raises:
            Conflict: another term has begun.
        """
        check_term(self.database, term)
        for old in load(self.database, Agent, AgentRow, AgentRow.name.in_(list(names))):
            if old.status is status:
                continue
            update(self.database, AgentRow, [AgentRow.name == old.name], status=status)
            self._tell("agent", old.name, old.status, status)
            if status is AgentStatus.LOST:
                self._lose(old.name)

    @writing
    def remove_agent(self, name: str) -> None:
        """Forget an agent, its node, its deployments and their workers.

        Raises:
            NotFound: there is none of that name.
            Refused: it is alive and would be back at its next beat.
        """
        lock_wanted(self.database)
        if self.agent(name).status in ALIVE:
            raise Refused(f'agent "{name}" is alive', remedy="stop it first")
        delete(self.database, DeploymentRow, DeploymentRow.agent == name)
        delete(self.database, NodeRow, NodeRow.name == f"{name}.node")
        revise(self.database)
        record(self.database, "agent", name, "removed")

    @reading
    def deployments(
        self, network: str = "", processor: str = "", agent: str = ""
    ) -> list[Deployment]:
        """Return deployments."""
        where = within(DeploymentRow, network=network, processor=processor, agent=agent)
        order = (DeploymentRow.network, DeploymentRow.name)
        return load(self.database, Deployment, DeploymentRow, *where, order=order)

    @reading
    def deployment(self, name: str, network: str = "") -> Deployment:
        """Return one deployment.

        Raises:
            NotFound: there is none of that name.
            InvalidInput: several networks have one.
        """
        return find(self.database, Deployment, DeploymentRow, "deployment", name, network)

    @reading
    def workers(self, network: str = "", processor: str = "", agent: str = "") -> list[Worker]:
        """Return workers."""
        where = within(WorkerRow, network=network, processor=processor, agent=agent)
        return load(self.database, Worker, WorkerRow, *where)

    @snapshot
    def assignments(self, agent: str) -> list[Assignment]:
        """Return all that a host needs in order to serve its deployments."""
        return assignments(self.database, self.deployments(agent=agent))

    @snapshot
    def assignment(self, deployment_name: str, network: str) -> Assignment | None:
        """Return all that is needed in order to serve one deployment; None when it is gone."""
        where = within(DeploymentRow, network=network, name=deployment_name)
        found = load(self.database, Deployment, DeploymentRow, *where)
        return next(iter(assignments(self.database, found)), None)

    @writing
    def report(
        self, deployment_name: str, network: str, status: DeploymentStatus, reason: str = ""
    ) -> None:
        """Write what a host sees of a deployment; a deployment that is gone is ignored."""
        where = exactly(DeploymentRow, network=network, name=deployment_name)
        for old in load(self.database, Deployment, DeploymentRow, *where):
            if (old.status, old.reason) == (status, reason):
                continue
            update(self.database, DeploymentRow, where, status=status, reason=reason)
            self._tell("deployment", deployment_name, old.status, status, reason, network)

    @writing
    def finish(self, deployment_name: str, network: str) -> bool:
        """Delete a deployment that is to be removed; its host has nothing of it left."""
        lock_wanted(self.database)
        where = exactly(DeploymentRow, network=network, name=deployment_name)
        where.append(DeploymentRow.requested_status == Desired.REMOVED)
        found = load(self.database, Deployment, DeploymentRow, *where)
        for each in found:
            delete(self.database, DeploymentRow, *where)
            record(self.database, "deployment", deployment_name, "removed", each.agent, network)
            remove_if_idle(self.database, network, each.processor)
            revise(self.database)
        return bool(found)

    @lossy
    def beat_worker(self, beat: WorkerBeat) -> None:
        """Take a host's word for a worker; a worker without a deployment is no worker."""
        deployment = exactly(WorkerRow, network=beat.network, deployment=beat.deployment)
        exists = exactly(DeploymentRow, network=beat.network, name=beat.deployment)
        if not self.database.rows(DeploymentRow.select(DeploymentRow.name).where(*exists)):
            return
        delete(self.database, WorkerRow, *deployment, WorkerRow.name != beat.name)
        values = structs.asdict(beat) | {"heartbeat_at": self.database.moment()}
        old = load(self.database, Worker, WorkerRow, WorkerRow.name == beat.name)
        if old:
            update(self.database, WorkerRow, [WorkerRow.name == beat.name], **values)
        else:
            insert(self.database, WorkerRow, [identity(self.database) | values])
        before = old[0].status if old else "new"
        self._tell("worker", beat.name, before, beat.status, beat.reason, beat.network)

    @lossy
    def forget_worker(self, name: str) -> None:
        """Delete the record of a worker whose process is gone."""
        delete(self.database, WorkerRow, WorkerRow.name == name)

    @snapshot
    def snapshot(self) -> Fleet:
        """Return the fleet and what is wanted of it, read at one moment."""
        revision = CounterRow.select(CounterRow.value).where(CounterRow.name == "revision")
        strategies = NetworkRow.select(NetworkRow.name, NetworkRow.strategy)
        return Fleet(
            revision=self.database.rows(revision)[0][0],
            processors=tuple(structure.processors(self.database)),
            agents=tuple(self.agents()),
            deployments=tuple(self.deployments()),
            workers=tuple(self.workers()),
            strategies=dict(self.database.rows(strategies)),
        )

    @writing
    def place(self, steps: Sequence[Step], *, term: int | None) -> list[tuple[Step, str]]:
        """Take the steps that still fit and return the others with the reasons.

        Raises:
            Conflict: another term has begun.
        """
        check_term(self.database, term)
        lock_wanted(self.database)
        rejected = place(self.database, steps)
        if len(rejected) < len(steps):
            revise(self.database)
        return rejected

    def _declared(self, agent: str) -> list[AgentSpec]:
        query = AgentSpecRow.select(AgentSpecRow.spec).where(AgentSpecRow.name == agent)
        return [spec for (spec,) in self.database.rows(query)]

    def _beat_node(self, beat: AgentBeat) -> None:
        name = f"{beat.name}.node"
        values = {
            "hostname": beat.hostname,
            "boot_id": beat.boot_id,
            "resources": beat.resources,
        }
        if not update(self.database, NodeRow, [NodeRow.name == name], **values):
            insert(self.database, NodeRow, [identity(self.database) | values | {"name": name}])

    def _register(self, beat: AgentBeat, values: dict[str, Any], *, enabled: bool) -> None:
        named = {
            "name": beat.name,
            "node": f"{beat.name}.node",
            "requested_status": Desired.RUNNING if enabled else Desired.PAUSED,
        }
        insert(self.database, AgentRow, [identity(self.database) | named | values])
        record(self.database, "agent", beat.name, "registered", f"{beat.cpus} cpus")

    def _lose(self, agent: str) -> None:
        for each in self.deployments(agent=agent):
            self.report(each.name, each.network, DeploymentStatus.LOST, f"agent {agent} is lost")

    def _tell(
        self, kind: str, name: str, old: str, new: str, reason: str = "", network: str = ""
    ) -> None:
        if old != new:
            note = f"{old} -> {new}" + (f": {reason}" if reason else "")
            record(self.database, kind, name, "status", note, network)


def _offered(cpus: int, specs: Sequence[AgentSpec]) -> int:
    return min([cpus, *(spec.cpus for spec in specs if spec.cpus)])


def _labels(labels: dict[str, str], specs: Sequence[AgentSpec]) -> dict[str, str]:
    merged = dict(labels)
    for spec in specs:
        merged |= spec.labels
    return merged
