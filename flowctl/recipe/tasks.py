"""Whether sockets and plugs name functions and arguments that the code has, where it is at hand."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence

from flowctl.model.flow import NetworkSpec, PlugSpec, ProcessorSpec, Source, SourceKind
from flowctl.model.nodes import ProcessorType
from flowctl.recipe.functions import (
    OFFERED,
    Function,
    Module,
    SyntaxProblem,
    classes,
    functions,
    has_class,
)
from flowctl.recipe.notes import Notes

Read = Callable[[str], str | None]
"""Gives the text of a file, or None where there is none."""


def check_tasks(
    spec: NetworkSpec, placed: Sequence[tuple[str, PlugSpec]], notes: Notes, read: Read | None
) -> None:
    """Complain about functions and arguments that are not in the code."""
    known: dict[str, Function] = {}
    for processor in spec.processors:
        if module := _module(processor, notes, read):
            known.update(_check_processor(processor, module, notes))
    for path, plug in placed:
        if plug.argument and plug.target in known:
            _check_argument(path, plug, known[plug.target], notes)


def text_of(source: Source, read: Read | None) -> tuple[str, str] | None:
    """Return the text of a source's module and where it stands, where it is at hand."""
    if source.kind is SourceKind.CODE:
        return source.code, ""
    if not (read and source.kind is SourceKind.PATH and source.path and source.module):
        return None
    for file in module_files(source):
        if (text := read(file)) is not None:
            return text, file
    return None


def module_files(source: Source) -> tuple[str, str]:
    """Return the two files in which the module of a `path` source may be."""
    dotted = source.module.partition(":")[0].replace(".", "/")
    base = posixpath.join(source.path, dotted)
    return f"{base}.py", f"{base}/__init__.py"


def _module(processor: ProcessorSpec, notes: Notes, read: Read | None) -> Module | None:
    path = f"processors.{processor.name}.source.{processor.source.kind}"
    if not (found := text_of(processor.source, read)):
        return None
    text, file = found
    cls = processor.source.module.partition(":")[2]
    try:
        if cls and not has_class(text, cls):
            hint = notes.hint(cls, classes(text))
            notes.add(path, f'there is no class "{cls}" in the module', hint)
            return None
        return functions(text, cls)
    except SyntaxProblem as error:
        where = f"{file} line {error.line}" if file else f"line {error.line} of the code"
        notes.add(path, f"not Python: {error.reason} ({where})")
        return None


def _check_processor(
    processor: ProcessorSpec, module: Module, notes: Notes
) -> Mapping[str, Function]:
    """Complain about unknown functions; return those of the sockets."""
    found = {}
    for socket in processor.sockets:
        path = f"processors.{processor.name}.sockets.{socket.name}"
        places = [("task", socket.task)] if socket.task else []
        for key, name in [*places, *((f"routes.{r}", f) for r, f in socket.routes.items())]:
            function = module.find(name)
            if function:
                found[f"{processor.name}.{socket.name}"] = function
            elif not module.may_have(name):
                what = "object" if processor.type is ProcessorType.DATA else "function"
                known = [each.name for each in module.functions]
                hint = notes.hint(name, sorted(module.others) if what == "object" else known)
                notes.add(f"{path}.{key}", f'there is no {what} "{name}" in the code', hint)
    return found


def _check_argument(path: str, plug: PlugSpec, function: Function, notes: Notes) -> None:
    inner = f"{path}.argument"
    if plug.argument in OFFERED:
        notes.add(inner, f'"{plug.argument}" is given by flowctl itself', "rename the parameter")
    elif not function.takes(plug.argument):
        message = f'{function.name} has no argument "{plug.argument}"'
        notes.add(inner, message, notes.hint(plug.argument, function.names()))
