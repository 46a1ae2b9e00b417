"""`ls` and `show`: every kind as a table, every object in full."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, say, show_document, show_sheet, show_table
from flowctl.cli.session import Session, session_of
from flowctl.cli.watch import watch
from flowctl.cli.words import Since, Targets, Watch, moment
from flowctl.errors import InvalidInput
from flowctl.model.states import CallStatus
from flowctl.model.work import CallFilter
from flowctl.services import networks, pages
from flowctl.services.control import Control
from flowctl.views import flow as flow_views
from flowctl.views.kinds import address, nearest

ls_app = command_app()
show_app = command_app()
get_app = command_app()

Page = Annotated[int, typer.Option("-p", "--page", min=1, help="calls: which page.")]
Rows = Annotated[int, typer.Option("-r", "--rows", min=1, max=10_000, help="calls: rows a page.")]
Unfinished = Annotated[bool, typer.Option("-u", "--unfinished", help="calls: those still open.")]
Ascending = Annotated[bool, typer.Option("-a", "--ascending", help="calls: oldest first.")]
Status = Annotated[list[str] | None, typer.Option("--status", help="calls: only in this status.")]
Run = Annotated[str, typer.Option("-t", "--run", help="calls: those of one run.")]
Socket = Annotated[str, typer.Option("-s", "--socket", help="calls: those of one socket.")]
Processor = Annotated[str, typer.Option("--processor", help="Only what belongs to a processor.")]
All = Annotated[bool, typer.Option("--all", help="queues: those of the trash as well.")]
Agent = Annotated[str, typer.Option("--agent", help="Only what is on an agent.")]


@ls_app.command(name="ls")
def ls(
    ctx: typer.Context,
    what: Targets,
    page: Page = 1,
    rows: Rows = 10,
    unfinished: Unfinished = False,
    ascending: Ascending = False,
    status: Status = None,
    run: Run = "",
    socket: Socket = "",
    processor: Processor = "",
    agent: Agent = "",
    since: Since = "",
    everything: All = False,
    follow: Watch = False,
) -> None:
    """List objects of a kind; `ls network NAME` draws a network as a tree."""
    session = session_of(ctx)
    targets = address(what)
    with session.control() as control:
        wanted = CallFilter(
            status=_statuses(status or [], unfinished=unfinished),
            run_id=run,
            socket=socket,
            processor=processor,
            since=moment(since, control.clock.now()),
            ascending=ascending,
        )
        selection = pages.Selection(
            processor=processor,
            agent=agent,
            trash=everything,
            calls=wanted,
            page=page,
            rows=rows,
        )
        for kind, name in targets:
            if name:
                _show_one(session, control, kind, name)
            elif follow:
                watch(control, partial(pages.page, control, kind, selection), session.flags)
            else:
                show_table(pages.page(control, kind, selection), session.flags)


def _statuses(words: list[str], *, unfinished: bool) -> tuple[CallStatus, ...]:
    if unfinished:
        return (CallStatus.RECEIVED, CallStatus.RUNNING, CallStatus.RETRYING, CallStatus.WAITING)
    known = {status.value: status for status in CallStatus}
    for word in words:
        if word not in known:
            near = nearest(word, known)
            hint = f' (did you mean "{near}"?)' if near else ""
            raise InvalidInput(
                f'a call is never "{word}"{hint}', remedy="one of " + ", ".join(known)
            )
    return tuple(known[word] for word in words)


def _show_one(session: Session, control: Control, kind: str, name: str) -> None:
    if kind == "network":
        _tree(session, control, name)
    else:
        show_sheet(pages.sheet(control, kind, name), session.flags)


def _tree(session: Session, control: Control, name: str) -> None:
    whole = networks.topology(control, name)
    if session.flags.output in (Output.TABLE, Output.WIDE):
        emit(flow_views.tree(whole, networks.hosts(control, name)))
    else:
        show_document(
            {"version": 1, "kind": "network", **flow_views.document_of(whole)}, session.flags
        )


@show_app.command(name="show")
def show(ctx: typer.Context, what: Targets) -> None:
    """Show everything about one or more objects."""
    session = session_of(ctx)
    targets = address(what)
    for kind, name in targets:
        if not name:
            raise InvalidInput(
                f"which {kind}?", remedy=f"flowctl ls {kind}, or flowctl show {kind} NAME"
            )
    with session.control() as control:
        for index, (kind, name) in enumerate(targets):
            if index and session.flags.output is Output.TABLE:
                emit("\n")
            show_sheet(pages.sheet(control, kind, name), session.flags)


@get_app.command(name="get")
def get(ctx: typer.Context, what: Targets, follow: Watch = False) -> None:
    """List a kind, or show the objects that are named."""
    session = session_of(ctx)
    with session.control() as control:
        for kind, name in address(what):
            if name:
                show_sheet(pages.sheet(control, kind, name), session.flags)
            elif follow:
                watch(control, partial(pages.page, control, kind), session.flags)
            else:
                show_table(pages.page(control, kind), session.flags)
    if not what:
        say(session.flags, "nothing asked")
