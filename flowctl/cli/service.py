"""`service`: the daemons under systemd."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, say, show_table
from flowctl.cli.session import session_of
from flowctl.cli.words import Yes
from flowctl.clock import SystemClock
from flowctl.services import units
from flowctl.views.health import units as units_view

app = command_app(group=True)

Programs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[agentd|schedulerd]...", help="Both where none is named."),
]
Root = Annotated[Path, typer.Option("--root", help="Write below this folder; nothing is started.")]


@app.command(name="install")
def install(
    ctx: typer.Context,
    programs: Programs = None,
    root: Root = Path("/"),
    enable: Annotated[
        bool, typer.Option("--enable/--no-enable", help="Start now and at boot.")
    ] = True,
    show: Annotated[bool, typer.Option("--print", help="Only print the units.")] = False,
    yes: Yes = False,
) -> None:
    """Write the units of the daemons, enable and start them."""
    session = session_of(ctx)
    wanted = programs or list(units.PROGRAMS)
    if show:
        emit("\n".join(units.text_of(program) for program in wanted))
        return
    names = ", ".join(units.unit_name(program) for program in wanted)
    if root == Path("/"):
        session.confirm(f"Install {names} on this machine?", yes=yes)
    for file in units.install(wanted, root=root, enable=enable):
        say(session.flags, f"wrote {file}")


@app.command(name="uninstall")
def uninstall(
    ctx: typer.Context, programs: Programs = None, root: Root = Path("/"), yes: Yes = False
) -> None:
    """Stop and disable the daemons and remove their units."""
    session = session_of(ctx)
    wanted = programs or list(units.PROGRAMS)
    if root == Path("/"):
        session.confirm(f"Remove the units of {', '.join(wanted)}?", yes=yes)
    for file in units.uninstall(wanted, root=root):
        say(session.flags, f"removed {file}")


@app.command(name="status")
def status(ctx: typer.Context) -> None:
    """Show how the units are."""
    session = session_of(ctx)
    show_table(units_view(units.status(), SystemClock().now()), session.flags)
