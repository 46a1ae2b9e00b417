"""Values become the text of a recipe: only what differs from the defaults, always in one order.

`parse(dump(spec)) == spec` for every spec that `parse` can return. The order of keys is that of the
tables in `schema`; what is written in one line is what a person would write in one line.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml
from msgspec import structs

from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    Join,
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
)
from flowctl.model.naming import plug_name
from flowctl.model.nodes import Inline, InlineKind
from flowctl.recipe import canvases
from flowctl.recipe.build import default_cpus, default_module
from flowctl.recipe.document import FLOAT, INTEGER
from flowctl.recipe.nodes import is_without_code, needs_task
from flowctl.recipe.units import duration_text, number_text, rate_text, size_text

_WIDTH = 100
_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TEXT_TAG = "tag:yaml.org,2002:str"


def dump(spec: NetworkSpec) -> str:
    """Return the recipe of a network."""
    pinned = Counter[str]()
    for deployment in spec.deployments:
        pinned[deployment.processor] += deployment.cpus
    head = {
        "version": 1,
        "network": spec.name,
        **_unless({"strategy": spec.strategy.lower()}, {"strategy": "balanced"}),
    }
    parts = {
        "processors": {each.name: _processor(each, pinned[each.name]) for each in spec.processors},
        "plugs": [_plug(each) for each in spec.plugs],
        "agents": {each.name: _agent(each) for each in spec.agents},
        "deployments": {each.name: _deployment(each) for each in spec.deployments},
    }
    return "\n".join([_text(head), *(_text({key: part}) for key, part in parts.items() if part)])


def _text(values: Mapping[str, Any]) -> str:
    text = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return str(text)


class _Flow(dict[str, Any]):
    """A mapping that is written in one line."""


class _FlowList(list[Any]):
    """A list that is written in one line."""


class _On(str):
    """The key `on`, which needs no quotes here whatever YAML 1.1 makes of it."""

    __slots__ = ()


class _Dumper(_BASE):  # type: ignore[misc]  # the base is C or Python, whichever is there
    """Writes what `document.resolve` reads, which is not all that YAML 1.1 would."""


def _write_text(dumper: Any, text: str) -> Any:
    is_block = "\n" in text and all(_fits_block(line) for line in text.split("\n"))
    style = "|" if is_block else None
    return dumper.represent_scalar(_TEXT_TAG, text, style=style)


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern.pattern})$")


def _fits_block(line: str) -> bool:
    return line == line.rstrip() and line.isprintable()


def _write_flow(dumper: Any, values: Mapping[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", values.items(), flow_style=True)


def _write_flow_list(dumper: Any, values: Iterable[Any]) -> Any:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


def _write_float(dumper: Any, number: float) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))


def _write_on(dumper: Any, _: _On) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:bool", "on")


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(_On, _write_on)
_Dumper.add_representer(float, _write_float)
_Dumper.add_representer(_Flow, _write_flow)
_Dumper.add_representer(_FlowList, _write_flow_list)
# Texts that look like numbers to us must be quoted, those that do to YAML 1.1 are anyway.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", _whole(INTEGER), None)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _whole(FLOAT), None)
_Dumper.ignore_aliases = lambda self, data: True


def _unless(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ from their defaults."""
    return {key: value for key, value in values.items() if value != defaults.get(key)}


def _filled(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


def _seconds(key: str, seconds: float, default: float = 0.0) -> dict[str, Any]:
    return {} if seconds == default else {key: duration_text(seconds)}


def _processor(spec: ProcessorSpec, pinned: int) -> dict[str, Any]:
    return {
        **_unless({"type": spec.type.value}, {"type": "task"}),
        **({} if is_without_code(spec) else {"source": _source(spec)}),
        **canvases.written(spec),
        **_filled("requirements", _FlowList(spec.requirements)),
        **_unless({"cpus": spec.cpus}, {"cpus": default_cpus(spec.scale, pinned)}),
        **(_filled("scale", _scale(spec.scale)) if spec.scale else {}),
        **_seconds("timeout", spec.timeout),
        **_filled("retry", _retry(spec.retry)),
        **(_filled("rate", _rate(spec.rate)) if spec.rate else {}),
        **_filled("env", dict(spec.env)),
        **_filled("labels", _Flow(spec.labels)),
        **_filled("host", spec.host),
        **_filled("memory", spec.memory and size_text(spec.memory)),
        **_unless({"track": spec.track.value}, {"track": "all"}),
        **_unless({"enabled": spec.enabled}, {"enabled": True}),
        **_filled("description", spec.description),
        **_filled("sockets", {each.name: _socket(each, spec) for each in canvases.own(spec)}),
    }


def _source(spec: ProcessorSpec) -> Mapping[str, Any]:
    return _SOURCES[spec.source.kind](spec.source, spec.name)


def _git(source: Source, _: str) -> Mapping[str, Any]:
    inner = {**_filled("ref", source.ref), **_filled("path", source.path)}
    return {"git": source.url, **inner, "module": source.module}


def _code(source: Source, processor: str) -> Mapping[str, Any]:
    module = _unless({"module": source.module}, {"module": default_module(processor)})
    return {**module, "code": source.code}


def _command(source: Source, _: str) -> Mapping[str, Any]:
    line = shlex.join(source.command)
    is_plain = line == " ".join(source.command)
    command = line if is_plain else _FlowList(source.command)
    return _Flow({"command": command, **_filled("path", source.path)})


def _path(source: Source, _: str) -> Mapping[str, Any]:
    return _Flow({"path": source.path, "module": source.module})


_SOURCES: dict[SourceKind, Callable[[Source, str], Mapping[str, Any]]] = {
    SourceKind.GIT: _git,
    SourceKind.CODE: _code,
    SourceKind.COMMAND: _command,
    SourceKind.PATH: _path,
}


def _scale(scale: Scale) -> Mapping[str, Any]:
    """Return a scale; its bounds are written always, so that it is never empty."""
    return _Flow(
        {
            "min": scale.min,
            "max": scale.max,
            **_unless({"queue": scale.queue}, {"queue": Scale().queue}),
            **_seconds("cooldown", scale.cooldown, Scale().cooldown),
        }
    )


def _retry(retry: Retry) -> Any:
    default = Retry()
    rest = {
        **_seconds("backoff", retry.backoff, default.backoff),
        **_seconds("cap", retry.cap, default.cap),
        **_filled(_On("on"), _FlowList(retry.on)),
    }
    return _Flow({"max": retry.max, **rest}) if rest else retry.max


def _rate(rate: Rate) -> Any:
    short = rate_text(rate.calls, rate.per)
    if short and rate.scope is RateScope.PROCESSOR:
        return short
    calls = int(rate.calls) if number_text(rate.calls).isdigit() else rate.calls
    scope = _unless({"scope": rate.scope.value}, {"scope": "processor"})
    return _Flow({"calls": calls, **_seconds("per", rate.per, 1.0), **scope})


def _socket(spec: SocketSpec, processor: ProcessorSpec) -> Any:
    rest = {
        **(_schedule(spec.schedule) if spec.schedule else {}),
        **_filled("join", _join(spec.join)),
        **({"wait": "all"} if spec.wait_all else {}),
        **_filled("routes", _Flow(spec.routes)),
        **_schemas(spec),
        **(_inline(spec.inline) if spec.inline else {}),
        **_filled("queue", _queue(spec.queue)),
    }
    if not rest:
        return spec.task or _Flow()
    task = {} if not spec.task and not needs_task(processor, spec) else {"task": spec.task}
    return _Flow({**task, **rest})


def _schemas(spec: SocketSpec) -> dict[str, Any]:
    found = {name: json.loads(text) for name, text in spec.schemas.items()}
    whole = {"schema": found.pop("")} if "" in found else {}
    arguments = {name: _Flow({"schema": schema}) for name, schema in found.items()}
    return {**whole, **_filled("arguments", _Flow(arguments))}


def _inline(found: Inline) -> dict[str, Any]:
    is_json = found.kind is InlineKind.JSON
    return {found.kind.value: json.loads(found.text) if is_json else found.text}


def _schedule(schedule: Schedule) -> dict[str, Any]:
    payload = json.loads(schedule.payload)
    return {
        **_filled("cron", schedule.cron),
        **_seconds("every", schedule.every),
        **_filled("at", schedule.at),
        **({} if payload is None else {"payload": payload}),
        **_unless({"timezone": schedule.timezone}, {"timezone": "UTC"}),
        **_unless({"catchup": schedule.catchup.value}, {"catchup": "once"}),
        **_unless({"paused": schedule.paused}, {"paused": False}),
    }


def _join(join: Join) -> Any:
    if join.by_run:
        return _Flow({"mode": join.mode.value, "by": "run"})
    return "" if join == Join() else join.mode.value


def _queue(queue: QueueLimits) -> Mapping[str, Any]:
    return _Flow({**_seconds("ttl", queue.ttl), **_filled("max_length", queue.max_length)})


def _plug(plug: PlugSpec) -> Any:
    is_error = plug.kind is PlugKind.ERROR
    derived = plug_name(structs.replace(plug, name=""))
    rest = {
        **_filled("argument", plug.argument),
        **_filled("gather", plug.gather),
        **_filled("allow_cycle", plug.allow_cycle),
        **_filled("name", plug.name if plug.name != derived else ""),
        **_filled("queue", _queue(plug.queue)),
    }
    if not rest and plug.kind is not PlugKind.REJECT:
        source = f"{plug.source}:{plug.route}" if plug.route else plug.source
        return f"{source} {'!>' if is_error else '->'} {plug.target}"
    on: dict[str, str] = {} if plug.kind is PlugKind.RESULT else {_On("on"): plug.kind.value}
    ends = {"from": plug.source, "to": plug.target}
    return _Flow({**ends, **on, **_filled("route", plug.route), **rest})


def _agent(agent: AgentSpec) -> Mapping[str, Any]:
    ssh = {**_filled("user", agent.ssh_user), **_filled("key", agent.ssh_key)}
    return _Flow(
        {
            **_filled("hostname", agent.hostname),
            **_filled("cpus", agent.cpus),
            **_filled("labels", _Flow(agent.labels)),
            **_filled("ssh", _Flow(ssh)),
            **_filled("path", agent.path),
            **_unless({"enabled": agent.enabled}, {"enabled": True}),
        }
    )


def _deployment(deployment: DeploymentSpec) -> Mapping[str, Any]:
    where = {"processor": deployment.processor, "agent": deployment.agent}
    return _Flow({**where, **_unless({"cpus": deployment.cpus}, {"cpus": 1})})
