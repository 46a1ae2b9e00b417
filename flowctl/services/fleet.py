"""The fleet: nodes, agents, deployments, workers, and who schedules."""

from __future__ import annotations

from collections.abc import Iterable

from flowctl.errors import NotFound, Refused
from flowctl.model.fleet import Agent, Deployment, Lease, Node, Worker
from flowctl.model.states import AgentStatus, Desired
from flowctl.services import journal
from flowctl.services.control import Control
from flowctl.services.names import scope, split
from flowctl.views.kinds import nearest

_GONE = frozenset({AgentStatus.LOST, AgentStatus.STOPPED})


def nodes(control: Control) -> list[Node]:
    """Return all nodes."""
    return list(control.store.fleet.nodes())


def node(control: Control, name: str) -> Node:
    """Return the node with this name, or of the host with this name.

    Raises:
        NotFound: there is none.
    """
    known = nodes(control)
    for item in known:
        if name in (item.name, item.hostname):
            return item
    raise NotFound("node", name, near=nearest(name, [item.name for item in known]))


def agents(control: Control) -> list[Agent]:
    """Return all agents."""
    return list(control.store.fleet.agents())


def agent(control: Control, name: str) -> Agent:
    """Return the agent with this name.

    Raises:
        NotFound: there is none; the message offers the nearest name.
    """
    return control.store.fleet.agent(name)


def request_agent(control: Control, name: str, wanted: Desired) -> Agent:
    """Ask that an agent serve, take nothing new, be emptied, or end."""
    control.may_write()
    agent(control, name)
    verb = "resume" if wanted is Desired.RUNNING else "drain"
    verb = "stop" if wanted is Desired.STOPPED else verb
    command = f"flowctl agent {verb} {name}"
    journal.on_agent(
        control, name, verb, command, lambda: control.store.fleet.request_agent(name, wanted)
    )
    return agent(control, name)


def recall_agents(control: Control, names: Iterable[str]) -> None:
    """Let those of these agents serve again that were asked to end: somebody starts them anew."""
    ended = {each.name for each in agents(control) if each.requested_status is Desired.STOPPED}
    for name in sorted(ended.intersection(names)):
        control.store.fleet.request_agent(name, Desired.RUNNING)


def remove_agent(control: Control, name: str, *, force: bool = False) -> None:
    """Forget an agent that is gone.

    Raises:
        Refused: it still beats, or still has deployments.
    """
    control.may_write()
    found = agent(control, name)
    if found.status not in _GONE and not force:
        raise Refused(f"agent {name} is {found.status}", remedy=f"flowctl agent stop {name}")
    claims = deployments(control, agent=name)
    if claims and not force:
        raise Refused(
            f"agent {name} still has {len(claims)} deployments", remedy="wait until they are moved"
        )
    control.store.fleet.remove_agent(name)
    journal.note(control, "remove", f"flowctl agent rm {name}", (f"agent/{name}",), "forgotten")


def deployments(
    control: Control, network: str = "", processor: str = "", agent: str = ""
) -> list[Deployment]:
    """Return deployments: all, or those of a network, a processor, an agent."""
    found = control.store.fleet.deployments(
        network=scope(control, network), processor=processor, agent=agent
    )
    return list(found)


def deployment(control: Control, address: str) -> Deployment:
    """Return the deployment with this address.

    Raises:
        NotFound: there is none.
    """
    network, name = split(control, address)
    return control.store.fleet.deployment(name, network)


def workers(
    control: Control, network: str = "", processor: str = "", agent: str = ""
) -> list[Worker]:
    """Return workers: all, or those of a network, a processor, an agent."""
    found = control.store.fleet.workers(
        network=scope(control, network), processor=processor, agent=agent
    )
    return list(found)


def worker(control: Control, name: str) -> Worker:
    """Return the worker with this name.

    Raises:
        NotFound: there is none; the message offers the nearest name.
    """
    known = list(control.store.fleet.workers())
    for item in known:
        if item.name == name:
            return item
    raise NotFound("worker", name, near=nearest(name, [item.name for item in known]))


def leader(control: Control) -> Lease | None:
    """Return the lease of the scheduler that leads; None where nobody does."""
    lease = control.store.duty.lease()
    return lease if lease and lease.expires_at > control.clock.now() else None
