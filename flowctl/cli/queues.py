"""`queue`: look into queues without taking anything out, and change what waits there."""

from __future__ import annotations

from typing import Annotated

import typer

from flowctl.cli.completion import complete_queue
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, say, show_document, show_table
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Yes
from flowctl.errors import InvalidInput
from flowctl.services import queues
from flowctl.services import trash as bins
from flowctl.services.control import Control
from flowctl.views.bodies import pretty
from flowctl.views.flow import queues as queue_table
from flowctl.views.table import VERSION
from flowctl.views.text import plural
from flowctl.views.traffic import messages

app = command_app(group=True)

Queue = Annotated[
    str,
    typer.Argument(
        metavar="QUEUE",
        help="A queue, or the socket or plug it is of.",
        autocompletion=complete_queue,
    ),
]
Dead = Annotated[bool, typer.Option("--dead", help="The dead letters of the socket.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Message ids, or how they begin.")
]
ForGood = Annotated[
    bool, typer.Option("--for-good", help="Delete them at once; that cannot be undone.")
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Only the first so many; 0 means all.")]


@app.command(name="ls")
def ls(ctx: typer.Context) -> None:
    """List queues with what they hold."""
    from flowctl.services.pages import page

    session = session_of(ctx)
    with session.control() as control:
        show_table(page(control, "queue"), session.flags)


@app.command(name="peek")
def peek(
    ctx: typer.Context,
    queue: Queue,
    dead: Dead = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="Whole bodies, laid out.")] = False,
    offset: Annotated[int, typer.Option("--offset", min=0, help="How many to leave out.")] = 0,
) -> None:
    """Show what waits in a queue, oldest first; it stays there as it is."""
    session = session_of(ctx)
    with session.control() as control:
        name = queues.find(control, queue, dead=dead)
        found = queues.peek(control, name, limit=limit, offset=offset)
        if full and session.flags.output in (Output.TABLE, Output.WIDE):
            for each in found:
                emit(f"{each.id}  {each.content_type}\n{pretty(each.body, each.content_type)}\n\n")
            return
        show_table(messages(found, control.clock.now()), session.flags)


@app.command(name="purge")
def purge(
    ctx: typer.Context,
    queue: Queue,
    dead: Dead = False,
    yes: Yes = False,
    for_good: ForGood = False,
) -> None:
    """Move everything that waits in a queue to the trash; `flowctl undo` brings it back.

    A million messages take minutes on RabbitMQ, which moves them one by one; --for-good is instant.
    """
    session = session_of(ctx)
    with session.control() as control:
        name = queues.find(control, queue, dead=dead)
        held = sum(queues.waiting(control, [name]).values())
        what = "Delete for good" if for_good else "Move to the trash"
        session.confirm(f"{what} {plural(held, 'message')} of {name}?", yes=yes)
        _told(session, name, "removed", _purged(session, control, name, for_good))


def _purged(session: Session, control: Control, name: str, for_good: bool) -> int:
    def told(moved: int, total: int) -> None:
        say(session.flags, f"{moved:,} of {plural(total, 'message')}")

    return queues.purge(control, name, for_good=for_good, told=told)


@app.command(name="rm")
def rm(
    ctx: typer.Context,
    queue: Queue,
    ids: Ids = None,
    dead: Dead = False,
    for_good: ForGood = False,
) -> None:
    """Move single messages of a queue to the trash; the others keep their order."""
    if not ids:
        raise InvalidInput("which messages?", remedy="name their ids, or flowctl queue purge")
    session = session_of(ctx)
    with session.control() as control:
        name = queues.find(control, queue, dead=dead)
        _told(session, name, "removed", queues.remove(control, name, ids, for_good=for_good))


@app.command(name="trash")
def trash(
    ctx: typer.Context,
    empty: Annotated[bool, typer.Option("--empty", help="Delete all of it for good.")] = False,
    yes: Yes = False,
) -> None:
    """List what was purged and can still be brought back."""
    session = session_of(ctx)
    with session.control() as control:
        found = bins.listed(control)
        if not empty:
            show_table(queue_table(found, control.clock.now()), session.flags)
            return
        held = sum(row.ready or 0 for row in found)
        session.confirm(f"Delete {plural(held, 'message')} for good?", yes=yes)
        say(session.flags, f"{plural(bins.empty(control), 'queue')} of the trash deleted")


@app.command(name="retry")
def retry(ctx: typer.Context, queue: Queue, ids: Ids = None, limit: Limit = 0) -> None:
    """Send dead letters of a socket back to the queues they came from."""
    session = session_of(ctx)
    with session.control() as control:
        name = queues.find(control, queue, dead=True)
        moved = queues.retry(control, name, ids or [], limit=limit)
        for home, count in moved.items():
            say(session.flags, f"{plural(count, 'message')} back to {home}")
        _told(session, name, "sent back", sum(moved.values()))


@app.command(name="move")
def move(
    ctx: typer.Context,
    source: Queue,
    target: Annotated[str, typer.Argument(metavar="TARGET", autocompletion=complete_queue)],
    ids: Ids = None,
    limit: Limit = 0,
) -> None:
    """Move messages from one queue to another."""
    session = session_of(ctx)
    with session.control() as control:
        origin, goal = queues.find(control, source), queues.find(control, target)
        _told(session, origin, "moved", queues.move(control, origin, goal, ids or [], limit=limit))


def _told(session: Session, queue: str, done: str, count: int) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE):
        say(session.flags, f"{queue}: {plural(count, 'message')} {done}")
    else:
        document = {
            "version": VERSION,
            "kind": "queue",
            "name": queue,
            "done": done,
            "count": count,
        }
        show_document(document, session.flags)
