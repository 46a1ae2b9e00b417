"""`status`, `why` and `doctor`: how it is, why, and what to do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from flowctl.cli import exits
from flowctl.cli.completion import complete_processor
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, grid, show_document, show_table
from flowctl.cli.session import PATIENCE, Session, session_of
from flowctl.services import doctor, health
from flowctl.services.control import open_control
from flowctl.services.why import why as find_why
from flowctl.views import fleet as fleet_views
from flowctl.views import flow as flow_views
from flowctl.views.health import findings, reasons
from flowctl.views.table import VERSION, builtin
from flowctl.views.text import plural

status_app = command_app()
why_app = command_app()
doctor_app = command_app()


@status_app.command(name="status")
def status(ctx: typer.Context) -> None:
    """Show how everything is, on one page; leave with 8 when something is wrong."""
    session = session_of(ctx)
    with session.control() as control:
        found = health.overview(control)
        if session.flags.output in (Output.TABLE, Output.WIDE):
            emit(_page(session, found, control.clock.now()))
        else:
            document = {"version": VERSION, "kind": "status", "healthy": not found.problems}
            show_document({**document, **builtin(found)}, session.flags)
    if found.problems:
        raise typer.Exit(exits.UNHEALTHY)


def _page(session: Session, found: health.Overview, now: datetime) -> str:
    leader = (
        f"{found.leader.holder} leads, term {found.leader.term}" if found.leader else "nobody leads"
    )
    lines = [
        f"scheduler  {leader}",
        f"agents     {_agents(found)}",
        f"workers    {found.workers:,}",
        f"queues     {_count(found.ready)} waiting, {_dead(found.dead)}",
        f"calls      {found.failed:,} failed on record",
    ]
    parts = ["\n".join(lines) + "\n"]
    parts.append(grid(fleet_views.agents(found.agents, now), session.flags))
    parts.append(grid(flow_views.processors(found.processors, now), session.flags))
    parts.append("".join(f"! {problem}\n" for problem in found.problems) or "all is as wanted\n")
    return "\n".join(part for part in parts if part)


def _agents(found: health.Overview) -> str:
    running = sum(agent.status == "running" for agent in found.agents)
    cpus = sum(agent.cpus for agent in found.agents if agent.status == "running")
    used = sum(item.deployed_cpus for item in found.processors)
    return f"{running} of {len(found.agents)} running, {used} of {plural(cpus, 'cpu')} deployed"


def _dead(number: int | None) -> str:
    return "? dead letters" if number is None else plural(number, "dead letter")


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


@why_app.command(name="why")
def why(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PROCESSOR", autocompletion=complete_processor)],
) -> None:
    """Say why a processor is as it is, the likeliest cause first."""
    session = session_of(ctx)
    with session.control() as control:
        found, causes = find_why(control, name.removeprefix("processor/").removeprefix("proc/"))
        if session.flags.output in (Output.TABLE, Output.WIDE):
            emit(f"{found.name} is {found.status}\n")
            for cause in causes:
                remedy = f"\n    try: {cause.remedy}" if cause.remedy else ""
                emit(f"  - {_indented(cause.what)}{remedy}\n")
        else:
            show_table(reasons(causes, control.clock.now()), session.flags)


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


@doctor_app.command(name="doctor")
def examine(ctx: typer.Context) -> None:
    """Check this installation; leave with 8 when something fails."""
    session = session_of(ctx)
    if session.settings.state.startswith("sqlite:"):
        session.settings.paths.make()
    with open_control(session.settings, name="flowctl doctor", patience=PATIENCE) as control:
        found = doctor.examine(control)
        show_table(findings(found, control.clock.now()), session.flags)
    if any(item.grade == "fail" for item in found):
        raise typer.Exit(exits.UNHEALTHY)
