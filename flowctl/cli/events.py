"""`events` and `listen`: what happened, and what happens."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from flowctl.cli.completion import complete_processor
from flowctl.cli.flags import Flags, Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_line, show_table
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Since, moment
from flowctl.model.lives import Mark, parse_mark
from flowctl.services import events as service
from flowctl.services import stream
from flowctl.services.control import Control
from flowctl.services.stream import Wanted
from flowctl.views.kinds import address
from flowctl.views.stream import line
from flowctl.views.table import Document
from flowctl.views.traffic import events as events_view

events_app = command_app()
listen_app = command_app()

_MARK = re.compile(r"\d+\.\d+\.\d+")

From = Annotated[
    str, typer.Option("--since", help="Go on after this id, or begin so far back, such as 10m.")
]


@events_app.command(name="events")
def events(
    ctx: typer.Context,
    what: Annotated[list[str] | None, typer.Argument(metavar="[KIND [NAME]]")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    since: Since = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")
    ] = 50,
) -> None:
    """Show what happened, oldest first; with -f also how calls go, in the words of `listen`."""
    session = session_of(ctx)
    kind, name = address(what)[0] if what else ("", "")
    with session.control() as control:
        if follow:
            _listen(session, control, Wanted(kind=kind, name=name), since, limit=limit)
            return
        which = service.Which(kind=kind, object=name, since=moment(since, control.clock.now()))
        found = service.newest(control, which, limit)
        show_table(events_view(found, control.clock.now()), session.flags)


@listen_app.command(name="listen")
def listen(
    ctx: typer.Context,
    channels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CHANNEL]...",
            help="PROCESSOR, PROCESSOR.task, .log, .data or .state; task, log, data or state of all.",
            autocompletion=complete_processor,
        ),
    ] = None,
    since: From = "",
    processor: Annotated[
        str,
        typer.Option("--processor", help="Only of one.", autocompletion=complete_processor),
    ] = "",
    run: Annotated[str, typer.Option("-t", "--run", help="Only of one run.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only about one kind, such as call.")] = "",
) -> None:
    """Follow everything that happens, on every host: a line each, or JSON where it is piped."""
    session = session_of(ctx)
    wanted = Wanted(channels=tuple(channels or ()), processor=processor, run=run, kind=kind)
    with session.control() as control:
        _listen(session, control, wanted, since, limit=0)


def _listen(session: Session, control: Control, wanted: Wanted, since: str, *, limit: int) -> None:
    if since or not limit:
        after = _begin(control, since)
    else:
        found, after = stream.newest(control, wanted, limit)
        _tell(session.flags, (document for _, document in found))
    for documents in stream.follow(control, after, wanted):
        _tell(session.flags, documents)


def _begin(control: Control, since: str) -> Mark:
    if _MARK.fullmatch(since):
        return parse_mark(since)
    return stream.begin(control, moment(since, control.clock.now()))


def _tell(flags: Flags, documents: Iterable[Document]) -> None:
    plain = flags.output in (Output.TABLE, Output.WIDE) and sys.stdout.isatty()
    text = "".join(line(each) if plain else json_line(each) for each in documents)
    if text:
        emit(text)
        sys.stdout.flush()
