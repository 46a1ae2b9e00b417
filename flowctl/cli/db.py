"""`db`: the state database as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flowctl.cli.flags import Flags, Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import json_text, say, show_document
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Yes
from flowctl.services import database
from flowctl.services.control import Control, open_control
from flowctl.settings import redact
from flowctl.views.table import VERSION, builtin

app = command_app(group=True)


@contextmanager
def _as_it_is(session: Session) -> Iterator[Control]:
    """Open the control without asking whether the schema fits."""
    if session.settings.state.startswith("sqlite:"):
        session.settings.paths.make()
    with open_control(session.settings, name="flowctl db") as control:
        yield control


@app.command(name="init")
def init(ctx: typer.Context) -> None:
    """Make the database; one that exists is brought up to date."""
    migrate(ctx)


@app.command(name="migrate")
def migrate(ctx: typer.Context) -> None:
    """Bring the schema of the database up to this flowctl's."""
    session = session_of(ctx)
    with _as_it_is(session) as control:
        done = database.migrate(control)
    said = f"migrated: {', '.join(done)}" if done else "nothing to migrate"
    _told(session.flags, said, {"migrated": done})


@app.command(name="check")
def check(ctx: typer.Context) -> None:
    """Say which database this is and whether its schema fits."""
    session = session_of(ctx)
    with _as_it_is(session) as control:
        said = database.check(control)
        found, wanted = control.store.schema()
    _told(session.flags, f"{said}, schema {found}", {"schema": found, "wanted": wanted})


@app.command(name="json")
def as_json(
    ctx: typer.Context,
    out: Annotated[str, typer.Option("--out", help="Write it into this file.")] = "",
) -> None:
    """Print all tables as one JSON document."""
    session = session_of(ctx)
    with session.control() as control:
        document = {
            "version": VERSION,
            "kind": "database",
            "tables": builtin(database.dump(control)),
        }
    if out:
        Path(out).write_text(json_text(document))
        say(session.flags, f"written to {out}")
    else:
        show_document(document, session.flags)


@app.command(name="drop")
def drop(ctx: typer.Context, yes: Yes = False) -> None:
    """Remove everything that is remembered: networks, agents, calls, results."""
    session = session_of(ctx)
    where = redact(session.settings.state)
    session.confirm(f"Remove everything in {where}?", yes=yes)
    session.confirm("Really?", yes=yes)
    with _as_it_is(session) as control:
        database.drop(control)
    _told(session.flags, f"{where} is empty", {"dropped": where})


def _told(flags: Flags, said: str, document: dict[str, object]) -> None:
    if flags.output in (Output.TABLE, Output.WIDE, Output.NAME):
        say(flags, said)
    else:
        show_document({"version": VERSION, "kind": "database", **document}, flags)
