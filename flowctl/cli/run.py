"""`run`: a recipe from start to end, here and now."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from flowctl.cli import exits
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_line, say, show_document
from flowctl.cli.progress import Progressing
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import Timeout, seconds
from flowctl.errors import InvalidInput
from flowctl.model.local import Ending
from flowctl.services import local as local_run
from flowctl.services import recipes, runs
from flowctl.services.control import Control, open_control
from flowctl.views.results import result_text
from flowctl.views.table import VERSION, builtin
from flowctl.views.text import duration, one_line, plural, printable
from flowctl.views.traffic import body_value, failure_text

app = command_app()


@app.command(name="run")
def run(
    ctx: typer.Context,
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A recipe, or a folder with one.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", help="SOCKET=JSON, SOCKET=@FILE or SOCKET=- (stdin)."),
    ] = None,
    cpus: Annotated[
        int, typer.Option("--cpus", min=0, help="Cpus to offer; 0 means enough for the recipe.")
    ] = 0,
    here: Annotated[
        bool, typer.Option("--here", help="Use the present home, not a private one.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the private home behind.")] = False,
    timeout: Timeout = "",
    local: Annotated[
        bool, typer.Option("--local", help="One process, no daemons: breakpoint() works.")
    ] = False,
    post_mortem: Annotated[
        bool, typer.Option("--pdb", help="With --local: open the debugger where a call fails.")
    ] = False,
) -> None:
    """Run a recipe: bring it up, feed it, print what came out, and stop everything."""
    session = session_of(ctx)
    limit = seconds(timeout)
    _refuse_mix(local=local, here=here, cpus=cpus, post_mortem=post_mortem)
    found = _one(recipe)
    given = [runs.read_feed(text, stdin=read_stdin) for text in inputs or []]
    # A TERM must leave as little behind as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _control(session, here=here, keep=keep) as control:
        if local:
            harvest, ending = local_run.execute(
                control, found, given, timeout=limit, post_mortem=post_mortem
            )
        else:
            harvest, ending = _run(session, control, found, given, cpus, limit), None
        _show(session, harvest)
        _tell_local(session, ending)
    if harvest.count.failed:
        raise typer.Exit(exits.FAILED)


def _refuse_mix(*, local: bool, here: bool, cpus: int, post_mortem: bool) -> None:
    if local and (here or cpus):
        raise InvalidInput("--local has one process in a private home: no --here and no --cpus")
    if post_mortem and not local:
        raise InvalidInput("the debugger needs the code in this process", remedy="add --local")


def _run(
    session: Session,
    control: Control,
    found: recipes.Recipe,
    given: list[runs.Feed],
    cpus: int,
    limit: float,
) -> runs.Harvest:
    with (
        runs.brought_up(control.settings, control, cpus=cpus or runs.enough_cpus(found.spec)),
        Progressing(session.flags, control.clock) as progress,
    ):
        return runs.execute(control, found, given, timeout=limit, on_progress=progress.update)


def _one(place: str) -> recipes.Recipe:
    found = recipes.read(place, stdin=read_stdin() if place == "-" else b"")
    if len(found) > 1:
        raise InvalidInput(
            f"{place} holds {len(found)} recipes",
            remedy="name one of " + ", ".join(r.source for r in found),
        )
    return found[0]


@contextmanager
def _control(session: Session, *, here: bool, keep: bool) -> Iterator[Control]:
    if here:
        with session.control() as control:
            yield control
        return
    with runs.private_home(keep=keep) as settings:
        if keep:
            say(session.flags, f"home: {settings.paths.config.parent}")
        settings.paths.make()
        with open_control(settings, name="flowctl run") as control:
            control.store.migrate()
            yield control


def _show(session: Session, harvest: runs.Harvest) -> None:
    values = {
        socket: [body_value(result.content_type, result.body) for result in found]
        for socket, found in harvest.results.items()
    }
    if session.flags.output in (Output.TABLE, Output.WIDE):
        emit(_text(values))
    elif session.flags.output is Output.JSONL:
        for socket, found in values.items():
            emit("".join(json_line({"socket": socket, "result": value}) for value in found))
    elif session.flags.output is Output.NAME:
        emit(f"run/{harvest.run_id}\n")
    else:
        show_document(_document(harvest, values), session.flags)
    _tell_end(session, harvest)


def _tell_local(session: Session, ending: Ending | None) -> None:
    if ending is None:
        return
    if ending.dead:
        say(session.flags, f"{plural(ending.dead, 'message')} went to dead letters")
    if ending.waited:
        say(session.flags, f"{duration(ending.waited)} of delays were not waited for")
    sys.stderr.flush()


def _text(values: dict[str, list[Any]]) -> str:
    if len(values) == 1:
        return result_text(next(iter(values.values())))
    return "\n".join(f"{socket}\n{result_text(found)}" for socket, found in values.items())


def _document(harvest: runs.Harvest, values: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "kind": "run",
        "id": harvest.run_id,
        "seconds": round(harvest.seconds, 3),
        "count": builtin(harvest.count),
        "results": values,
        "failures": builtin(harvest.failures),
    }


def _tell_end(session: Session, harvest: runs.Harvest) -> None:
    count = harvest.count
    failed = f", {count.failed:,} failed" if count.failed else ""
    say(session.flags, f"{plural(count.calls, 'call')}{failed} in {duration(harvest.seconds)}")
    if count.waiting:
        say(session.flags, f"{plural(count.waiting, 'value')} still wait in joins")
    for call in harvest.failures[:10]:
        said = printable(one_line(failure_text(call), 120))
        say(session.flags, f"failed: {call.socket}: {said}")
    if count.failed > 10:
        say(session.flags, f"... and {count.failed - 10:,} more")
    sys.stderr.flush()
