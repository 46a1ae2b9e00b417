"""Networks: find, see whole, delete."""

from __future__ import annotations

from flowctl.errors import Refused
from flowctl.model.flow import Network, NetworkSpec, Topology
from flowctl.services import journal, queues
from flowctl.services.control import Control


def listed(control: Control) -> list[Network]:
    """Return all networks."""
    return list(control.store.flows.networks())


def topology(control: Control, name: str) -> Topology:
    """Return a network with everything in it.

    Raises:
        NotFound: there is none of this name.
    """
    return control.store.flows.topology(name)


def spec(control: Control, name: str) -> NetworkSpec:
    """Return a network as its recipe says it."""
    return control.store.flows.spec(name)


def hosts(control: Control, name: str) -> dict[str, list[tuple[str, str]]]:
    """Return which (node, worker) serve each processor of a network."""
    nodes = {agent.name: agent.node for agent in control.store.fleet.agents()}
    found: dict[str, list[tuple[str, str]]] = {}
    for worker in control.store.fleet.workers(network=name):
        pair = (nodes.get(worker.agent, worker.agent), worker.name)
        found.setdefault(worker.processor, []).append(pair)
    return found


def delete(
    control: Control, name: str, *, purge: bool = False, force: bool = False
) -> dict[str, int]:
    """Delete a network with everything in it and return how many rows went, by table.

    `purge` also deletes its calls, events and queues, and what waits in them goes to the trash;
    `force` leaves the messages where they are.

    Raises:
        Refused: messages wait in its queues, and neither was said.
    """
    control.may_write()
    whole = topology(control, name)
    if not (purge or force):
        refuse_while_waiting(queues.waiting(control, queues.of_topology(whole)), name)
    gone = journal.on_network(
        control,
        name,
        "delete",
        f"flowctl delete network {name}" + (" --purge" if purge else ""),
        lambda: control.store.flows.delete_network(name, purge=purge),
    )
    if purge:
        gone = gone | {"queue": queues.delete_all(control, queues.of_topology(whole))}
    return gone


def refuse_while_waiting(waiting: dict[str, int], name: str) -> None:
    """Raise `Refused` when messages wait in some queues of `name`."""
    if waiting:
        total = sum(waiting.values())
        first = next(iter(waiting))
        raise Refused(
            f"{total:,} messages wait in {len(waiting)} queues of {name}, such as {first}",
            remedy="add --purge to drop them, or --force to leave them in their queues",
        )
