"""What a change made of a network, object by object, and how just that is taken back.

Only the objects that a change touched are compared when it is undone: whatever else happened since
stays, and what somebody changed again is never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from msgspec import structs

from flowctl.errors import Conflict
from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
    Task,
)
from flowctl.model.journal import Difference, Standing
from flowctl.model.naming import plug_name
from flowctl.model.states import Desired

TYPES: dict[str, Any] = {
    "network": NetworkSpec,
    "agent": AgentSpec,
    "processor": ProcessorSpec,
    "socket": SocketSpec,
    "plug": PlugSpec,
    "deployment": DeploymentSpec,
    "requested": Desired,
    "code": Task,
    "serving": Desired,
}
"""What each kind of difference holds."""

_Objects = dict[tuple[str, str], Any]


def differences(before: Standing | None, after: Standing | None) -> tuple[Difference, ...]:
    """Return what a change did, one value an object."""
    old, new = _objects(before), _objects(after)
    return tuple(
        Difference(kind=kind, name=name, before=old.get((kind, name)), after=new.get((kind, name)))
        for kind, name in sorted({*old, *new}, key=lambda key: [*TYPES].index(key[0]))
        if old.get((kind, name)) != new.get((kind, name))
    )


def taken_back(
    present: Standing | None, changed: Iterable[Difference], *, again: bool = False
) -> Standing | None:
    """Return the network as it is without a change, or with it `again`; None for no network.

    Raises:
        Conflict: something that was changed is not as the change left it.
    """
    objects = _objects(present)
    stale: list[str] = []
    for each in changed:
        was, became = value_of(each.kind, each.before), value_of(each.kind, each.after)
        expected, wanted = (was, became) if again else (became, was)
        if objects.pop((each.kind, each.name), None) != expected:
            stale.append(f"{each.kind} {each.name}")
        if wanted is not None:
            objects[each.kind, each.name] = wanted
    refuse_stale(stale)
    return _standing(objects)


def refuse_stale(names: list[str]) -> None:
    """Raise `Conflict` where objects changed since."""
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise Conflict(
            f"{names[0]}{more} changed since then, and that would be lost",
            remedy="take back the later change first: flowctl history",
        )


def value_of(kind: str, value: Any) -> Any:
    """Return what a difference holds, from plain values where it was read back."""
    return None if value is None else msgspec.convert(value, TYPES[kind])


def _objects(standing: Standing | None) -> _Objects:
    if standing is None:
        return {}
    spec = standing.spec
    bare = NetworkSpec(name=spec.name, strategy=spec.strategy)
    found: _Objects = {("network", spec.name): bare}
    for processor in spec.processors:
        found["processor", processor.name] = structs.replace(processor, sockets=())
        for socket in processor.sockets:
            found["socket", f"{processor.name}.{socket.name}"] = socket
    found |= {("plug", plug_name(plug)): plug for plug in spec.plugs}
    found |= {("agent", agent.name): agent for agent in spec.agents}
    found |= {("deployment", each.name): each for each in spec.deployments}
    found |= {("requested", name): wanted for name, wanted in standing.requested.items()}
    found |= {("code", f"{task.processor}.{task.name}"): task for task in standing.code}
    return found


def _standing(objects: _Objects) -> Standing | None:
    networks = _of("network", objects)
    if not networks:
        left = next(iter(objects), None)
        refuse_stale([f"{left[0]} {left[1]}"] if left else [])
        return None
    processors = [_whole(each, objects) for each in _of("processor", objects)]
    spec = structs.replace(
        cast("NetworkSpec", networks[0]),
        processors=tuple(processors),
        plugs=tuple(_of("plug", objects)),
        agents=tuple(_of("agent", objects)),
        deployments=tuple(_of("deployment", objects)),
    )
    names = {each.name for each in processors}
    requested = {
        name: value
        for (kind, name), value in objects.items()
        if kind == "requested" and name in names
    }
    return Standing(spec=spec, requested=requested, code=tuple(_of("code", objects)))


def _of(kind: str, objects: _Objects) -> list[Any]:
    return [objects[key] for key in sorted(objects) if key[0] == kind]


def _whole(processor: ProcessorSpec, objects: _Objects) -> ProcessorSpec:
    own = [
        objects[key]
        for key in sorted(objects)
        if key[0] == "socket" and key[1].partition(".")[0] == processor.name
    ]
    return structs.replace(processor, sockets=tuple(own))
