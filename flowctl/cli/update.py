"""`update`: change what is said of one object; only what is given changes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec.structs import replace

from flowctl.cli.add import pairs, schedule_of, schemas_of
from flowctl.cli.completion import complete_processor, complete_socket
from flowctl.cli.kinds import KindGroup
from flowctl.cli.output import say, show_done
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import Wait, seconds
from flowctl.errors import InvalidInput
from flowctl.model.flow import NetworkSpec, PlugSpec, ProcessorSpec, SocketSpec, Source, SourceKind
from flowctl.services import edits, health, plugs, processors, sockets, tasks
from flowctl.services.control import Control
from flowctl.services.recipes import Plan
from flowctl.views.changes import plan_document, summary

app = typer.Typer(
    cls=KindGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

Maybe = str | None


@app.command(name="processor")
def processor(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_processor)],
    module: Annotated[
        Maybe, typer.Option("-m", "--module", help="The module with the functions.")
    ] = None,
    git: Annotated[Maybe, typer.Option("-g", "--git", help="The repository.")] = None,
    ref: Annotated[Maybe, typer.Option("--ref", help="Branch, tag or commit.")] = None,
    code: Annotated[bool, typer.Option("-c", "--code", help="Read new code from stdin.")] = False,
    cpus: Annotated[
        int | None, typer.Option("--cpus", min=0, help="How many calls run at once.")
    ] = None,
    retries: Annotated[
        int | None, typer.Option("-r", "--retries", min=0, help="Further attempts.")
    ] = None,
    timeout: Annotated[Maybe, typer.Option("--timeout", help="The longest a call may run.")] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="KEY=VALUE", help="Set one; KEY= removes it."),
    ] = None,
    host: Annotated[
        Maybe, typer.Option("--host", help="The only agent that may be chosen.")
    ] = None,
    description: Annotated[Maybe, typer.Option("--description", help="What it is for.")] = None,
    wait: Wait = False,
) -> None:
    """Change a processor; new code, packages or environment get new executors."""
    session = session_of(ctx)
    text = read_stdin().decode() if code else None
    with session.control() as control:
        found = processors.find(control, name)
        spec = _with_source(found.spec, module=module, git=git, ref=ref, code=text)
        changes: dict[str, Any] = {
            "cpus": cpus,
            "timeout": None if timeout is None else seconds(timeout),
            "retry": None if retries is None else replace(spec.retry, max=retries),
            "env": _env(spec.env, env),
            "host": host,
            "description": description,
        }
        wanted = replace(spec, **_given(changes))

        def change(network: NetworkSpec) -> NetworkSpec:
            rest = [item for item in network.processors if item.name != found.name]
            everyone = tuple(sorted([*rest, wanted], key=lambda item: item.name))
            return replace(network, processors=everyone)

        planned = edits.edit(control, found.network, change)
        since = health.before(control, found.network)
        _carry_out(session, control, planned, "processor", found.name)
        if wait:
            said = health.await_processors(control, [(found.network, found.name)], since=since)
            say(session.flags, said)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if value is not None}


def _with_source(
    spec: ProcessorSpec, *, module: Maybe, git: Maybe, ref: Maybe, code: Maybe
) -> ProcessorSpec:
    if code is not None:
        return replace(spec, source=Source(kind=SourceKind.CODE, code=code, module=spec.name))
    changes = _given({"module": module, "url": git, "ref": ref})
    if (git or ref) and spec.source.kind is not SourceKind.GIT:
        raise InvalidInput(f"{spec.name} is not from git", remedy="change its recipe and apply it")
    return replace(spec, source=replace(spec.source, **changes)) if changes else spec


def _env(present: dict[str, str], texts: list[str] | None) -> dict[str, str] | None:
    if texts is None:
        return None
    merged = present | pairs(texts, "--env")
    return {key: value for key, value in merged.items() if value}


@app.command(name="socket")
def socket(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_socket)],
    task: Annotated[Maybe, typer.Option("-t", "--task", help="The function.")] = None,
    cron: Annotated[str, typer.Option("--cron", help="Call it by itself, as cron says.")] = "",
    interval: Annotated[str, typer.Option("-i", "--interval", help="Or every so long.")] = "",
    unscheduled: Annotated[
        bool, typer.Option("--no-schedule", help="Only when it is sent to.")
    ] = False,
    route: Annotated[
        list[str] | None,
        typer.Option("--route", metavar="NAME=FUNCTION", help="router: set one; NAME= removes it."),
    ] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option("--schema", metavar="[ARGUMENT=]FILE", help="What its input must be."),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait-all/--no-wait-all", help="Run when all its plugs have delivered."),
    ] = None,
) -> None:
    """Change a socket."""
    session = session_of(ctx)
    with session.control() as control:
        found = sockets.find(control, name)
        schedule = schedule_of(cron, interval) or (None if unscheduled else found.spec.schedule)
        routes = found.spec.routes | pairs(route or [], "--route")
        wanted: SocketSpec = replace(
            found.spec,
            task=task or found.spec.task,
            schedule=schedule,
            wait_all=found.spec.wait_all if wait is None else wait,
            routes={name: function for name, function in routes.items() if function},
            schemas=found.spec.schemas | schemas_of(schema or []),
        )
        change = edits.with_socket(found.processor, wanted, new=False)
        planned = edits.edit(control, found.network, change)
        _carry_out(session, control, planned, "socket", found.name)


@app.command(name="plug")
def plug(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    source: Annotated[
        Maybe,
        typer.Option("-s", "--source", help="Where it begins.", autocompletion=complete_socket),
    ] = None,
    target: Annotated[
        Maybe,
        typer.Option("-t", "--target", help="Where it leads.", autocompletion=complete_socket),
    ] = None,
    argument: Annotated[
        Maybe, typer.Option("-a", "--argument", help="The parameter that it feeds.")
    ] = None,
    route: Annotated[Maybe, typer.Option("--route", help="The route of a router.")] = None,
    new_name: Annotated[
        Maybe, typer.Option("--name", help="Another name; what waits goes to its new queue.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Leave waiting messages where they are.")
    ] = False,
) -> None:
    """Re-wire a plug; the next result takes the new way."""
    session = session_of(ctx)
    with session.control() as control:
        found = plugs.find(control, name)
        ends = {"source": source, "target": target, "argument": argument, "route": route}
        changes = _given(ends | {"name": new_name})

        def change(spec: PlugSpec) -> PlugSpec:
            return replace(spec, **changes)

        planned = edits.edit(control, found.network, edits.with_plug_changed(found.name, change))
        _carry_out(session, control, planned, "plug", found.name, force=force)


@app.command(name="task")
def task(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PROCESSOR.FUNCTION")],
    reset: Annotated[bool, typer.Option("--reset", help="Take the other code away.")] = False,
) -> None:
    """Replace the code of a function by what stdin says, without touching its source."""
    session = session_of(ctx)
    code = "" if reset else read_stdin().decode()
    with session.control() as control:
        found = tasks.override(control, name, code)
    said = "has its own code again" if reset else "has other code"
    show_done(session.flags, "task", found.name, f"task {found.name} {said}", {})


def _carry_out(
    session: Session, control: Control, planned: Plan, kind: str, name: str, *, force: bool = False
) -> None:
    edits.carry_out(control, planned, force=force)
    document = plan_document(planned.changes, planned.waiting, planned.revision)
    sentence = f"{kind} {name}: {summary(planned.changes)}"
    show_done(session.flags, kind, name, sentence, document)
