"""What changes between two recipes: values that a plan shows and a store carries out.

Every object that differs has a `Change` of its own. Sockets live inside their processor, so a
change of a socket shows twice: as a change of the socket, and in the field `sockets` of its
processor, whose `after` always is the whole new spec. The changes stand in an order that can be
carried out from first to last: what hangs on others goes first and comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Literal

from msgspec import Struct, structs

from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
    SourceKind,
)
from flowctl.model.naming import plug_name

Spec = NetworkSpec | ProcessorSpec | SocketSpec | PlugSpec | AgentSpec | DeploymentSpec
Action = Literal["add", "update", "remove"]
Kind = Literal["network", "processor", "socket", "plug", "agent", "deployment"]

RESTARTING = frozenset({"source", "requirements", "env", "memory"})
"""Fields of a processor that executors learn only when they start."""


class Part(StrEnum):
    """The kinds of objects, in the order in which they can be made."""

    NETWORK = "network"
    AGENT = "agent"
    PROCESSOR = "processor"
    SOCKET = "socket"
    PLUG = "plug"
    DEPLOYMENT = "deployment"


class Change(Struct, frozen=True, kw_only=True):
    """One object that comes, goes or becomes different."""

    action: Action
    kind: Kind
    name: str
    """A socket is called `processor.socket`, a plug by its derived name."""
    before: Spec | None = None
    """None for `add`. Of a network only its own fields are set, not what is in it."""
    after: Spec | None = None
    """None for `remove`."""
    fields: tuple[str, ...] = ()
    """The fields that differ; empty for `add` and `remove`."""
    restarts: bool = False
    """Whether executors that run now must be replaced."""


class Changes(Struct, frozen=True, kw_only=True):
    """Everything that differs between a network as it is and as it should be."""

    network: str
    new: bool
    """Whether the network does not exist yet."""
    changes: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    def summary(self) -> dict[str, int]:
        """Count the changes by action; `restart` counts the processors with new executors."""
        counts = {"add": 0, "update": 0, "remove": 0, "restart": 0}
        for change in self.changes:
            counts[change.action] += 1
            counts["restart"] += change.restarts and change.kind == "processor"
        return counts

    def of(self, kind: Kind, action: Action | None = None) -> tuple[Change, ...]:
        """Return the changes of one kind, of one action where that is given."""
        return tuple(c for c in self.changes if c.kind == kind and action in {None, c.action})


def diff(old: NetworkSpec | None, new: NetworkSpec) -> Changes:
    """Return what turns `old` into `new`; None is a network that does not exist yet."""
    before = {} if old is None else _objects(old)
    after = _objects(new)
    parts = list(Part)
    removed = [c for part in reversed(parts) for c in _removed(part, before, after)]
    made = [c for part in parts for c in _made(part, before, after)]
    return Changes(network=new.name, new=old is None, changes=(*removed, *made))


def apply_changes(changes: Changes, old: NetworkSpec | None) -> NetworkSpec:
    """Return the network that `old` becomes: `apply_changes(diff(a, b), a) == b`."""
    objects = {} if old is None else dict(_objects(old))
    for change in changes.changes:
        key = (Part(change.kind), change.name)
        objects.pop(key, None)
        if change.after is not None:
            objects[key] = change.after
    return _network(objects)


_Key = tuple[Part, str]


def _objects(spec: NetworkSpec) -> Mapping[_Key, Spec]:
    bare = NetworkSpec(name=spec.name, strategy=spec.strategy)
    found: dict[_Key, Spec] = {(Part.NETWORK, spec.name): bare}
    found.update({(Part.AGENT, agent.name): agent for agent in spec.agents})
    for processor in spec.processors:
        found[Part.PROCESSOR, processor.name] = processor
        for socket in processor.sockets:
            found[Part.SOCKET, f"{processor.name}.{socket.name}"] = socket
    found.update({(Part.PLUG, plug_name(plug)): plug for plug in spec.plugs})
    found.update({(Part.DEPLOYMENT, each.name): each for each in spec.deployments})
    return found


def _names(part: Part, objects: Mapping[_Key, Spec]) -> list[str]:
    return sorted(name for kind, name in objects if kind is part)


def _removed(
    part: Part, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]
) -> Iterator[Change]:
    for name in _names(part, before):
        if (part, name) not in after:
            gone = before[part, name]
            restarts = part is Part.SOCKET and _retasked(name, before, after)
            yield Change(
                action="remove", kind=part.value, name=name, before=gone, restarts=restarts
            )


def _made(part: Part, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]) -> Iterator[Change]:
    for name in _names(part, after):
        old, new = before.get((part, name)), after[part, name]
        if old is None:
            restarts = part is Part.SOCKET and _retasked(name, before, after)
            yield Change(action="add", kind=part.value, name=name, after=new, restarts=restarts)
        elif old != new:
            yield _updated(part, name, before, after)


def _updated(
    part: Part, name: str, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]
) -> Change:
    old, new = before[part, name], after[part, name]
    return Change(
        action="update",
        kind=part.value,
        name=name,
        before=old,
        after=new,
        fields=_differing(old, new),
        restarts=_RESTARTS.get(part, _never)(name, before, after),
    )


def _differing(old: Spec, new: Spec) -> tuple[str, ...]:
    names = [field.name for field in structs.fields(new)]
    return tuple(name for name in names if getattr(old, name) != getattr(new, name))


def _tasks(processor: Spec | None) -> frozenset[str]:
    """Return the functions that executors must hold; a command has none."""
    if not isinstance(processor, ProcessorSpec) or processor.source.kind is SourceKind.COMMAND:
        return frozenset()
    return frozenset(name for socket in processor.sockets for name in socket.functions())


def _retasked(name: str, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]) -> bool:
    """Tell whether the processor of a socket stays and its executors need other functions."""
    key = (Part.PROCESSOR, name.partition(".")[0])
    if key not in before or key not in after:
        return False
    socket = after.get((Part.SOCKET, name), before.get((Part.SOCKET, name)))
    changed = _tasks(before[key]) ^ _tasks(after[key])
    was = before.get((Part.SOCKET, name), socket)
    both = [each for each in (socket, was) if isinstance(each, SocketSpec)]
    return any(changed.intersection(each.functions()) for each in both)


def _rebuilt(name: str, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]) -> bool:
    old, new = before[Part.PROCESSOR, name], after[Part.PROCESSOR, name]
    return bool(RESTARTING & set(_differing(old, new))) or _tasks(old) != _tasks(new)


def _never(name: str, before: Mapping[_Key, Spec], after: Mapping[_Key, Spec]) -> bool:
    return False


_RESTARTS: dict[Part, Callable[[str, Mapping[_Key, Spec], Mapping[_Key, Spec]], bool]] = {
    Part.PROCESSOR: _rebuilt,
    Part.SOCKET: _retasked,
}


def _network(objects: Mapping[_Key, Spec]) -> NetworkSpec:
    bare = next(spec for spec in objects.values() if isinstance(spec, NetworkSpec))
    values: Sequence[Spec] = [objects[key] for key in sorted(objects, key=lambda key: key[1])]
    return structs.replace(
        bare,
        processors=tuple(v for v in values if isinstance(v, ProcessorSpec)),
        plugs=tuple(v for v in values if isinstance(v, PlugSpec)),
        agents=tuple(v for v in values if isinstance(v, AgentSpec)),
        deployments=tuple(v for v in values if isinstance(v, DeploymentSpec)),
    )
