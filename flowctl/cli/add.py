"""`add`: one object more, checked like a recipe and applied like one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from flowctl.cli.completion import complete_agent, complete_processor, complete_socket
from flowctl.cli.kinds import KindGroup
from flowctl.cli.output import show_done
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import seconds
from flowctl.errors import InvalidInput
from flowctl.model.flow import (
    DeploymentSpec,
    PlugKind,
    PlugSpec,
    ProcessorSpec,
    Retry,
    Schedule,
    SocketSpec,
    Source,
    SourceKind,
)
from flowctl.model.naming import plug_name
from flowctl.model.nodes import SOURCELESS, ProcessorType
from flowctl.recipe.nodes import needs_task, no_source
from flowctl.services import calls, edits, fleet, processors
from flowctl.services.control import Control
from flowctl.services.names import the_network

app = typer.Typer(
    cls=KindGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

Cron = Annotated[str, typer.Option("--cron", help="Call it by itself, as cron says.")]
Interval = Annotated[
    str, typer.Option("-i", "--interval", help="Call it by itself, every so long.")
]


@app.command(name="processor")
def processor(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    module: Annotated[
        str, typer.Option("-m", "--module", help="The module with the functions.")
    ] = "",
    path: Annotated[str, typer.Option("--path", help="A folder that holds the module.")] = "",
    git: Annotated[
        str, typer.Option("-g", "--git", help="A repository that holds the module.")
    ] = "",
    ref: Annotated[str, typer.Option("--ref", help="Its branch, tag or commit.")] = "",
    code: Annotated[
        str, typer.Option("-c", "--code", help="A file with the code, or - for stdin.")
    ] = "",
    command: Annotated[
        str, typer.Option("--command", help="A program: a JSON line in, one out.")
    ] = "",
    cpus: Annotated[int, typer.Option("--cpus", min=0, help="How many calls run at once.")] = 1,
    retries: Annotated[int, typer.Option("-r", "--retries", min=0, help="Further attempts.")] = 0,
    timeout: Annotated[str, typer.Option("--timeout", help="The longest a call may run.")] = "",
    requirement: Annotated[
        list[str] | None, typer.Option("--requirement", help="A package.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="KEY=VALUE", help="A variable for the code."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The only agent that may be chosen.")] = "",
    socket: Annotated[
        list[str] | None, typer.Option("--socket", help="Sockets to begin with: NAME or NAME=TASK.")
    ] = None,
    type_: Annotated[
        ProcessorType, typer.Option("--type", help="What its functions decide.")
    ] = ProcessorType.TASK,
) -> None:
    """Add a processor."""
    session = session_of(ctx)
    has_code = bool(module or git or code or command) or type_ not in SOURCELESS
    spec = ProcessorSpec(
        name=name,
        type=type_,
        source=_source(name, module, path=path, git=git, ref=ref, code=code, command=command)
        if has_code
        else no_source(name),
        requirements=tuple(requirement or ()),
        cpus=cpus,
        retry=Retry(max=retries),
        timeout=seconds(timeout),
        env=pairs(env or [], "--env"),
        host=host,
    )
    sockets = sorted((_socket(item) for item in socket or []), key=lambda item: item.name)
    spec = replace(spec, sockets=tuple(_with_task(spec, item) for item in sockets))
    with session.control() as control:
        network = the_network(control)
        _apply(session, control, network, edits.with_processor(spec), "processor", name)


def _source(
    name: str, module: str, *, path: str, git: str, ref: str, code: str, command: str
) -> Source:
    given = [
        word for word, value in (("--git", git), ("--code", code), ("--command", command)) if value
    ]
    if len(given) > 1:
        raise InvalidInput(f"give one of {' and '.join(given)}")
    if git:
        return Source(kind=SourceKind.GIT, url=git, ref=ref, path=path, module=module)
    if code:
        text = read_stdin().decode() if code == "-" else _file(code)
        return Source(kind=SourceKind.CODE, code=text, module=module or name)
    if command:
        import shlex

        folder = str(Path(path).absolute()) if path else ""
        return Source(kind=SourceKind.COMMAND, command=tuple(shlex.split(command)), path=folder)
    if not module:
        raise InvalidInput("where is the code?", remedy="--module, --git, --code or --command")
    return Source(kind=SourceKind.PATH, path=str(Path(path or ".").absolute()), module=module)


def _file(name: str) -> str:
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {name}: {error}") from error


def _socket(text: str) -> SocketSpec:
    name, _, task = text.partition("=")
    return SocketSpec(name=name, task=task)


def _with_task(owner: ProcessorSpec, spec: SocketSpec) -> SocketSpec:
    """Return a socket that runs the function of its name, where it must run one."""
    if spec.task or not needs_task(owner, spec):
        return spec
    return replace(spec, task=spec.name)


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """Return the `KEY=VALUE` texts of an option.

    Raises:
        InvalidInput: one is none.
    """
    for text in texts:
        if "=" not in text:
            raise InvalidInput(f'{option}: "{text}" is no KEY=VALUE')
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


@app.command(name="socket")
def socket(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="PROCESSOR.SOCKET", autocompletion=complete_processor)
    ],
    task: Annotated[
        str, typer.Option("-t", "--task", help="The function; the socket's name if left out.")
    ] = "",
    cron: Cron = "",
    interval: Interval = "",
    payload: Annotated[
        str, typer.Option("--payload", help="The JSON that a schedule sends.")
    ] = "null",
    route: Annotated[
        list[str] | None,
        typer.Option("--route", metavar="NAME=FUNCTION", help="router: who chooses a route."),
    ] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option("--schema", metavar="[ARGUMENT=]FILE", help="What its input must be."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait-all", help="Run when all its plugs have delivered.")
    ] = False,
) -> None:
    """Add a socket to a processor."""
    session = session_of(ctx)
    owner, dot, own = name.rpartition(".")
    if not dot:
        raise InvalidInput(f'"{name}" is no socket', remedy="write PROCESSOR.SOCKET")
    schedule = schedule_of(cron, interval, payload)
    spec = SocketSpec(
        name=own,
        task=task,
        schedule=schedule,
        wait_all=wait,
        routes=pairs(route or [], "--route"),
        schemas=schemas_of(schema or []),
    )
    with session.control() as control:
        found = processors.find(control, owner)
        change = edits.with_socket(found.name, _with_task(found.spec, spec))
        _apply(session, control, found.network, change, "socket", f"{found.name}.{own}")


def schemas_of(texts: list[str]) -> dict[str, str]:
    """Return the schemas in the files that `--schema` names, by argument.

    Raises:
        InvalidInput: a file cannot be read, or is no JSON.
    """
    found = {}
    for text in texts:
        argument, _, place = text.rpartition("=")
        content = read_stdin().decode() if place == "-" else _file(place)
        found[argument] = calls.json_payload(content).body.decode()
    return found


def schedule_of(cron: str, interval: str, payload: str = "null") -> Schedule | None:
    """Return the schedule that these options say; None where they say none.

    Raises:
        InvalidInput: both are given.
    """
    if cron and interval:
        raise InvalidInput("give --cron or --interval, not both")
    if cron:
        return Schedule(cron=cron, payload=payload)
    return Schedule(every=seconds(interval), payload=payload) if interval else None


@app.command(name="plug")
def plug(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", autocompletion=complete_socket)],
    target: Annotated[str, typer.Argument(metavar="TARGET", autocompletion=complete_socket)],
    argument: Annotated[
        str, typer.Option("-a", "--argument", help="The parameter that it feeds.")
    ] = "",
    on_error: Annotated[
        bool, typer.Option("--on-error", help="Carry failures, not results.")
    ] = False,
    on_reject: Annotated[
        bool, typer.Option("--on-reject", help="Carry what a gate did not let pass.")
    ] = False,
    route: Annotated[str, typer.Option("--route", help="The route of a router.")] = "",
    name: Annotated[str, typer.Option("--name", help="A name of its own.")] = "",
    cycle: Annotated[
        bool, typer.Option("--allow-cycle", help="Even if it closes a circle.")
    ] = False,
) -> None:
    """Plug a socket into another: what the source returns, the target gets."""
    session = session_of(ctx)
    if on_error and on_reject:
        raise InvalidInput("give --on-error or --on-reject, not both")
    kind = PlugKind.REJECT if on_reject else PlugKind.RESULT
    spec = PlugSpec(
        source=source,
        target=target,
        argument=argument,
        kind=PlugKind.ERROR if on_error else kind,
        route=route,
        name=name,
        allow_cycle=cycle,
    )
    with session.control() as control:
        network = the_network(control)
        _apply(session, control, network, edits.with_plug(spec), "plug", plug_name(spec))


@app.command(name="deployment")
def deployment(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PROCESSOR", autocompletion=complete_processor)],
    agent: Annotated[
        str, typer.Option("--agent", help="The agent.", autocompletion=complete_agent)
    ],
    cpus: Annotated[int, typer.Option("-c", "--cpus", min=1, help="How many cpus.")] = 1,
    own_name: Annotated[str, typer.Option("-d", "--name", help="A name of its own.")] = "",
) -> None:
    """Fix some cpus of a processor on an agent; the scheduler leaves them there."""
    session = session_of(ctx)
    with session.control() as control:
        found = processors.find(control, name)
        fleet.agent(control, agent)
        wanted = own_name or f"{found.name}.{agent}"
        spec = DeploymentSpec(name=wanted, processor=found.name, agent=agent, cpus=cpus)
        _apply(session, control, found.network, edits.with_deployment(spec), "deployment", wanted)


@app.command(name="network")
def network(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Add an empty network."""
    session = session_of(ctx)
    with session.control() as control:
        planned = edits.edit(control, name, lambda spec: spec, may_create=True)
        edits.carry_out(control, planned)
    _tell(session, "network", name, {})


def _apply(
    session: Session, control: Control, network: str, change: edits.Edit, kind: str, name: str
) -> None:
    edits.carry_out(control, edits.edit(control, network, change, may_create=True))
    _tell(session, kind, name, {"network": network})


def _tell(session: Session, kind: str, name: str, document: dict[str, Any]) -> None:
    show_done(session.flags, kind, name, f"{kind} {name} added", document)
