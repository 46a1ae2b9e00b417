"""`logs`: daemons, workers and what functions printed, merged by time."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flowctl.cli.completion import complete_processor
from flowctl.cli.flags import Flags, Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_line, say, show_document
from flowctl.cli.session import session_of
from flowctl.cli.words import Since, moment
from flowctl.services import logs as service
from flowctl.views.table import VERSION, builtin
from flowctl.views.text import clock_time, printable

app = command_app()


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
    """Show the logs of this machine, oldest first."""
    session = session_of(ctx)
    with session.control() as control:
        wanted = service.Filter(
            names=tuple(name.rpartition("/")[2] for name in names or []),
            since=moment(since, control.clock.now()),
            grep=grep,
        )
        found = service.read(control, wanted, limit)
        _tell(session.flags, found, follow=follow)
        if not found and not follow:
            say(session.flags, "no lines")
        if follow:
            for batch in service.follow(control, wanted):
                _tell(session.flags, batch, follow=True)


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
