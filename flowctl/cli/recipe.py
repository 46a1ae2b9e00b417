"""`plan`, `apply`, `diff` and `export`: networks from text and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flowctl.cli import exits
from flowctl.cli.completion import complete_network
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, say, show_document
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import Timeout, Wait, Yes, seconds
from flowctl.errors import InvalidInput
from flowctl.services import health, recipes
from flowctl.services.control import Control
from flowctl.services.names import the_network
from flowctl.services.recipes import Plan
from flowctl.views.changes import diff_text, plan_document, plan_text, summary
from flowctl.views.table import VERSION
from flowctl.views.text import plural

plan_app = command_app()
apply_app = command_app()
diff_app = command_app()
export_app = command_app()

Place = Annotated[str, typer.Argument(metavar="FILE|FOLDER|-", help="The recipe, or - for stdin.")]
FileOption = Annotated[str, typer.Option("-f", "--file", help="The same as the argument.")]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help=f"Leave with {exits.CHANGES} if there are changes.")
]


@plan_app.command(name="plan")
def plan(
    ctx: typer.Context,
    place: Place = "",
    file: FileOption = "",
    out: Annotated[str, typer.Option("--out", help="Save the plan for `apply --plan`.")] = "",
    exit_code: ExitCode = False,
) -> None:
    """Show what applying a recipe would change; nothing is changed."""
    session = session_of(ctx)
    found = _read(place or file)
    with session.control() as control:
        plans = [recipes.plan(control, recipe) for recipe in found]
    _show(session, plans)
    if out:
        Path(out).write_bytes(recipes.save(plans))
        say(session.flags, f"saved; carry it out with: flowctl apply --plan {out}")
    _leave(plans, exit_code=exit_code)


@diff_app.command(name="diff")
def diff(
    ctx: typer.Context, place: Place = "", file: FileOption = "", exit_code: ExitCode = False
) -> None:
    """Show a recipe against what is there, as a unified diff."""
    session = session_of(ctx)
    found = _read(place or file)
    with session.control() as control:
        plans = [recipes.plan(control, recipe) for recipe in found]
    if session.flags.output in (Output.TABLE, Output.WIDE):
        emit("".join(diff_text(item.changes) for item in plans))
    else:
        _show(session, plans)
    _leave(plans, exit_code=exit_code)


@apply_app.command(name="apply")
def apply(
    ctx: typer.Context,
    place: Place = "",
    file: FileOption = "",
    plan_file: Annotated[str, typer.Option("--plan", help="A plan that `plan --out` saved.")] = "",
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = "",
) -> None:
    """Make networks as their recipes say, in one transaction each."""
    session = session_of(ctx)
    limit = seconds(timeout)
    found = [] if plan_file else _read(place or file)
    with session.control() as control:
        plans = _plans(control, plan_file, found)
        changing = [item for item in plans if item.changes.changes or item.changes.new]
        if changing and not yes and session.flags.asks and _is_terminal():
            emit("".join(plan_text(item.changes, item.waiting) for item in changing))
            session.confirm("Apply?", yes=False)
        since = health.before(control) if wait else health.NOTHING_BEFORE
        for item in plans:
            _apply(session, control, item)
        if wait:
            _await_networks(session, control, plans, since, limit)


def _plans(control: Control, plan_file: str, found: Sequence[recipes.Recipe]) -> list[Plan]:
    if not plan_file:
        return [recipes.plan(control, recipe) for recipe in found]
    try:
        content = Path(plan_file).read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {plan_file}: {error.strerror}") from error
    return recipes.reload(control, content)


def _apply(session: Session, control: Control, item: Plan) -> None:
    name = item.changes.network
    if item.changes.is_empty and not item.changes.new:
        said = f"network {name}: nothing to change"
    else:
        recipes.apply(control, item)
        said = f"network {name} applied: {summary(item.changes)}"
    for queue, count in item.waiting.items():
        say(
            session.flags,
            f"{plural(count, 'message')} left in {queue}: flowctl queue move {queue} OTHER",
        )
    if session.flags.output in (Output.TABLE, Output.WIDE):
        say(session.flags, said)
    elif session.flags.output is Output.NAME:
        emit(f"network/{name}\n")
    else:
        document = plan_document(item.changes, item.waiting, item.revision)
        show_document({"version": VERSION, "kind": "applied", **document}, session.flags)


def _await_networks(
    session: Session,
    control: Control,
    plans: Sequence[Plan],
    since: health.Before,
    limit: float,
) -> None:
    for item in plans:
        said = health.await_network(
            control,
            item.changes.network,
            since=since,
            timeout=limit,
            on_change=lambda sentence: say(session.flags, f"waiting: {sentence}"),
        )
        say(session.flags, said)


@export_app.command(name="export")
def export(
    ctx: typer.Context,
    network: Annotated[
        str, typer.Argument(help="The network.", autocompletion=complete_network)
    ] = "",
    made_by: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="MODULE:CLASS",
            help="The recipe of a class that is written in Python.",
        ),
    ] = "",
) -> None:
    """Print the recipe of a network; applying it again changes nothing."""
    session = session_of(ctx)
    if made_by:
        if network:
            raise InvalidInput("give a network or --from, not both")
        _show_authored(session, made_by)
        return
    with session.control() as control:
        name = network.removeprefix("network/").removeprefix("net/") or the_network(control)
        if session.flags.output in (Output.JSON, Output.JSONL):
            from flowctl.services.networks import spec
            from flowctl.views.table import builtin

            show_document(builtin(spec(control, name)), session.flags)
        else:
            emit(recipes.export(control, name))


def _show_authored(session: Session, made_by: str) -> None:
    from flowctl.services import authored

    recipe = authored.load(made_by)
    if session.flags.output in (Output.JSON, Output.JSONL):
        from flowctl.views.table import builtin

        show_document(builtin(recipe.spec), session.flags)
    else:
        emit(recipes.text(recipe))


def _read(place: str) -> list[recipes.Recipe]:
    if not place:
        raise InvalidInput("which recipe?", remedy="name a file or a folder, or - for stdin")
    return recipes.read(place, stdin=read_stdin() if place == "-" else b"")


def _show(session: Session, plans: Sequence[Plan]) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE):
        emit("".join(plan_text(item.changes, item.waiting) for item in plans))
        return
    documents = [plan_document(item.changes, item.waiting, item.revision) for item in plans]
    show_document({"version": VERSION, "kind": "plan", "items": documents}, session.flags)


def _leave(plans: Sequence[Plan], *, exit_code: bool) -> None:
    if exit_code and any(item.changes.changes or item.changes.new for item in plans):
        raise typer.Exit(exits.CHANGES)


def _is_terminal() -> bool:
    import sys

    return sys.stdin.isatty()
