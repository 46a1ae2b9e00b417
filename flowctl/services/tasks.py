"""Functions behind sockets: which there are, what they say, and other code in their place."""

from __future__ import annotations

from pathlib import Path

from flowctl.errors import InvalidInput, NotFound
from flowctl.model.flow import Task
from flowctl.recipe.functions import Function, SyntaxProblem, functions
from flowctl.recipe.tasks import text_of
from flowctl.services import processors, sockets
from flowctl.services.control import Control
from flowctl.services.recipes import source_text


def listed(control: Control, place: str) -> list[Function]:
    """Return the functions that a socket may run, from the source of a processor or of a socket's.

    Raises:
        NotFound: there is no such processor, or its source is not at hand here.
        InvalidInput: it is not Python.
    """
    name = place.removeprefix("processor/")
    try:
        found = processors.find(control, name)
    except NotFound:
        socket = sockets.find(control, place.removeprefix("socket/"))
        found = processors.find(control, f"{socket.network}/{socket.processor}")
    text = text_of(found.spec.source, source_text)
    if text is None:
        raise NotFound(
            "source of processor",
            found.name,
            remedy="flowctl ls tasks shows what workers have seen",
        )
    return _read(text[0], found.spec.source.module.partition(":")[2], text[1] or found.name)


def in_file(place: str) -> list[Function]:
    """Return the functions of a Python file, or of a class in it: `FILE.py:Class`.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not Python.
    """
    file, _, cls = place.partition(":")
    text = source_text(str(Path(file).absolute()))
    if text is None:
        raise NotFound("file", file)
    return _read(text, cls, file)


def _read(text: str, cls: str, where: str) -> list[Function]:
    try:
        module = functions(text, cls)
    except SyntaxProblem as error:
        raise _not_python(error, where) from error
    return [each for each in module.functions if not each.name.startswith("_")]


def _not_python(error: SyntaxProblem, where: str) -> InvalidInput:
    line = f" line {error.line}" if error.line else ""
    return InvalidInput(f"{where}{line}: {error.reason}")


def code(control: Control, name: str) -> str:
    """Return the text of a function as it runs now: the other code, where somebody gave it some.

    Raises:
        NotFound: no worker has seen it, or its text cannot be had.
    """
    task, _ = sockets.task(control, name)
    if not (task.code or task.source):
        raise NotFound("code of task", name, remedy="its module does not show it")
    return task.code or task.source


def checked(text: str, name: str) -> str:
    """Return other code for the function `name`, if it is some.

    Raises:
        InvalidInput: it is not Python, and in which line; or it has no such function.
    """
    try:
        module = functions(text)
        compile(text, "<code>", "exec", dont_inherit=True)
    except SyntaxProblem as error:
        raise _not_python(error, "the code") from error
    except SyntaxError as error:
        raise _not_python(SyntaxProblem(error.msg, error.lineno or 0), "the code") from error
    if not module.may_have(name):
        there = ", ".join(each.name for each in module.functions) or "none"
        raise InvalidInput(f'the code has no function "{name}"; its functions: {there}')
    return text


def override(control: Control, name: str, text: str) -> Task:
    """Put other code in the place of a function; empty text gives it its own back.

    Raises:
        InvalidInput: it is not Python, or has no such function.
        NotFound: no worker has seen the function.
    """
    if text:
        checked(text, sockets.task(control, name)[0].name)
    return sockets.override(control, name, text)
