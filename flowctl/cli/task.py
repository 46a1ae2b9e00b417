"""`task`: the functions behind sockets, their code, and other code in its place."""

from __future__ import annotations

from typing import Annotated

import typer

from flowctl.cli.editor import edited
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, show_done, show_table
from flowctl.cli.session import read_stdin, session_of
from flowctl.clock import SystemClock
from flowctl.errors import InvalidInput
from flowctl.services import pages, tasks
from flowctl.views.functions import functions as view

app = command_app(group=True)

Name = Annotated[str, typer.Argument(metavar="PROCESSOR.FUNCTION")]
Reset = Annotated[bool, typer.Option("--reset", help="Give it its own code back.")]


@app.command(name="ls")
def ls(ctx: typer.Context) -> None:
    """List the functions that workers have seen behind sockets."""
    session = session_of(ctx)
    with session.control() as control:
        show_table(
            pages.page(control, "task", pages.Selection(network=control.settings.network)),
            session.flags,
        )


@app.command(name="functions")
def functions(
    ctx: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE.py|PROCESSOR|SOCKET")],
) -> None:
    """List the functions of a module with their parameters, without importing it."""
    session = session_of(ctx)
    if place.partition(":")[0].endswith(".py"):
        show_table(view(tasks.in_file(place), SystemClock().now()), session.flags)
        return
    with session.control() as control:
        show_table(view(tasks.listed(control, place), control.clock.now()), session.flags)


@app.command(name="code")
def code(
    ctx: typer.Context,
    name: Name,
    given: Annotated[
        str, typer.Option("--set", metavar="FILE|-", help="Put this code in its place.")
    ] = "",
    reset: Reset = False,
) -> None:
    """Print the code of a function as it runs now, or put other code in its place."""
    session = session_of(ctx)
    if given and reset:
        raise InvalidInput("give --set or --reset, not both")
    text = _read(given) if given else ""
    with session.control() as control:
        if not (given or reset):
            emit(tasks.code(control, name).rstrip("\n") + "\n")
            return
        found = tasks.override(control, name, text)
    said = "has its own code again" if reset else "has other code"
    show_done(session.flags, "task", found.name, f"task {found.name} {said}", {})


@app.command(name="edit")
def edit(ctx: typer.Context, name: Name) -> None:
    """Change the code of a function in $EDITOR; its source stays as it is."""
    session = session_of(ctx)
    with session.control() as control:
        text = edited(tasks.code(control, name), ".py")
        found = tasks.override(control, name, text)
    show_done(session.flags, "task", found.name, f"task {found.name} has other code", {})


def _read(place: str) -> str:
    try:
        if place == "-":
            return read_stdin().decode()
        with open(place, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    except OSError as error:
        raise InvalidInput(f"cannot read {place}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{place} is not UTF-8 text") from error
    if not text.strip():
        raise InvalidInput(f"{place} is empty", remedy="--reset takes other code away")
    return text
