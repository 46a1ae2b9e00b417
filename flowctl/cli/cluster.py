"""`up` and `down`: everything on this machine, without a service manager."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import Annotated

import typer

from flowctl.cli import exits
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import say, show_document
from flowctl.cli.session import Session, session_of
from flowctl.errors import Refused
from flowctl.services import crew, fleet
from flowctl.services.control import Control
from flowctl.views.table import VERSION, builtin
from flowctl.views.text import plural

up_app = command_app()
down_app = command_app()


@up_app.command(name="up")
def up(
    ctx: typer.Context,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return when ready.")] = False,
    agents: Annotated[
        int, typer.Option("--agents", min=1, max=100, help="How many agents, named a1, a2 ...")
    ] = 1,
    cpus: Annotated[
        int, typer.Option("--cpus", min=0, help="Cpus each offers; 0: all, at least 8.")
    ] = 0,
) -> None:
    """Start a scheduler and an agent on this machine; Ctrl-C stops them.

    Where some of them are gone, `up -d` starts those again.
    """
    session = session_of(ctx)
    settings = session.settings
    names = tuple(f"a{number + 1}" for number in range(agents)) if agents > 1 else (settings.agent,)
    with session.control(migrate=True) as control:
        order = crew.Order(agents=names, cpus=cpus or crew.offered())
        fleet.recall_agents(control, names)
        members = crew.start(settings, order, detached=detach)
        try:
            crew.await_ready(control, members)
            _tell_ready(session, crew.alive(settings.paths))
            if not detach:
                _stay(members)
        except BaseException:
            _stop(session, control, members)
            raise
        if not detach:
            _stop(session, control, members)


def _tell_ready(session: Session, members: list[crew.Member]) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE, Output.NAME):
        agents = [member.name for member in members if member.program == "agentd"]
        say(
            session.flags,
            f"ready: a scheduler and {plural(len(agents), 'agent')} ({', '.join(agents)})",
        )
        say(session.flags, f"logs: {session.settings.paths.logs}")
        say(session.flags, "next: flowctl apply RECIPE, flowctl status")
    else:
        document = {"version": VERSION, "kind": "up", "members": builtin(members)}
        show_document(document, session.flags)
        sys.stdout.flush()


def _stay(members: list[crew.Member]) -> None:
    """Wait for Ctrl-C or SIGTERM, or until a member ends by itself."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    while not asked.wait(0.5):
        for member in members:
            crew.reap(member)
            if not crew.is_alive(member):
                raise Refused(
                    f"{member.program} {member.name} ended: {crew.last_words(member)}",
                    remedy=f"read {member.log}",
                )


def _stop(session: Session, control: Control, members: list[crew.Member]) -> None:
    say(session.flags, "stopping; running calls are finished first (30 s at most)")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    killed = crew.stop(session.settings.paths, members, control.clock)
    for member in killed:
        say(session.flags, f"{member.program} {member.name} did not end and was killed")


@down_app.command(name="down")
def down(ctx: typer.Context) -> None:
    """Stop what `up` started in this home, and wait until it is gone."""
    from flowctl.clock import SystemClock

    session = session_of(ctx)
    paths = session.settings.paths
    members = crew.alive(paths)
    if not members:
        with contextlib.suppress(OSError):  # there may be no home at all
            crew.record_file(paths).unlink()
        say(session.flags, "nothing runs here")
        return
    killed = crew.stop(paths, members, SystemClock())
    names = ", ".join(member.name for member in members)
    say(session.flags, f"stopped {names}")
    if killed:
        say(session.flags, f"{', '.join(item.name for item in killed)} had to be killed")
        raise typer.Exit(exits.PARTIAL)
