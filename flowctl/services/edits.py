"""Single changes of a network: add, change or remove one object.

Each is a recipe that differs in one place, checked like any recipe and applied like any recipe, so
there is one set of rules and one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from flowctl.errors import Conflict, InvalidInput, NotFound, Refused
from flowctl.model.flow import (
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
)
from flowctl.model.naming import plug_name
from flowctl.services import recipes
from flowctl.services.control import Control
from flowctl.views.kinds import nearest

Edit = Callable[[NetworkSpec], NetworkSpec]
T = TypeVar("T", ProcessorSpec, SocketSpec, DeploymentSpec)


def edit(control: Control, network: str, change: Edit, *, may_create: bool = False) -> recipes.Plan:
    """Plan one change of a network; the result is checked as a whole.

    Raises:
        NotFound: there is no such network.
        RecipeError: the network would not be valid.
    """
    from flowctl.recipe.dump import dump
    from flowctl.recipe.parse import parse

    try:
        present = control.store.flows.spec(network)
    except NotFound:
        if not may_create:
            raise
        present = NetworkSpec(name=network)
    wanted = parse(dump(change(present)), source=f"network {network}")
    return recipes.plan(control, recipes.Recipe(spec=wanted, source=""))


def carry_out(control: Control, planned: recipes.Plan, *, force: bool = False) -> recipes.Plan:
    """Apply a planned change and return it.

    Raises:
        Refused: messages wait in queues that go out of use, and `force` was not said.
    """
    if planned.waiting and not force:
        total = sum(planned.waiting.values())
        raise Refused(
            f"{total:,} messages wait in {', '.join(planned.waiting)}",
            remedy="add --force to leave them there, or --purge to drop them",
        )
    recipes.apply(control, planned, _verb(planned))
    return planned


def _verb(planned: recipes.Plan) -> str:
    """Return what a change of one object is: its update, unless something only comes or goes."""
    actions = {change.action for change in planned.changes.changes if change.kind != "network"}
    if "add" in actions and "remove" not in actions:
        return "add"
    return "delete" if "remove" in actions and "add" not in actions else "update"


def with_processor(spec: ProcessorSpec) -> Edit:
    """Add a processor."""

    def change(network: NetworkSpec) -> NetworkSpec:
        if any(item.name == spec.name for item in network.processors):
            raise Conflict(f'processor "{spec.name}" exists', remedy="flowctl update processor")
        return replace(network, processors=_sorted([*network.processors, spec]))

    return change


def with_socket(processor: str, socket: SocketSpec, *, new: bool = True) -> Edit:
    """Add a socket to a processor, or with `new=False` replace it."""

    def change(network: NetworkSpec) -> NetworkSpec:
        owner = _processor(network, processor)
        others = [item for item in owner.sockets if item.name != socket.name]
        if new and len(others) < len(owner.sockets):
            name = f"{processor}.{socket.name}"
            raise Conflict(f'socket "{name}" exists', remedy="flowctl update socket")
        grown = replace(owner, sockets=_sorted([*others, socket]))
        rest = [item for item in network.processors if item.name != processor]
        return replace(network, processors=_sorted([*rest, grown]))

    return change


def with_plug(plug: PlugSpec) -> Edit:
    """Add a plug."""
    return lambda network: replace(network, plugs=_plugs([*network.plugs, plug]))


def with_plug_changed(name: str, change_plug: Callable[[PlugSpec], PlugSpec]) -> Edit:
    """Change a plug; it keeps its name unless that follows from its ends."""

    def change(network: NetworkSpec) -> NetworkSpec:
        old = _plug(network, name)
        rest = [item for item in network.plugs if item is not old]
        return replace(network, plugs=_plugs([*rest, change_plug(old)]))

    return change


def with_deployment(deployment: DeploymentSpec) -> Edit:
    """Pin some cpus of a processor to an agent."""

    def change(network: NetworkSpec) -> NetworkSpec:
        if any(item.name == deployment.name for item in network.deployments):
            raise Conflict(f'deployment "{deployment.name}" exists')
        return replace(network, deployments=_sorted([*network.deployments, deployment]))

    return change


def without_processor(name: str) -> Edit:
    """Remove a processor, with its sockets, its deployments and every plug at them."""

    def change(network: NetworkSpec) -> NetworkSpec:
        _processor(network, name)
        sockets = f"{name}."
        return replace(
            network,
            processors=tuple(item for item in network.processors if item.name != name),
            deployments=tuple(item for item in network.deployments if item.processor != name),
            plugs=tuple(item for item in network.plugs if not _touches(item, sockets)),
        )

    return change


def without_socket(name: str) -> Edit:
    """Remove a socket and every plug at it."""
    processor, _, own = name.partition(".")

    def change(network: NetworkSpec) -> NetworkSpec:
        owner = _processor(network, processor)
        rest = tuple(item for item in owner.sockets if item.name != own)
        others = [item for item in network.processors if item.name != processor]
        return replace(
            network,
            processors=_sorted([*others, replace(owner, sockets=rest)]),
            plugs=tuple(item for item in network.plugs if name not in (item.source, item.target)),
        )

    return change


def without_plug(name: str) -> Edit:
    """Remove a plug."""

    def change(network: NetworkSpec) -> NetworkSpec:
        gone = _plug(network, name)
        return replace(network, plugs=tuple(item for item in network.plugs if item is not gone))

    return change


def without_deployment(name: str) -> Edit:
    """Remove a deployment that a person fixed."""

    def change(network: NetworkSpec) -> NetworkSpec:
        rest = tuple(item for item in network.deployments if item.name != name)
        return replace(network, deployments=rest)

    return change


def _touches(plug: PlugSpec, sockets: str) -> bool:
    ends = (plug.source, plug.target, plug.gather)
    return any(end.startswith(sockets) for end in ends)


def _processor(network: NetworkSpec, name: str) -> ProcessorSpec:
    for item in network.processors:
        if item.name == name:
            return item
    raise NotFound("processor", name, near=nearest(name, [p.name for p in network.processors]))


def _plug(network: NetworkSpec, name: str) -> PlugSpec:
    for item in network.plugs:
        if plug_name(item) == name:
            return item
    known = [plug_name(item) for item in network.plugs]
    raise NotFound("plug", name, near=nearest(name, known), remedy="flowctl ls plugs")


def _sorted(items: list[T]) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: item.name))


def _plugs(items: list[PlugSpec]) -> tuple[PlugSpec, ...]:
    names = [plug_name(item) for item in items]
    if len(set(names)) < len(names):
        raise InvalidInput("there is such a plug already")
    return tuple(sorted(items, key=plug_name))
