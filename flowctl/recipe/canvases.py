"""Pipelines, parallels, funnels and segments in a recipe: how they are written, and what they cannot be.

Such a processor has two sockets: `start` takes what goes in, `complete` sends on what came out of it.
A plug that is written to leave from `start` leaves from `complete`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import structs

from flowctl.model.canvas import (
    COMPLETE,
    DEEPEST,
    START,
    Funnel,
    Node,
    Parallel,
    Pipeline,
    Segment,
    Step,
    children,
    nodes,
)
from flowctl.model.flow import PlugSpec, ProcessorSpec, SocketSpec
from flowctl.model.nodes import CANVASES, ProcessorType
from flowctl.recipe.expression import read, write
from flowctl.recipe.notes import Notes

Values = Mapping[str, Any]
Placed = Sequence[tuple[str, PlugSpec]]
KEYS = ("steps", "final", "size", "errors")
"""The keys of a processor that only these types have."""
_TAKES = {
    ProcessorType.PIPELINE: {"steps"},
    ProcessorType.PARALLEL: {"steps", "errors"},
    ProcessorType.FUNNEL: {"steps", "errors", "final"},
    ProcessorType.SEGMENT: {"steps", "errors", "size"},
}


def entries(type_: ProcessorType, values: Values) -> dict[str, Values]:
    """Return the sockets of a processor as they are written, with those that its type brings."""
    written = dict(values.get("sockets", {}))
    return {START: {}, COMPLETE: {}, **written} if type_ in CANVASES else written


def expression_of(processor: str, type_: ProcessorType, values: Values, notes: Notes) -> str:
    """Return what a processor of these types calls, as one expression; empty for others."""
    path = f"processors.{processor}"
    takes = _TAKES.get(type_, set())
    for key in KEYS:
        if key in values and key not in takes:
            notes.add(f"{path}.{key}", f'"{key}" is not for a {type_}', "remove it")
    if type_ not in CANVASES or notes.has(f"{path}.steps"):
        return ""
    return write(_tree(path, type_, values, notes))


def _tree(path: str, type_: ProcessorType, values: Values, notes: Notes) -> Node:
    steps = tuple(_step(each) for each in values.get("steps", ()) if each is not None)
    keep = values.get("errors") == "keep"
    if type_ is ProcessorType.PIPELINE:
        return Pipeline(steps=steps)
    if type_ is ProcessorType.PARALLEL:
        return Parallel(branches=steps, keep=keep)
    if type_ is ProcessorType.FUNNEL:
        final = _needed(path, "final", values, notes)
        return Funnel(branches=steps, final=final or Pipeline(steps=()), keep=keep)
    size = _needed(path, "size", values, notes)
    step = steps[0] if len(steps) == 1 else Pipeline(steps=steps)
    return Segment(step=step, size=size or 1, keep=keep)


def _needed(path: str, key: str, values: Values, notes: Notes) -> Any:
    if key not in values and not notes.has(f"{path}.{key}"):
        notes.add(path, f'"{key}" is missing', "a funnel ends in one" * (key == "final"))
    return values.get(key)


def _step(found: Any) -> Node:
    """Return a step; a list within the list is a parallel."""
    if isinstance(found, list | tuple):
        return Parallel(branches=tuple(each for each in found if each is not None))
    return found  # type: ignore[no-any-return]


def leaving(processors: Sequence[ProcessorSpec], plug: PlugSpec) -> PlugSpec:
    """Return a plug as it is, but for one from the `start` of a canvas: that leaves from its end."""
    owner, _, socket = plug.source.partition(".")
    if socket != START or not any(p.name == owner and p.type in CANVASES for p in processors):
        return plug
    return structs.replace(plug, source=f"{owner}.{COMPLETE}")


def written(spec: ProcessorSpec) -> dict[str, Any]:
    """Return the keys that say what a processor of these types calls."""
    if not spec.canvas:
        return {}
    tree = read(spec.canvas)
    keep = {"errors": "keep"} if getattr(tree, "keep", False) else {}
    if isinstance(tree, Segment):
        return {"steps": [write(tree.step)], "size": tree.size, **keep}
    if isinstance(tree, Funnel):
        return {"steps": [*map(write, tree.branches)], "final": write(tree.final), **keep}
    return {"steps": [write(each) for each in children(tree)], **keep}


def own(spec: ProcessorSpec) -> list[SocketSpec]:
    """Return the sockets that a recipe must name: those of a canvas are there by themselves."""
    brought = [SocketSpec(name=name, task="") for name in (START, COMPLETE)]
    return [each for each in spec.sockets if spec.type not in CANVASES or each not in brought]


def called(processors: Iterable[ProcessorSpec]) -> set[str]:
    """Return the sockets that canvases call, with the end of each canvas that is called."""
    names = {name for each in processors if each.canvas for name in _called(read(each.canvas))}
    ends = {f"{each.name}.{COMPLETE}" for each in processors if f"{each.name}.{START}" in names}
    return names | ends


def check_canvases(processors: Sequence[ProcessorSpec], placed: Placed, notes: Notes) -> None:
    """Complain about canvases that call what is not there, or themselves."""
    trees = {each.name: read(each.canvas) for each in processors if each.canvas}
    sockets = [f"{each.name}.{socket.name}" for each in processors for socket in each.sockets]
    for processor in processors:
        if processor.type in CANVASES:
            _check_sockets(processor, notes)
    for name in trees:
        _check_tree(name, trees, sockets, notes)
    for path, plug in placed:
        owner, _, socket = plug.target.partition(".")
        if owner in trees and socket == COMPLETE:
            notes.add(f"{path}.to", f"{plug.target} gets what {owner} came to", f"-> {owner}.start")


def _check_tree(name: str, trees: Mapping[str, Node], sockets: Sequence[str], notes: Notes) -> None:
    path, tree = f"processors.{name}.steps", trees[name]
    for socket in sorted(each for each in _called(tree) if "/" not in each):
        if socket not in sockets:
            notes.add(path, f'there is no socket "{socket}"', notes.hint(socket, sockets))
    if max(depth for depth, _ in nodes(tree)) > DEEPEST:
        notes.add(path, f"this is more than {DEEPEST} patterns deep")
    if name in _reached(name, trees):
        notes.add(path, f"{name} would call itself, without end")


def _check_sockets(processor: ProcessorSpec, notes: Notes) -> None:
    for socket in processor.sockets:
        if socket.name not in (START, COMPLETE):
            message = f"a {processor.type} has the sockets start and complete, and no other"
            notes.add(f"processors.{processor.name}.sockets.{socket.name}", message)


def _called(tree: Node) -> set[str]:
    return {node.socket for _, node in nodes(tree) if isinstance(node, Step)}


def _reached(name: str, trees: Mapping[str, Node]) -> set[str]:
    """Return the canvases that a canvas calls, directly or not."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        tree = trees[waiting.pop()]
        fresh = {each.partition(".")[0] for each in _called(tree)} & trees.keys() - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen
