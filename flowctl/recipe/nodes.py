"""Routers, gates, data and schemas in a recipe: how they are written, and what they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowctl.model.flow import (
    PlugKind,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
    Source,
    SourceKind,
)
from flowctl.model.nodes import CANVASES, SOURCELESS, UNMATCHED, Inline, InlineKind, ProcessorType
from flowctl.recipe.canvases import check_canvases
from flowctl.recipe.contracts import schema_problem
from flowctl.recipe.notes import Notes

Values = Mapping[str, Any]
Placed = Sequence[tuple[str, PlugSpec]]
_WITHOUT_TASKS = CANVASES | {ProcessorType.SCHEMA}
INLINE = tuple(kind.value for kind in InlineKind)
"""The keys of a socket that hold an object, or say where it is."""


def no_source(processor: str) -> Source:
    """Return the source of a node that has no code: an empty module."""
    return Source(kind=SourceKind.CODE, module=processor.replace("-", "_"))


def is_without_code(spec: ProcessorSpec) -> bool:
    """Tell whether a node has no code of its own."""
    return spec.type in SOURCELESS and spec.source == no_source(spec.name)


def needs_task(processor: ProcessorSpec, socket: SocketSpec) -> bool:
    """Tell whether a socket names something of the module."""
    if processor.source.kind is SourceKind.COMMAND or processor.type in _WITHOUT_TASKS:
        return False
    if processor.type is ProcessorType.GATE and is_without_code(processor):
        return False
    return not socket.routes and socket.inline is None


def inline(values: Values) -> Inline | None:
    """Return the object that a socket holds."""
    found = next((key for key in INLINE if key in values), None)
    return Inline(kind=InlineKind(found), text=values[found]) if found else None


def schemas(values: Values) -> dict[str, str]:
    """Return the schemas of a socket, by argument."""
    found = {"": values["schema"]} if "schema" in values else {}
    arguments = values.get("arguments", {}).items()
    return found | {name: each["schema"] for name, each in arguments if "schema" in each}


def check_nodes(processors: Sequence[ProcessorSpec], placed: Placed, notes: Notes) -> None:
    """Complain about what a processor of its type cannot have."""
    known = {processor.name: processor for processor in processors}
    check_canvases(processors, placed, notes)
    for processor in processors:
        for socket in processor.sockets:
            path = f"processors.{processor.name}.sockets.{socket.name}"
            _check_socket(path, processor, socket, notes)
    for path, plug in placed:
        source = known.get(plug.source.partition(".")[0])
        target = known.get(plug.target.partition(".")[0])
        if source is not None:
            _check_outbound(path, plug, source, notes)
        if target is not None:
            _check_inbound(path, plug, target, notes)


def _check_socket(path: str, owner: ProcessorSpec, socket: SocketSpec, notes: Notes) -> None:
    for key, is_there, type_ in (
        ("routes", bool(socket.routes), ProcessorType.ROUTER),
        (
            socket.inline.kind.value if socket.inline else "",
            bool(socket.inline),
            ProcessorType.DATA,
        ),
    ):
        if is_there and owner.type is not type_:
            message = f'"{key}" is for a {type_}, and {owner.name} is a {owner.type}'
            notes.add(f"{path}.{key}", message, f"write `type: {type_}`")
    for name, text in socket.schemas.items():
        if why := schema_problem(text):
            notes.add(f"{path}.arguments.{name}.schema" if name else f"{path}.schema", why)
    if UNMATCHED in socket.routes:
        message = f'the route "{UNMATCHED}" is taken by what no other route takes'
        notes.add(f"{path}.routes.{UNMATCHED}", message, "it has no function of its own")
    if rule := _RULES.get(owner.type):
        rule(path, owner, socket, notes)


def _check_data(path: str, owner: ProcessorSpec, socket: SocketSpec, notes: Notes) -> None:
    if socket.inline is None and is_without_code(owner):
        message = f"{owner.name} has no source for it to come from"
        notes.add(
            path, message, f"write one of {', '.join(INLINE)}, or the source of the processor"
        )
    if socket.wait_all:
        notes.add(f"{path}.wait", "nothing leads into data")


def _check_schema(path: str, owner: ProcessorSpec, socket: SocketSpec, notes: Notes) -> None:
    if not socket.schemas and not notes.has(path):
        notes.add(path, '"schema" is missing', f"what {owner.name} lets through")


def _check_router(path: str, owner: ProcessorSpec, socket: SocketSpec, notes: Notes) -> None:
    if owner.source.kind is SourceKind.COMMAND:
        notes.add(path, "a program cannot choose routes", "the source of a router is Python")


_RULES: dict[ProcessorType, Callable[[str, ProcessorSpec, SocketSpec, Notes], None]] = {
    ProcessorType.DATA: _check_data,
    ProcessorType.SCHEMA: _check_schema,
    ProcessorType.ROUTER: _check_router,
}


def _check_outbound(path: str, plug: PlugSpec, source: ProcessorSpec, notes: Notes) -> None:
    if plug.kind is PlugKind.REJECT and source.type is not ProcessorType.GATE:
        message = f"only a gate rejects, and {source.name} is a {source.type}"
        notes.add(f"{path}.on", message, "`on: error` carries what failed")
    if plug.route and plug.kind is not PlugKind.RESULT:
        notes.add(f"{path}.route", f"a plug on {plug.kind} takes no route", "remove one of them")
    if source.type is not ProcessorType.ROUTER or plug.kind is not PlugKind.RESULT:
        return
    socket = next((s for s in source.sockets if f"{source.name}.{s.name}" == plug.source), None)
    if not plug.route:
        notes.add(path, "which route of the router is it?", f'such as "{plug.source}:ROUTE -> ..."')
    elif socket and socket.routes and plug.route not in {*socket.routes, UNMATCHED}:
        hint = notes.hint(plug.route, [*socket.routes, UNMATCHED])
        notes.add(f"{path}.route", f'{plug.source} has no route "{plug.route}"', hint)


def _check_inbound(path: str, plug: PlugSpec, target: ProcessorSpec, notes: Notes) -> None:
    socket = next((s for s in target.sockets if f"{target.name}.{s.name}" == plug.target), None)
    if target.type is ProcessorType.DATA:
        notes.add(f"{path}.to", f"nothing leads into data, and {target.name} is data")
    if socket and socket.wait_all and (plug.argument or plug.gather):
        key = "argument" if plug.argument else "gather"
        message = f"{plug.target} waits for all its plugs and gets their values by position"
        notes.add(f"{path}.{key}", message, f"remove `{key}`, or `wait: all` there")
