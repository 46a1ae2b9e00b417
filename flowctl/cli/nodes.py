"""`gate` and `data`: open and close gates, send what data processors hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowctl.cli.completion import complete_processor
from flowctl.cli.lazy import command_app
from flowctl.cli.many import each
from flowctl.cli.output import emit as write
from flowctl.cli.output import show_done, show_sheet, show_table
from flowctl.cli.session import read_stdin, session_of
from flowctl.errors import InvalidInput
from flowctl.model.nodes import Inline, InlineKind
from flowctl.services import nodes
from flowctl.views import nodes as views

gate_app = command_app(group=True)
data_app = command_app(group=True)

Gates = Annotated[list[str], typer.Argument(metavar="GATE...", autocompletion=complete_processor)]
Data = Annotated[str, typer.Argument(metavar="PROCESSOR", autocompletion=complete_processor)]


@gate_app.command(name="ls")
def gate_ls(ctx: typer.Context) -> None:
    """List gates, and how much waits before each."""
    session = session_of(ctx)
    with session.control() as control:
        show_table(views.gates(nodes.gates(control), control.clock.now()), session.flags)


@gate_app.command(name="show")
def gate_show(
    ctx: typer.Context,
    gate: Annotated[str, typer.Argument(metavar="GATE", autocompletion=complete_processor)],
) -> None:
    """Show everything about a gate."""
    from flowctl.services.pages import sheet

    session = session_of(ctx)
    with session.control() as control:
        show_sheet(sheet(control, "processor", gate), session.flags)


@gate_app.command(name="open")
def gate_open(ctx: typer.Context, gate: Gates) -> None:
    """Let through what waits and what comes."""
    _set(ctx, gate, closed=False)


@gate_app.command(name="close")
def gate_close(ctx: typer.Context, gate: Gates) -> None:
    """Hold what comes on the queues before the gate, until it is opened."""
    _set(ctx, gate, closed=True)


def _set(ctx: typer.Context, gates: list[str], *, closed: bool) -> None:
    session = session_of(ctx)
    word = "closed" if closed else "open"
    with session.control() as control:

        def one(name: str) -> None:
            found = nodes.set_gate(control, name, closed=closed)
            show_done(
                session.flags, "gate", found.name, f"gate {found.name} is {word}", {"gate": word}
            )

        each(session.flags, gates, one)


@data_app.command(name="emit")
def emit(
    ctx: typer.Context,
    processor: Data,
    name: Annotated[str, typer.Argument(metavar="[OBJECT]", help="All, if left out.")] = "",
) -> None:
    """Send the objects of a data processor, as of now; print the ids of the calls."""
    session = session_of(ctx)
    with session.control() as control:
        write("".join(f"{call}\n" for call in nodes.emit(control, processor, name)))


@data_app.command(name="ls")
def data_ls(ctx: typer.Context, processor: Data) -> None:
    """List the objects of a data processor, and those of its module that have no socket."""
    session = session_of(ctx)
    with session.control() as control:
        found = nodes.objects(control, processor)
        show_table(views.objects(found, control.clock.now()), session.flags)


@data_app.command(name="add")
def add(
    ctx: typer.Context,
    processor: Data,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    json: Annotated[str, typer.Option("--json", help="A file of JSON, or - for stdin.")] = "",
    csv: Annotated[str, typer.Option("--csv", help="A file of CSV, or - for stdin.")] = "",
    url: Annotated[str, typer.Option("--url", help="The address that gives it.")] = "",
    task: Annotated[
        str, typer.Option("--object", help="The object of the module; NAME if left out.")
    ] = "",
) -> None:
    """Give a data processor another object to send."""
    session = session_of(ctx)
    given = [(kind, text) for kind, text in (("json", json), ("csv", csv), ("url", url)) if text]
    if len(given) > 1:
        raise InvalidInput("give one of --json, --csv and --url")
    inline = None
    for kind, text in given:
        inline = Inline(kind=InlineKind(kind), text=text if kind == "url" else _text(text))
    with session.control() as control:
        socket = nodes.add_object(control, processor, name, task=task, inline=inline)
        show_done(session.flags, "socket", socket, f"socket {socket} added", {})


def _text(place: str) -> str:
    try:
        return read_stdin().decode() if place == "-" else Path(place).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {place}: {error}") from error
