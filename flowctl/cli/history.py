"""`history`, `undo` and `redo`: what people changed, and how it is taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import say, show_document, show_sheet, show_table
from flowctl.cli.session import Session, session_of
from flowctl.model.journal import Entry
from flowctl.services import journal
from flowctl.services import undo as service
from flowctl.views.history import entry_sheet
from flowctl.views.history import history as history_view
from flowctl.views.table import VERSION, builtin

history_app = command_app()
undo_app = command_app()
redo_app = command_app()

Number = Annotated[
    int, typer.Argument(metavar="[ID]", min=0, help="A number of `flowctl history`.")
]
Force = Annotated[bool, typer.Option("--force", help="Leave waiting messages where they are.")]


@history_app.command(name="history")
def history(
    ctx: typer.Context,
    number: Number = 0,
    mine: Annotated[bool, typer.Option("--mine", help="Only what I changed.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 20,
) -> None:
    """Show what people changed, newest first: who, when, by which command, and what came of it."""
    session = session_of(ctx)
    with session.control() as control:
        now = control.clock.now()
        if number:
            show_sheet(entry_sheet(journal.find(control, number), now), session.flags)
            return
        who = control.author.who if mine and control.author else ""
        show_table(history_view(journal.history(control, who=who, limit=limit), now), session.flags)


@undo_app.command(name="undo")
def undo(ctx: typer.Context, number: Number = 0, force: Force = False) -> None:
    """Take back my latest command, or the change with a number; what came later stays."""
    session = session_of(ctx)
    with session.control() as control:
        _tell(session, service.undo(control, number, force=force), "undone")


@redo_app.command(name="redo")
def redo(ctx: typer.Context, number: Number = 0, force: Force = False) -> None:
    """Carry out again what was undone last, or the change with a number."""
    session = session_of(ctx)
    with session.control() as control:
        _tell(session, service.redo(control, number, force=force), "done again")


def _tell(session: Session, entries: list[Entry], done: str) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE, Output.NAME):
        for entry in entries:
            say(session.flags, f"{entry.id} {done}: {entry.action}, {entry.result}")
    else:
        document = {"version": VERSION, "kind": done, "items": builtin(entries)}
        show_document(document, session.flags)
