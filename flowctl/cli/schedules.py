"""`schedule`: when sockets are called by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from flowctl.cli.completion import complete_socket
from flowctl.cli.flags import Flags
from flowctl.cli.lazy import command_app
from flowctl.cli.output import show_done, show_table
from flowctl.cli.session import session_of
from flowctl.cli.words import seconds
from flowctl.errors import InvalidInput
from flowctl.model.flow import Catchup, Schedule
from flowctl.services import schedules
from flowctl.views.schedules import schedules as table

app = command_app(group=True)

Name = Annotated[str, typer.Argument(metavar="SOCKET", autocompletion=complete_socket)]


@app.command(name="ls")
def ls(ctx: typer.Context) -> None:
    """List the sockets that are called by themselves, and when that is next."""
    session = session_of(ctx)
    with session.control() as control:
        show_table(table(schedules.listed(control), control.clock.now()), session.flags)


@app.command(name="set")
def set_(
    ctx: typer.Context,
    socket: Name,
    cron: Annotated[str, typer.Argument(metavar="[CRON]", help='Such as "*/5 * * * *".')] = "",
    every: Annotated[str, typer.Option("-i", "--every", help="Again and again, so long.")] = "",
    at: Annotated[
        str, typer.Option("--at", help="Once, at a moment such as 2027-01-31T06:00Z.")
    ] = "",
    payload: Annotated[str, typer.Option("--payload", help="The JSON that is sent.")] = "",
    zone: Annotated[str, typer.Option("--timezone", help="The zone that cron means.")] = "",
    catchup: Annotated[
        Catchup | None, typer.Option("--catchup", help="What happens to times that were missed.")
    ] = None,
) -> None:
    """Call a socket by itself; what is not said stays as it is."""
    session = session_of(ctx)
    if len([word for word in (cron, every, at) if word]) > 1:
        raise InvalidInput("give one of CRON, --every and --at")
    times = Schedule(cron=cron, every=seconds(every), at=at) if cron or every or at else None
    with session.control() as control:
        row = schedules.put(control, socket, times, payload=payload, timezone=zone, catchup=catchup)
        due = f"; next {row.next:%Y-%m-%d %H:%M:%S} UTC" if row.next else ""
        _told(session.flags, row.name, f"socket {row.name} is called by itself{due}")


@app.command(name="rm")
def rm(ctx: typer.Context, socket: Name) -> None:
    """Call a socket no more but when it is sent to."""
    session = session_of(ctx)
    with session.control() as control:
        name = schedules.take(control, socket)
        _told(session.flags, name, f"socket {name} is not called by itself any more")


@app.command(name="pause")
def pause(ctx: typer.Context, socket: Name) -> None:
    """Hold a schedule: nothing is fired until it is resumed, and nothing is made up for then."""
    session = session_of(ctx)
    with session.control() as control:
        name = schedules.pause(control, socket)
        _told(session.flags, name, f"the schedule of {name} is paused")


@app.command(name="resume")
def resume(ctx: typer.Context, socket: Name) -> None:
    """Let a schedule that is paused go on from now."""
    session = session_of(ctx)
    with session.control() as control:
        name = schedules.pause(control, socket, paused=False)
        _told(session.flags, name, f"the schedule of {name} goes on")


@app.command(name="fire")
def fire(ctx: typer.Context, socket: Name) -> None:
    """Call a socket now with what its schedule sends, whether or not it is due."""
    session = session_of(ctx)
    with session.control() as control:
        call = schedules.fire(control, socket)
        _told(session.flags, socket, f"{socket} is called: {call}")


def _told(flags: Flags, name: str, sentence: str) -> None:
    show_done(flags, "schedule", name, sentence, {})
