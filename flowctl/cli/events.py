"""`events`: what happened."""

from __future__ import annotations

import sys
import threading
from typing import Annotated

import typer

from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_line, show_table
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Since, moment
from flowctl.model.traffic import Event
from flowctl.services import events as service
from flowctl.services.control import Control
from flowctl.views.kinds import address
from flowctl.views.text import clock_time, printable
from flowctl.views.traffic import events as events_view

events_app = command_app()

_PAUSE = 0.5


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
    """Show what happened, oldest first."""
    session = session_of(ctx)
    kind, name = address(what)[0] if what else ("", "")
    with session.control() as control:
        which = service.Which(kind=kind, object=name, since=moment(since, control.clock.now()))
        found = service.newest(control, which, limit)
        if follow:
            _follow(session, control, which, found)
        else:
            show_table(events_view(found, control.clock.now()), session.flags)


def _follow(session: Session, control: Control, which: service.Which, found: list[Event]) -> None:
    last = found[-1].id if found else 0
    never = threading.Event()
    _tell(session, found)
    while True:
        fresh = service.after(control, which, last)
        if fresh:
            last = fresh[-1].id
            _tell(session, list(fresh))
        else:
            never.wait(_PAUSE)


def _tell(session: Session, found: list[Event]) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE, Output.NAME):
        emit("".join(_line(event) for event in found))
    else:
        emit("".join(json_line(event) for event in found))
    sys.stdout.flush()


def _line(event: Event) -> str:
    note = f"  {printable(event.note)}" if event.note else ""
    return f"{clock_time(event.at)}  {event.kind} {event.object}  {event.action}{note}\n"
