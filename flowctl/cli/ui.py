"""`ui`: the cockpit. The only command that needs a terminal, and the only one that loads Textual."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Annotated

import typer

from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, say
from flowctl.cli.session import Session, session_of
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
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser on this machine instead.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="For --serve; 0 is any that is free.")] = 0,
) -> None:
    """Open the cockpit: every flow, host, queue and log on one screen, and keys to change them."""
    session = session_of(ctx)
    if serve:
        flags = [("-c", command), ("--theme", theme), ("--keymap", keymap)]
        words = [word for flag, value in flags if value for word in (flag, value)]
        _serve(session, [*words, *(["--readonly"] if readonly else [])], port)
        return
    if "TEXTUAL_DRIVER" not in os.environ:  # else a browser stands in the place of a terminal
        _refuse_without_terminal()
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


def _refuse_without_terminal() -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise InvalidInput("the cockpit needs a terminal", remedy="flowctl status, flowctl ls")
    if os.environ.get("TERM") == "dumb":
        raise InvalidInput("this terminal cannot show a cockpit", remedy="flowctl status")


def _serve(session: Session, words: list[str], port: int) -> None:
    try:
        from flowctl.tui.web import serve
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"a browser needs the extra `web` ({error.name} is missing)",
            remedy="pip install 'flowctl[web]'",
        ) from error
    line = shlex.join([sys.executable, "-m", "flowctl", "ui", *words])
    environment = {
        **session.settings.environment(),
        "PYTHONIOENCODING": "utf-8",
        "TERM": "xterm-256color",
    }

    def told(link: str) -> None:
        emit(f"{link}\n")
        say(session.flags, "It is good for one browser on this machine. Ctrl-C ends it.")

    try:
        serve(line, environment, port, told)
    except OSError as error:
        raise InvalidInput(f"port {port}: {error.strerror}", remedy="--port 0") from error
