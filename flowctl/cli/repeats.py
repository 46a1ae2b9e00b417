"""`errors` and `replay`: what failed, and calls that run once more, as they were or with another input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flowctl.cli.completion import complete_call, complete_processor
from flowctl.cli.editor import edited as in_editor
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, grid, json_line, say, show_document, show_sheet, show_table
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import Since, Yes, moment
from flowctl.errors import InvalidInput
from flowctl.model.traffic import Call
from flowctl.model.work import CallFilter
from flowctl.services import calls, pages, repeats
from flowctl.services.calls import JSON, Payload
from flowctl.services.control import Control
from flowctl.services.repeats import Choice, Repeat
from flowctl.views.table import VERSION
from flowctl.views.text import plural
from flowctl.views.traffic import errors as errors_view

_MANY = 100_000


class _Errors(TyperGroup):
    """Lists where no command is named: `flowctl errors parse` is `flowctl errors ls parse`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `ls` before what is no command."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["ls", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Errors,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
replay_app = command_app()

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[CALL]...", autocompletion=complete_call)
]
Every = Annotated[bool, typer.Option("--all", help="All failures, or all that the filters mean.")]
Processor = Annotated[
    str,
    typer.Option("--processor", help="Those of one.", autocompletion=complete_processor),
]
Socket = Annotated[str, typer.Option("-s", "--socket", help="Those of one socket.")]
Type = Annotated[str, typer.Option("--type", help="Those of one exception, such as KeyError.")]
Before = Annotated[str, typer.Option("--before", help="Those older than this, such as 7d.")]
Input = Annotated[
    str | None, typer.Option("--input", metavar="JSON|@FILE|-", help="Run it with this instead.")
]
Text = Annotated[bool, typer.Option("--text", help="The input is text, not JSON.")]
Edit = Annotated[bool, typer.Option("--edit", help="Change the input in $EDITOR first.")]


@app.command(name="ls")
def ls(
    ctx: typer.Context,
    processor: Annotated[
        str, typer.Argument(metavar="[PROCESSOR]", autocompletion=complete_processor)
    ] = "",
    socket: Socket = "",
    type_: Type = "",
    since: Since = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")
    ] = 50,
    full: Annotated[bool, typer.Option("--full", help="With tracebacks.")] = False,
) -> None:
    """Show the calls that failed, newest first."""
    session = session_of(ctx)
    with session.control() as control:
        now = control.clock.now()
        wanted = CallFilter(since=moment(since, now), limit=limit)
        which = Choice(processor=processor, socket=socket, type=type_, filter=wanted)
        found = repeats.failures(control, which)
        if not full or session.flags.output not in (Output.TABLE, Output.WIDE):
            show_table(errors_view(found, now), session.flags)
            return
        for call in found:
            emit(grid(errors_view([call], now), session.flags))
            if call.failure and call.failure.traceback:
                emit(call.failure.traceback.rstrip("\n") + "\n\n")


@app.command(name="show")
def show(ctx: typer.Context, names: Names = None) -> None:
    """Show everything about failed calls: traceback, input, output, what ran them again."""
    session = session_of(ctx)
    if not names:
        raise InvalidInput("which call?", remedy="flowctl errors lists them")
    with session.control() as control:
        for call in repeats.failures(control, Choice(names=_bare(names))):
            show_sheet(pages.sheet(control, "call", call.id), session.flags)


@app.command(name="retry")
def retry(
    ctx: typer.Context,
    names: Names = None,
    every: Every = False,
    processor: Processor = "",
    socket: Socket = "",
    type_: Type = "",
    since: Since = "",
    before: Before = "",
    input_: Input = None,
    text: Text = False,
    edit: Edit = False,
) -> None:
    """Run failed calls again, in their run: from the dead letters, or where those are gone from the record."""
    session = session_of(ctx)
    with session.control() as control:
        which = _choice(control, names, every, processor, socket, type_, since, before)
        chosen = repeats.failures(control, which)
        if edit and len(chosen) != 1:
            raise InvalidInput(f"{plural(len(chosen), 'call')} cannot be edited at once")
        given = _input(control, chosen[0], edit, input_, text=text) if chosen else None
        _told(session, repeats.retry(control, chosen, given), "run again")


@app.command(name="rm")
def rm(
    ctx: typer.Context,
    names: Names = None,
    every: Every = False,
    processor: Processor = "",
    socket: Socket = "",
    type_: Type = "",
    since: Since = "",
    before: Before = "",
    yes: Yes = False,
) -> None:
    """Forget failed calls, with their dead letters."""
    session = session_of(ctx)
    with session.control() as control:
        which = _choice(control, names, every, processor, socket, type_, since, before)
        chosen = repeats.failures(control, which)
        session.confirm(f"Forget {plural(len(chosen), 'failed call')}?", yes=yes or bool(names))
        gone = repeats.remove(control, chosen)
        say(session.flags, f"{plural(gone, 'failed call')} forgotten")


@replay_app.command(name="replay")
def replay(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="CALL...", autocompletion=complete_call)],
    input_: Input = None,
    text: Text = False,
    edit: Edit = False,
) -> None:
    """Run calls again with the same input, each as a new run that names the old call."""
    session = session_of(ctx)
    with session.control() as control:
        found = []
        for name in _bare(names):
            old = calls.find(control, name)
            given = _input(control, old, edit, input_, text=text)
            found.append(repeats.replay(control, old.id, given))
        _told(session, found, "replayed")


def _bare(names: list[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("call/") for name in names)


def _choice(
    control: Control,
    names: list[str] | None,
    every: bool,
    processor: str,
    socket: str,
    type_: str,
    since: str,
    before: str,
) -> Choice:
    filters = any((processor, socket, type_, since, before))
    if bool(names) == (every or filters):
        raise InvalidInput(
            "which failures?", remedy="name calls, or say --all, --processor, --type or --since"
        )
    now = control.clock.now()
    span = CallFilter(since=moment(since, now), until=moment(before, now), limit=_MANY)
    return Choice(
        names=_bare(names or []), processor=processor, socket=socket, type=type_, filter=span
    )


def _input(
    control: Control, call: Call, edit: bool, given: str | None, *, text: bool
) -> Payload | None:
    """Return what a call is to be given instead of what it got, or None: the same."""
    if given is not None and edit:
        raise InvalidInput("give --input or --edit, not both")
    if given is not None:
        content = _content(given)
        return calls.text_payload(content.decode()) if text else calls.json_payload(content)
    return _edited(control, call) if edit else None


def _content(given: str) -> bytes:
    if given == "-":
        return read_stdin()
    if not given.startswith("@"):
        return given.encode()
    file = Path(given[1:])
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error


def _edited(control: Control, call: Call) -> Payload:
    before = repeats.given(control, call)
    if before.content_type.startswith("text/"):
        after = in_editor(before.body.decode(), ".txt")
        return Payload(body=after.encode(), content_type=before.content_type)
    try:
        value = json.loads(before.body)
    except ValueError as error:
        raise InvalidInput("the input is no text", remedy="give it with --input @FILE") from error
    after = in_editor(json.dumps(value, indent=2, ensure_ascii=False) + "\n", ".json")
    return Payload(body=calls.json_payload(after).body, content_type=JSON)


def _told(session: Session, found: list[Repeat], done: str) -> None:
    items = [{"id": each.id, "run_id": each.run_id, "replays": each.old.id} for each in found]
    if session.flags.output is Output.JSONL:
        emit("".join(json_line(item) for item in items))
    elif session.flags.output in (Output.JSON, Output.YAML):
        show_document({"version": VERSION, "kind": "repeats", "items": items}, session.flags)
    else:
        emit("".join(f"{each.id}\n" for each in found))
        say(session.flags, f"{plural(len(found), 'call')} {done}")
