"""`agent`: what a person wants of agents."""

from __future__ import annotations

from typing import Annotated

import typer

from flowctl.cli.completion import complete_agent
from flowctl.cli.lazy import command_app
from flowctl.cli.many import each
from flowctl.cli.output import say, show_done
from flowctl.cli.session import session_of
from flowctl.cli.words import Yes
from flowctl.model.states import Desired
from flowctl.services import fleet
from flowctl.views.table import builtin

app = command_app(group=True)

Names = Annotated[list[str], typer.Argument(metavar="AGENT...", autocompletion=complete_agent)]


@app.command(name="drain")
def drain(ctx: typer.Context, names: Names) -> None:
    """Let agents keep what they have and take nothing new."""
    request_agents(ctx, names, Desired.PAUSED, "takes nothing new")


@app.command(name="resume")
def resume(ctx: typer.Context, names: Names) -> None:
    """Let agents take work again."""
    request_agents(ctx, names, Desired.RUNNING, "takes work again")


@app.command(name="stop")
def stop(ctx: typer.Context, names: Names) -> None:
    """End agents and their workers; what they serve moves elsewhere."""
    request_agents(ctx, names, Desired.STOPPED, "is asked to end")


@app.command(name="rm")
def rm(
    ctx: typer.Context,
    names: Names,
    yes: Yes = False,
    force: Annotated[bool, typer.Option("--force", help="Even if it still beats.")] = False,
) -> None:
    """Forget agents that are gone."""
    session = session_of(ctx)
    session.confirm(f"Forget {', '.join(names)}?", yes=yes)
    with session.control() as control:

        def one(name: str) -> None:
            fleet.remove_agent(control, name, force=force)
            say(session.flags, f"agent {name} forgotten")

        each(session.flags, [_bare(name) for name in names], one)


def request_agents(ctx: typer.Context, names: list[str], wanted: Desired, done: str) -> None:
    """Write what is wanted of agents, and tell it."""
    session = session_of(ctx)
    with session.control() as control:

        def one(name: str) -> None:
            found = fleet.request_agent(control, name, wanted)
            show_done(session.flags, "agent", name, f"agent {name} {done}", builtin(found))

        each(session.flags, [_bare(name) for name in names], one)


def _bare(word: str) -> str:
    return word.removeprefix("agent/").removeprefix("ag/")
