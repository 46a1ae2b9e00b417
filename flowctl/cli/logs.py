"""`logs`: daemons, workers and what functions printed, merged by time."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from flowctl.cli.completion import complete_processor
from flowctl.cli.flags import Flags, Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_line, say, show_document
from flowctl.cli.session import session_of
from flowctl.cli.words import Since, moment
from flowctl.services import hostlogs
from flowctl.services import logs as service
from flowctl.services.control import Control
from flowctl.views.table import VERSION, builtin
from flowctl.views.text import clock_time, plural, printable

app = command_app()
PATIENCE = 5.0
"""Seconds that agents of other hosts get to answer."""


@app.command(name="logs")
def logs(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="A processor, socket, worker, or schedulerd, agentd.",
            autocompletion=complete_processor,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    since: Since = "",
    grep: Annotated[
        str, typer.Option("--grep", help="Only lines that match this expression.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="The newest so many; 0 means all.")
    ] = 200,
) -> None:
    """Show the logs of all hosts, oldest first."""
    session = session_of(ctx)
    with session.control() as control:
        wanted = service.Filter(
            names=tuple(name.rpartition("/")[2] for name in names or []),
            since=moment(since, control.clock.now()),
            grep=grep,
        )
        service.matcher(wanted)
        hosts = hostlogs.ask(control, wanted)
        try:
            _show(session.flags, control, wanted, hosts, limit=limit, follow=follow)
        finally:
            hosts.end(control)


def _show(
    flags: Flags,
    control: Control,
    wanted: service.Filter,
    hosts: hostlogs.Hosts,
    *,
    limit: int,
    follow: bool,
) -> None:
    others, silent = hosts.gather(control, PATIENCE)
    for name in silent:
        say(flags, f"agent {name} said nothing in {PATIENCE:g} s")
    found = service.read(control, wanted, limit, others)
    _tell(flags, found, follow=follow)
    if not found and not follow:
        say(flags, "no lines")
    if follow:
        for batch in service.follow(control, wanted, partial(_others, control, hosts, flags)):
            _tell(flags, batch, follow=True)


def _others(control: Control, hosts: hostlogs.Hosts, flags: Flags) -> tuple[service.Line, ...]:
    """Return what other hosts told since the last time; say what they left out."""
    piece = hosts.take(control)
    if piece.dropped:
        say(flags, f"{plural(piece.dropped, 'line')} came too fast and are left out")
    return piece.lines


def _tell(flags: Flags, found: list[service.Line], *, follow: bool) -> None:
    if flags.output in (Output.JSON, Output.YAML) and not follow:
        show_document({"version": VERSION, "kind": "logs", "items": builtin(found)}, flags)
    elif flags.output in (Output.JSON, Output.YAML, Output.JSONL):
        emit("".join(json_line(line) for line in found))
    else:
        width = min(32, max((len(line.source) for line in found), default=0))
        emit("".join(_text(line, width) for line in found))
    sys.stdout.flush()


def _text(line: service.Line, width: int) -> str:
    level = "" if line.level in ("info", "print") else f"{line.level}: "
    return f"{clock_time(line.at)}  {line.source:<{width}}  {level}{printable(line.text)}\n"
