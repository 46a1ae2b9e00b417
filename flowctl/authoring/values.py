"""The plain values of a recipe out of marked classes: what `flowctl export --from` writes."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flowctl.authoring.marks import NETWORK, PLUGS, PROCESSOR, SOCKET, Edge, Mark
from flowctl.errors import InvalidInput

Values = dict[str, Any]
CANVASES = frozenset({"pipeline", "parallel", "funnel", "segment"})
"""The types of processors that call others and have no code of their own."""


class Entry(NamedTuple):
    """A socket as it was found: the function and what its decorators said."""

    name: str
    task: str
    function: object
    options: Mapping[str, Any]
    edges: tuple[Edge, ...]


class Member(NamedTuple):
    """A processor as it was found in its network."""

    name: str
    cls: type
    options: Mapping[str, Any]
    entries: tuple[Entry, ...]


def recipe_of(cls: type) -> Values:
    """Return the recipe of a network, or of a processor that is one by itself, as plain values.

    Raises:
        InvalidInput: the class is neither, or what it says cannot be.
    """
    network, alone = _mark(cls, NETWORK), _mark(cls, PROCESSOR)
    mark = network or alone
    if not mark:
        remedy = "decorate it with @network or @processor of flowctl.authoring"
        raise InvalidInput(f"{_title(cls)} is neither a network nor a processor", remedy=remedy)
    name = mark.name or snake(cls.__name__)
    members = list(_members(cls)) if network else [_member(name, cls, mark)]
    _refuse_repeats(cls, [member.name for member in members])
    return {
        "version": 1,
        "network": name,
        **(network.options if network else {}),
        "processors": {member.name: _processor(member, members) for member in members},
        "plugs": [_plug(*each, members) for each in _edges(members)],
    }


def _refuse_repeats(cls: type, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidInput(f'{_title(cls)} has two that are called "{name}"')


def snake(name: str) -> str:
    """Return the name of a class as recipes write names.

    >>> snake("OrderParser"), snake("HTTPGate"), snake("Shop2")
    ('order_parser', 'http_gate', 'shop2')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def place_of(cls: type) -> tuple[str, str]:
    """Return the folder that goes on the import path for a class, and its `module:Class`.

    Raises:
        InvalidInput: no other process can import it.
    """
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if module is None or not file:
        remedy = "put it into a file, or say where its code is: source={...}"
        raise InvalidInput(f"{_title(cls)} is in no file that workers could import", remedy=remedy)
    if "." in cls.__qualname__:
        raise InvalidInput(
            f"{_title(cls)} is inside of something else", remedy="move it to the top of its module"
        )
    name = _module_name(module, file)
    folder = posixpath.dirname(file)
    above = name.split(".") if _is_package(file) else name.split(".")[1:]
    for _ in above:
        folder = posixpath.dirname(folder)
    return folder or ".", f"{name}:{cls.__name__}"


def _module_name(module: Any, file: str) -> str:
    """Return the name by which others import a module; a program that runs has another one now."""
    if module.__name__ != "__main__":
        return str(module.__name__)
    spec = getattr(module, "__spec__", None)
    return str(spec.name) if spec else posixpath.basename(file).removesuffix(".py")


def _is_package(file: str) -> bool:
    return posixpath.basename(file) == "__init__.py"


def _mark(cls: type, key: str) -> Mark | None:
    """Return the mark of a class itself: those that inherit from it must say what they are."""
    if not isinstance(cls, type):
        raise InvalidInput(f"{cls!r} is not a class")
    found = vars(cls).get(key)
    return found if isinstance(found, Mark) else None


def _members(cls: type) -> Iterator[Member]:
    """Yield the processors of a network, called as the attributes that hold them."""
    for attribute, value in _attributes(cls).items():
        if isinstance(value, type) and (mark := _mark(value, PROCESSOR)):
            yield _member(mark.name or attribute, value, mark)


def _member(name: str, cls: type, mark: Mark) -> Member:
    entries = tuple(_entries(cls))
    _refuse_repeats(cls, [entry.name for entry in entries])
    return Member(name, cls, mark.options, entries)


def _attributes(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in reversed(cls.__mro__):
        found.update(vars(each))
    return found


def _entries(cls: type) -> Iterator[Entry]:
    for attribute, value in _attributes(cls).items():
        function = getattr(value, "__func__", value)
        mark = getattr(value, SOCKET, None) or getattr(function, SOCKET, None)
        edges = getattr(value, PLUGS, ()) or getattr(function, PLUGS, ())
        if isinstance(value, type) or not (mark or edges):
            continue
        if not isinstance(mark, Mark):
            raise InvalidInput(
                f"{_title(cls)}.{attribute} has a plug and is no socket", remedy="add @socket"
            )
        yield Entry(mark.name or attribute, attribute, function, mark.options, tuple(edges))


def _processor(member: Member, members: list[Member]) -> Values:
    options = dict(member.options)
    description = options.pop("description", _first_line(member.cls))
    is_canvas = options.get("type") in CANVASES
    for key in options.keys() & {"steps", "final"}:
        options[key] = _step(f"{member.name}.{key}", options[key], members)
    said = options.pop("source", None)
    # A canvas has no code of its own: its sockets are there by themselves, and run nothing.
    return {
        **({} if is_canvas else {"source": _source(member.cls, said)}),
        **options,
        **({"description": description} if description else {}),
        "sockets": {
            entry.name: {**({} if is_canvas else {"task": entry.task}), **entry.options}
            for entry in member.entries
        },
    }


def _step(where: str, said: object, members: list[Member]) -> object:
    """Return a step, or a list of them, as recipes write it."""
    if isinstance(said, list | tuple):
        return [_step(where, each, members) for each in said]
    return said if isinstance(said, str) else _address(f"{where} has a step", said, members)


def _first_line(cls: type) -> str:
    lines = (cls.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def _source(cls: type, said: Mapping[str, Any] | None) -> Values:
    if said is None:
        folder, module = place_of(cls)
        return {"path": folder, "module": module}
    if "module" in said or "command" in said:
        return dict(said)
    if "code" in said:
        return {"module": f"{snake(cls.__name__)}:{cls.__name__}", **said}
    return {**said, "module": place_of(cls)[1]}


def _edges(members: list[Member]) -> Iterator[tuple[str, Edge]]:
    for member in members:
        for entry in member.entries:
            for edge in entry.edges:
                yield f"{member.name}.{entry.name}", edge


def _plug(source: str, edge: Edge, members: list[Member]) -> Values:
    target = (
        edge.target
        if isinstance(edge.target, str)
        else _address(f"{source} has a plug", edge.target, members)
    )
    return {"from": source, "to": target, **edge.options}


def _address(complaint: str, target: object, members: list[Member]) -> str:
    """Return the socket that has the function which a plug or a step names.

    Raises:
        InvalidInput: none has it, or several.
    """
    function = getattr(target, "__func__", target)
    found = [
        f"{member.name}.{entry.name}"
        for member in members
        for entry in member.entries
        if entry.function is function
    ]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} sockets of the network" if found else "no socket of the network"
    shown = getattr(function, "__qualname__", repr(function))
    raise InvalidInput(
        f"{complaint} to {shown}, which is {what}",
        remedy='write the target as "processor.socket"',
    )


def _title(cls: type) -> str:
    return cls.__qualname__
