"""`ui`: the cockpit. The only command that needs a terminal, and the only one that loads Textual."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from flowctl.cli.lazy import command_app
from flowctl.cli.session import session_of
from flowctl.errors import InvalidInput

app = command_app()


@app.command(name="ui")
def ui(
    ctx: typer.Context,
    command: Annotated[
        str, typer.Option("-c", "--command", help='Where to begin, such as ":queues /orders".')
    ] = "",
    readonly: Annotated[bool, typer.Option("--readonly", help="Change nothing.")] = False,
    theme: Annotated[
        str,
        typer.Option(
            "--theme",
            envvar="FLOWCTL_THEME",
            help="dark, light, contrast, colorblind, ansi or mono.",
        ),
    ] = "",
    keymap: Annotated[
        str, typer.Option("--keymap", help="default, k9s, vim or plain; keymap.toml says more.")
    ] = "",
    ascii_: Annotated[
        bool, typer.Option("--ascii", envvar="FLOWCTL_ASCII", help="Nothing beyond ASCII.")
    ] = False,
    mouse: Annotated[
        bool, typer.Option("--mouse/--no-mouse", help="Whether clicks and the wheel are taken.")
    ] = True,
) -> None:
    """Open the cockpit: every flow, host, queue and log on one screen, and keys to change them."""
    session = session_of(ctx)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise InvalidInput("the cockpit needs a terminal", remedy="flowctl status, flowctl ls")
    if os.environ.get("TERM") == "dumb":
        raise InvalidInput("this terminal cannot show a cockpit", remedy="flowctl status")
    with session.control():
        # Makes or checks the database, so that its complaints are read before the screen is taken.
        pass
    from flowctl.cli.app import COMMANDS
    from flowctl.tui.app import Cockpit, Wishes

    shell = {name: place.help for name, place in COMMANDS.items() if name not in ("ui", "run")}
    encoding = (sys.stdout.encoding or "").lower()
    wishes = Wishes(
        command=command,
        readonly=readonly,
        theme=theme,
        keymap=keymap,
        ascii=ascii_ or "utf" not in encoding,
        shell=shell,
    )
    Cockpit(session.settings, wishes).run(mouse=mouse)
