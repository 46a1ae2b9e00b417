"""Taking or refusing the planner's steps, one by one, against what is true in this transaction.

The planner decided on a snapshot that may be old; here the counter of changes is locked, so free
cpus are exact and no agent is overfilled, however many planners there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flowctl.model.fleet import Agent, Deployment
from flowctl.model.flow import DeploymentSpec
from flowctl.model.states import ALIVE, AgentStatus, Desired
from flowctl.model.work import Create, Resize, Step
from flowctl.state.changes import deployment_row
from flowctl.state.database import Database
from flowctl.state.removal import retire
from flowctl.state.rows import exactly, insert, load, record, touch, update
from flowctl.state.tables import AgentRow, DeploymentRow, ProcessorRow


class Placement:
    """The part of the fleet that some steps touch, while they are taken."""

    def __init__(self, database: Database, steps: Sequence[Step]) -> None:
        self._database = database
        agents = sorted({step.agent for step in steps})
        names = sorted({step.deployment for step in steps})
        near = DeploymentRow.agent.in_(agents) | DeploymentRow.name.in_(names)
        found = load(database, Deployment, DeploymentRow, near)
        self._agents = {
            each.name: each for each in load(database, Agent, AgentRow, AgentRow.name.in_(agents))
        }
        self._deployments = {(each.network, each.name): each for each in found}
        self._used: Counter[str] = Counter()
        for each in found:
            self._used[each.agent] += each.cpus
        query = ProcessorRow.select(ProcessorRow.network, ProcessorRow.name)
        wanted = query.where(ProcessorRow.requested_status != Desired.REMOVED)
        self._processors = set(database.rows(wanted))

    def take(self, step: Step) -> str:
        """Carry out a step, or return why not."""
        if isinstance(step, Create):
            return self._create(step)
        present = self._deployments.get((step.network, step.deployment))
        if present is None or present.requested_status is Desired.REMOVED:
            return "the deployment is gone"
        if isinstance(step, Resize):
            return self._resize(step, present)
        return self._retire(present)

    def _create(self, step: Create) -> str:
        if (step.network, step.processor) not in self._processors:
            return "the processor is gone"
        if (step.network, step.deployment) in self._deployments:
            return "the name is taken"
        if refusal := self._room(step.agent, step.cpus):
            return refusal
        spec = DeploymentSpec(
            name=step.deployment, processor=step.processor, agent=step.agent, cpus=step.cpus
        )
        row = deployment_row(self._database, step.network, spec, pinned=False)
        insert(self._database, DeploymentRow, [row])
        self._deployments[step.network, step.deployment] = Deployment(**row)
        self._used[step.agent] += step.cpus
        self._tell(step, "created", f"{step.cpus} cpus on {step.agent}")
        return ""

    def _resize(self, step: Resize, present: Deployment) -> str:
        growth = step.cpus - present.cpus
        if step.cpus < 1:
            return "a deployment has at least one cpu"
        if growth > 0 and (refusal := self._room(present.agent, growth)):
            return refusal
        where = exactly(DeploymentRow, network=step.network, name=step.deployment)
        update(self._database, DeploymentRow, where, cpus=step.cpus, **touch(self._database))
        self._used[present.agent] += growth
        self._tell(step, "resized", f"{present.cpus} -> {step.cpus} cpus")
        return ""

    def _retire(self, present: Deployment) -> str:
        retire(
            self._database,
            *exactly(DeploymentRow, network=present.network, name=present.name),
        )
        agent = self._agents.get(present.agent)
        if agent is None or agent.status not in ALIVE:
            self._used[present.agent] -= present.cpus
        del self._deployments[present.network, present.name]
        note = f"from {present.agent}"
        record(self._database, "deployment", present.name, "retired", note, present.network)
        return ""

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

    def _tell(self, step: Step, action: str, note: str) -> None:
        record(self._database, "deployment", step.deployment, action, note, step.network)
