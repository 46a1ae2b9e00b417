"""Tables of what is declared: networks, processors, sockets, tasks, plugs, queues, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.flow import (
    Network,
    Plug,
    PlugKind,
    Processor,
    Schedule,
    Socket,
    Source,
    SourceKind,
    Task,
    Topology,
)
from flowctl.views.table import Document, Field, Sheet, Table, build, builtin
from flowctl.views.text import NOTHING, age, clock_time, count, duration, one_line, plain, size


def _ago(value: Any, now: datetime) -> str:
    return age(value, now)


def _seconds(value: Any, _now: datetime) -> str:
    return duration(value) if value else NOTHING


def _number(value: Any, _now: datetime) -> str:
    return "?" if value is None else count(value)


def _short(value: Any, _now: datetime) -> str:
    return one_line(str(value or ""), 48) or NOTHING


NETWORKS = (
    Field("name", lambda network: network.name),
    Field("revision", lambda network: network.revision, right=True),
    Field("strategy", lambda network: network.strategy),
    Field("recipe", lambda network: network.recipe),
    Field("updated_at", lambda network: network.updated_at, _ago, title="UPDATED"),
    Field("created_at", lambda network: network.created_at, _ago, wide=True, title="CREATED"),
)


def networks(values: Iterable[Network], now: datetime) -> Table:
    """Return the table of networks."""
    return build("networks", NETWORKS, values, now)


def source_text(source: Source) -> str:
    """Return where code comes from, in one line."""
    match source.kind:
        case SourceKind.GIT:
            ref = f"@{source.ref}" if source.ref else ""
            return f"git {source.url}{ref} {source.module}"
        case SourceKind.PATH:
            return f"path {source.path} {source.module}"
        case SourceKind.CODE:
            return "code"
        case SourceKind.COMMAND:
            return "command " + " ".join(source.command)


PROCESSORS = (
    Field("name", lambda processor: processor.name),
    Field("network", lambda processor: processor.network),
    Field("status", lambda processor: processor.status),
    Field("requested_status", lambda processor: processor.requested_status, title="WANTED"),
    Field("cpus", lambda processor: processor.spec.cpus, right=True),
    Field("deployed_cpus", lambda processor: processor.deployed_cpus, right=True, title="DEPLOYED"),
    Field("running_cpus", lambda processor: processor.running_cpus, right=True, title="RUNNING"),
    Field("source", lambda processor: source_text(processor.spec.source), _short),
    Field("type", lambda processor: processor.spec.type, wide=True),
    Field("gate", lambda processor: "closed" if processor.closed else "", wide=True),
    Field("timeout", lambda processor: processor.spec.timeout, _seconds, wide=True, right=True),
    Field("retries", lambda processor: processor.spec.retry.max, wide=True, right=True),
    Field("track", lambda processor: processor.spec.track, wide=True),
    Field("generation", lambda processor: processor.generation, wide=True, right=True),
    Field("updated_at", lambda processor: processor.updated_at, _ago, wide=True, title="UPDATED"),
    Field("error", lambda processor: processor.error, _short),
)


def processors(values: Iterable[Processor], now: datetime) -> Table:
    """Return the table of processors."""
    return build("processors", PROCESSORS, values, now)


def schedule_text(schedule: Schedule | None) -> str:
    """Return when a socket is called by itself, in one line; empty where it is not."""
    if schedule is None:
        return ""
    zone = "" if schedule.timezone == "UTC" else f" {schedule.timezone}"
    if schedule.cron:
        return f"cron {schedule.cron}{zone}"
    return f"every {duration(schedule.every)}" if schedule.every else f"at {schedule.at}"


SOCKETS = (
    Field("name", lambda socket: socket.name),
    Field("network", lambda socket: socket.network),
    Field("task", lambda socket: socket.spec.task),
    Field("schedule", lambda socket: schedule_text(socket.spec.schedule)),
    Field("join", lambda socket: socket.spec.join.mode, wide=True),
    Field(
        "arguments",
        lambda socket: [item.name for item in socket.task.arguments] if socket.task else None,
    ),
    Field("queue", lambda socket: socket.queue),
)


def sockets(values: Iterable[Socket], now: datetime) -> Table:
    """Return the table of sockets."""
    return build("sockets", SOCKETS, values, now)


TASKS = (
    Field("name", lambda task: task.name),
    Field("processor", lambda task: task.processor),
    Field("module", lambda task: task.module),
    Field("arguments", lambda task: [argument.name for argument in task.arguments]),
    Field("overridden", lambda task: bool(task.code)),
)

ARGUMENTS = (
    Field("name", lambda argument: argument.name),
    Field("position", lambda argument: argument.position, right=True),
    Field("kind", lambda argument: argument.kind),
    Field("has_default", lambda argument: argument.has_default, title="DEFAULT"),
)


def tasks(values: Iterable[Task], now: datetime) -> Table:
    """Return the table of tasks; a task that serves several sockets is listed once."""
    known = {(task.processor, task.name): task for task in values}
    return build("tasks", TASKS, known.values(), now)


PLUGS = (
    Field("name", lambda plug: plug.name),
    Field("network", lambda plug: plug.network),
    Field("source", lambda plug: plug.spec.source),
    Field("target", lambda plug: plug.spec.target),
    Field("on", lambda plug: plug.spec.kind),
    Field("route", lambda plug: plug.spec.route, wide=True),
    Field("argument", lambda plug: plug.spec.argument),
    Field("gather", lambda plug: plug.spec.gather, wide=True),
    Field("queue", lambda plug: plug.queue, wide=True),
)


def plugs(values: Iterable[Plug], now: datetime) -> Table:
    """Return the table of plugs."""
    return build("plugs", PLUGS, values, now)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue, whose it is, and how much it holds; the numbers are None where nobody could tell."""

    name: str
    network: str
    role: str
    """socket, plug, dead, left or trash."""
    owner: str
    """The socket or plug it belongs to."""
    ready: int | None = None
    unacked: int | None = None
    consumers: int | None = None


QUEUES = (
    Field("name", lambda queue: queue.name),
    Field("network", lambda queue: queue.network, wide=True),
    Field("role", lambda queue: queue.role),
    Field("owner", lambda queue: queue.owner),
    Field("ready", lambda queue: queue.ready, _number, right=True),
    Field("unacked", lambda queue: queue.unacked, _number, right=True),
    Field("consumers", lambda queue: queue.consumers, _number, right=True),
)


def queues(values: Iterable[QueueRow], now: datetime) -> Table:
    """Return the table of queues."""
    return build("queues", QUEUES, values, now)


def network_sheet(topology: Topology, now: datetime) -> Sheet:
    """Return everything about one network."""
    network = topology.network
    return Sheet(
        kind="network",
        name=network.name,
        properties=properties(NETWORKS, network, now),
        document={
            **builtin(network),
            "processors": [item.name for item in topology.processors],
            "sockets": [item.name for item in topology.sockets],
            "plugs": [item.name for item in topology.plugs],
        },
        tables=(
            ("Processors", processors(topology.processors, now)),
            ("Sockets", sockets(topology.sockets, now)),
            ("Plugs", plugs(topology.plugs, now)),
        ),
    )


def processor_sheet(
    processor: Processor, own: Sequence[Socket], tables: Sequence[tuple[str, Table]], now: datetime
) -> Sheet:
    """Return everything about one processor; `tables` are those of its deployments and events."""
    spec = processor.spec
    more = {
        "requirements": ", ".join(spec.requirements),
        "env": ", ".join(spec.env),
        "labels": plain(spec.labels),
        "memory": size(spec.memory) if spec.memory else "",
        "description": spec.description,
    }
    texts = [("Code", spec.source.code)] if spec.source.code else []
    if processor.error:
        texts.append(("Error", processor.error))
    return Sheet(
        kind="processor",
        name=processor.name,
        properties=properties(PROCESSORS, processor, now)
        + tuple((key, value) for key, value in more.items() if value and value != NOTHING),
        document={**builtin(processor), "sockets": [socket.name for socket in own]},
        tables=(("Sockets", sockets(own, now)), *tables),
        texts=tuple(texts),
    )


def socket_sheet(
    socket: Socket, own_plugs: Sequence[Plug], now: datetime, joins: Table | None = None
) -> Sheet:
    """Return everything about one socket: its arguments, the plugs in and out, what joins hold."""
    inbound = [plug for plug in own_plugs if plug.spec.target == socket.name]
    outbound = [plug for plug in own_plugs if plug.spec.source == socket.name]
    tables = [("Plugs in", plugs(inbound, now)), ("Plugs out", plugs(outbound, now))]
    tables += [("Joins", joins)] if joins else []
    texts = []
    if task := socket.task:
        tables.insert(0, ("Arguments", build("arguments", ARGUMENTS, task.arguments, now)))
        texts.append(_code(task))
    return Sheet(
        kind="socket",
        name=socket.name,
        properties=properties(SOCKETS, socket, now),
        document=builtin(socket) | ({"joins": list(joins.items)} if joins else {}),
        tables=tuple(item for item in tables if item[1].rows),
        texts=tuple(item for item in texts if item[1]),
    )


def plug_sheet(plug: Plug, source: Socket, target: Socket, now: datetime) -> Sheet:
    """Return everything about one plug."""
    return Sheet(
        kind="plug",
        name=plug.name,
        properties=(
            *properties(PLUGS, plug, now),
            ("source task", source.spec.task),
            ("target task", target.spec.task),
        ),
        document=builtin(plug),
    )


def task_sheet(task: Task, users: Sequence[Socket], now: datetime) -> Sheet:
    """Return everything about one task; its code is the override where there is one."""
    return Sheet(
        kind="task",
        name=task.name,
        properties=properties(TASKS, task, now),
        document=builtin(task),
        tables=(
            ("Arguments", build("arguments", ARGUMENTS, task.arguments, now)),
            ("Sockets", sockets(users, now)),
        ),
        texts=(_code(task),) if task.code or task.source else (),
    )


def _code(task: Task) -> tuple[str, str]:
    return ("Code, overridden", task.code) if task.code else ("Code", task.source)


def properties(
    fields: Sequence[Field], thing: object, now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the fields of one object as pairs; those that hold nothing are left out."""
    pairs = ((field, field.value(thing)) for field in fields)
    shown = (
        (field.key.removesuffix("_at").replace("_", " "), _property(field, value, now))
        for field, value in pairs
    )
    return tuple((key, text) for key, text in shown if text not in ("", NOTHING))


def _property(field: Field, value: object, now: datetime) -> str:
    if isinstance(value, datetime):
        return f"{clock_time(value)} ({age(value, now)})"
    if field.show is _short:  # the lines after the first are a section of their own
        return plain(value).partition("\n")[0]
    return field.show(value, now)


def tree(topology: Topology, hosts: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Return a network as the indented text that `ls network NAME` prints.

    `hosts` maps a processor's name to the pairs (node, worker) that serve it; a processor that
    nobody serves stands under placeholders.
    """
    lines = [f"network::{topology.network.name}"]
    places: dict[str, dict[str, list[Processor]]] = {}
    for processor in topology.processors:
        for node, worker in hosts.get(processor.name) or [("-", "-")]:
            places.setdefault(node, {}).setdefault(worker, []).append(processor)
    for node in sorted(places):
        lines += [_rung(2, "node", node), _rung(4, "agent", node.removesuffix(".node"))]
        for worker in sorted(places[node]):
            lines.append(_rung(6, "worker", worker))
            for processor in places[node][worker]:
                lines += _processor_tree(topology, processor)
    return "\n".join(lines) + "\n"


def _processor_tree(topology: Topology, processor: Processor) -> list[str]:
    lines = [_rung(8, "processor", processor.name)]
    for socket in topology.sockets:
        if socket.processor == processor.name:
            lines += _socket_tree(topology, processor, socket)
    return lines


def _socket_tree(topology: Topology, processor: Processor, socket: Socket) -> list[str]:
    module = processor.spec.source.module or processor.spec.source.kind
    lines = [
        _rung(10, "socket", socket.name),
        _rung(12, "task", f"{processor.name}.{socket.spec.task}"),
        _rung(14, "module", module),
        _rung(17, "function", socket.spec.task),
    ]
    for plug in topology.plugs:
        if plug.spec.source == socket.name:
            lines += _plug_tree(plug)
    arguments = [item.name for item in socket.task.arguments] if socket.task else []
    fed = [plug.spec.argument for plug in topology.plugs if plug.spec.target == socket.name]
    for argument in dict.fromkeys([*arguments, *(name for name in fed if name)]):
        lines.append(_rung(20, "argument", argument))
        for plug in topology.plugs:
            if plug.spec.target == socket.name and plug.spec.argument == argument:
                lines += _plug_tree(plug)
    return lines


def _plug_tree(plug: Plug) -> list[str]:
    error = " (on error)" if plug.spec.kind is PlugKind.ERROR else ""
    return [
        _rung(22, "plug", plug.name + error),
        _rung(24, "source", plug.spec.source),
        _rung(24, "target", plug.spec.target),
    ]


def _rung(indent: int, word: str, name: str) -> str:
    return f"{' ' * indent}{word}::{name}"


def document_of(topology: Topology) -> Document:
    """Return a whole network as one document, for programs."""
    return {
        **builtin(topology.network),
        "processors": builtin(topology.processors),
        "sockets": builtin(topology.sockets),
        "plugs": builtin(topology.plugs),
    }
