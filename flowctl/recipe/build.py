"""Specs out of the plain values that `read` returns, with the defaults that depend on others.

`Built` also says where each plug stood, because plugs have no names in most recipes and the checks
must point at them.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from flowctl.model.flow import (
    AgentSpec,
    Catchup,
    DeploymentSpec,
    Join,
    JoinMode,
    NetworkSpec,
    PlugKind,
    PlugSpec,
    ProcessorSpec,
    QueueLimits,
    Rate,
    RateScope,
    Retry,
    Scale,
    Schedule,
    SocketSpec,
    Source,
    SourceKind,
    Track,
)
from flowctl.model.naming import plug_name
from flowctl.model.nodes import SOURCELESS, ProcessorType
from flowctl.recipe import canvases
from flowctl.recipe.nodes import inline, needs_task, no_source, schemas
from flowctl.recipe.notes import Notes
from flowctl.recipe.words import AUTO

Values = Mapping[str, Any]
TIMES = ("cron", "every", "at")
"""The keys that make a socket a timed one."""


@dataclass(frozen=True, slots=True)
class Built:
    """A network as written, not in order yet, and where its plugs stood."""

    spec: NetworkSpec
    plug_paths: tuple[str, ...]
    """One for each plug of `spec`."""


def build(recipe: Values, folder: str, notes: Notes, *, auto_cpus: int = 1) -> Built:
    """Return the network that a recipe describes.

    Relative folders lie in `folder`, and `cpus: auto` means `auto_cpus`.
    """
    agents = _agents(recipe, notes)
    deployments = _deployments(recipe.get("deployments", {}), agents, notes)
    pinned = Counter[str]()
    for deployment in deployments:
        pinned[deployment.processor] += deployment.cpus
    plugs = [(i, plug) for i, plug in enumerate(recipe.get("plugs", ())) if _is_whole(plug)]
    processors = tuple(
        _processor(name, {**values, "cpus": cpus}, folder, notes)
        for name, values in recipe.get("processors", {}).items()
        for cpus in [_cpus(values, pinned[name], auto_cpus)]
    )
    spec = NetworkSpec(
        name=recipe.get("network", ""),
        strategy=recipe.get("strategy", "balanced").upper(),
        processors=processors,
        plugs=tuple(canvases.leaving(processors, _plug(plug)) for _, plug in plugs),
        agents=agents,
        deployments=deployments,
    )
    return Built(spec=spec, plug_paths=tuple(f"plugs[{index}]" for index, _ in plugs))


def in_order(spec: NetworkSpec) -> NetworkSpec:
    """Return a network with everything sorted by name, as the model wants it."""
    return structs.replace(
        spec,
        processors=tuple(sorted(spec.processors, key=_by_name)),
        plugs=tuple(sorted(spec.plugs, key=plug_name)),
        agents=tuple(sorted(spec.agents, key=_by_name)),
        deployments=tuple(sorted(spec.deployments, key=_by_name)),
    )


def default_module(processor: str) -> str:
    """Return what the module of an inline source is called where nothing else is said."""
    return processor.replace("-", "_")


def default_task(socket: str) -> str:
    """Return the function of a socket where nothing else is said."""
    return socket.replace("-", "_")


def default_cpus(scale: Scale | None, pinned: int = 0) -> int:
    """Return the cpus of a processor where nothing else is said."""
    wanted = max(1, pinned)
    return min(max(wanted, scale.min), scale.max) if scale else wanted


def _by_name(spec: ProcessorSpec | SocketSpec | AgentSpec | DeploymentSpec) -> str:
    return spec.name


def _is_whole(plug: Values | None) -> bool:
    return plug is not None and {"from", "to"} <= plug.keys()


def _some(values: Values, *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _texts(items: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(item for item in items if item is not None)


def _cpus(values: Values, pinned: int, auto_cpus: int) -> int:
    """Return the cpus of a processor; `auto` keeps to its scale, so it fits on every machine."""
    scale = Scale(**values["scale"]) if "scale" in values else None
    cpus = values.get("cpus", default_cpus(scale, pinned))
    return default_cpus(scale, max(auto_cpus, pinned)) if cpus == AUTO else int(cpus)


def _processor(name: str, values: Values, folder: str, notes: Notes) -> ProcessorSpec:
    source, type_ = _source_of(name, values, folder, notes)
    scale = Scale(**values["scale"]) if "scale" in values else None
    plain = ("timeout", "env", "labels", "host", "memory", "enabled", "description")
    bare = ProcessorSpec(name=name, source=source, type=type_)
    sockets = [
        _socket(bare, socket, entry, notes)
        for socket, entry in canvases.entries(type_, values).items()
    ]
    return structs.replace(
        bare,
        canvas=canvases.expression_of(name, type_, values, notes),
        sockets=tuple(sorted(sockets, key=_by_name)),
        requirements=_texts(values.get("requirements", ())),
        cpus=values["cpus"],
        scale=scale,
        retry=_retry(values.get("retry", {})),
        rate=_rate(values.get("rate", {})),
        track=Track(values.get("track", "all")),
        **_some(values, *plain),
    )


def _source_of(
    name: str, values: Values, folder: str, notes: Notes
) -> tuple[Source, ProcessorType]:
    type_ = ProcessorType(values.get("type", "task"))
    if "source" in values:
        return _source(name, values["source"], folder), type_
    path = f"processors.{name}"
    if (
        type_ not in SOURCELESS
        and not notes.has(f"{path}.source")
        and not notes.has(f"{path}.type")
    ):
        notes.add(path, '"source" is missing', "where the code is")
    return no_source(name) if type_ in SOURCELESS else _source(name, {}, folder), type_


def _source(processor: str, values: Values, folder: str) -> Source:
    kind = next((kind for kind in _KINDS if kind.value in values), SourceKind.PATH)
    module = values.get("module", default_module(processor) if kind is SourceKind.CODE else "")
    if kind is SourceKind.GIT:
        inner = _some(values, "ref", "path")
        return Source(kind=kind, module=module, url=values["git"], **inner)
    if kind is SourceKind.CODE:
        return Source(kind=kind, module=module, code=values["code"])
    path = _in_folder(folder, values["path"]) if "path" in values else ""
    if kind is SourceKind.COMMAND:
        return Source(kind=kind, command=_texts(values["command"]), path=path)
    return Source(kind=kind, module=module, path=path)


_KINDS = (SourceKind.GIT, SourceKind.CODE, SourceKind.COMMAND, SourceKind.PATH)


def _in_folder(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _retry(values: Values) -> Retry:
    if "on" in values:
        values = {**values, "on": _texts(values["on"])}
    return Retry(**values)


def _rate(values: Values) -> Rate | None:
    if "calls" not in values:
        return None
    scope = RateScope(values.get("scope", "processor"))
    return Rate(calls=values["calls"], per=values.get("per", 1.0), scope=scope)


def _socket(processor: ProcessorSpec, name: str, values: Values, notes: Notes) -> SocketSpec:
    join = values.get("join", {})
    spec = SocketSpec(
        name=name,
        task=values.get("task", ""),
        schedule=_schedule(f"processors.{processor.name}.sockets.{name}", values, notes),
        join=Join(mode=JoinMode(join.get("mode", "zip")), by_run="by" in join),
        queue=QueueLimits(**values.get("queue", {})),
        wait_all="wait" in values,
        routes=values.get("routes", {}),
        schemas=schemas(values),
        inline=inline(values),
    )
    if not spec.task and needs_task(processor, spec):
        return structs.replace(spec, task=default_task(name))
    return spec


def _schedule(path: str, values: Values, notes: Notes) -> Schedule | None:
    if any(key in values for key in TIMES):
        times = _some(values, *TIMES, "payload", "timezone", "paused")
        return Schedule(**times, catchup=Catchup(values.get("catchup", "once")))
    for key in ("payload", "timezone", "catchup", "paused"):
        if key in values:
            message = f'"{key}" means nothing without a time'
            notes.add(f"{path}.{key}", message, "add one of cron, every, at")
    return None


def _plug(values: Values) -> PlugSpec:
    return PlugSpec(
        source=values["from"],
        target=values["to"],
        kind=PlugKind(values.get("on", "result")),
        queue=QueueLimits(**values.get("queue", {})),
        **_some(values, "route", "argument", "gather", "allow_cycle", "name"),
    )


def _agents(recipe: Values, notes: Notes) -> tuple[AgentSpec, ...]:
    agents, nodes = recipe.get("agents", {}), recipe.get("nodes", {})
    for name in agents.keys() & nodes.keys():
        notes.add(f"nodes.{name}", "is under agents already", "a node is its agent: write it once")
    return tuple(_agent(name, values) for name, values in {**nodes, **agents}.items())


def _agent(name: str, values: Values) -> AgentSpec:
    ssh = values.get("ssh", {})
    plain = _some(values, "hostname", "cpus", "labels", "path", "enabled")
    return AgentSpec(name=name, ssh_user=ssh.get("user", ""), ssh_key=ssh.get("key", ""), **plain)


def _deployments(
    entries: Mapping[str, Values], agents: Sequence[AgentSpec], notes: Notes
) -> tuple[DeploymentSpec, ...]:
    hosts = {agent.hostname: agent.name for agent in agents if agent.hostname}
    return tuple(
        DeploymentSpec(
            name=name,
            processor=values.get("processor", ""),
            agent=_agent_of(f"deployments.{name}", values, hosts, notes),
            cpus=values.get("cpus", 1),
        )
        for name, values in entries.items()
    )


def _agent_of(path: str, values: Values, hosts: Mapping[str, str], notes: Notes) -> str:
    agent, host = values.get("agent", ""), values.get("hostname", "")
    if bool(agent) == bool(host):
        message = "says both agent and hostname" if agent else "does not say where it runs"
        notes.add(path, message, "write one of agent, hostname")
    return agent or hosts.get(host, host)
