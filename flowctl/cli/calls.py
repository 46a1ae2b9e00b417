"""`call`, `send`, `result` and `trace`: data in, results out, and where they went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from flowctl.cli import exits, piping
from flowctl.cli.completion import complete_call
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.many import each as each_of
from flowctl.cli.output import emit, json_line, say, show_document, show_done
from flowctl.cli.session import Session, read_stdin, session_of
from flowctl.cli.words import SocketName, Timeout, seconds
from flowctl.errors import CallFailed, InvalidInput, PublishFailed, TimedOut
from flowctl.model.canvas import Node
from flowctl.model.flow import Socket
from flowctl.model.ids import CallId
from flowctl.model.traffic import Answer
from flowctl.services import answers, calls, canvases, repeats, sockets, spread
from flowctl.services.answers import Desk, Question
from flowctl.services.calls import Payload
from flowctl.services.control import Control
from flowctl.views.table import VERSION, builtin
from flowctl.views.traces import trace_document, trace_text
from flowctl.views.traffic import body_value

call_app = command_app()
send_app = command_app()
result_app = command_app()
trace_app = command_app()
cancel_app = command_app()

Data = Annotated[
    str | None, typer.Argument(metavar="[DATA|-]", help="JSON; - reads stdin; nothing means null.")
]
Text = Annotated[bool, typer.Option("--text", help="The data is text, not JSON.")]
Arguments = Annotated[
    list[str] | None, typer.Option("--arg", metavar="NAME=JSON", help="A value for one argument.")
]
Each = Annotated[bool, typer.Option("--each", help="One call a line of the data.")]
Key = Annotated[str, typer.Option("--key", help="Makes a repeat of the same send run once.")]


@call_app.command(name="call")
def call(
    ctx: typer.Context,
    socket: SocketName,
    data: Data = None,
    text: Text = False,
    arg: Arguments = None,
    timeout: Timeout = "",
    key: Key = "",
    each: Each = False,
    is_async: Annotated[
        bool, typer.Option("--async", help="Print the id and do not wait; see `result ID --wait`.")
    ] = False,
) -> None:
    """Call a socket, function/MODULE.TASK, or a canvas such as 'a.x | [b.y, c.z]'; print its result.

    In a canvas | is a pipeline and [ ] a parallel; there are funnel([a.x, b.y], c.z) and
    segment(a.x, 100), too, and a.x(limit=3) binds an argument.
    """
    session = session_of(ctx)
    limit = seconds(timeout)
    if each:
        _call_each(session, socket, data, arg or [], text=text, limit=limit)
        return
    payloads = _payloads(data, text=text, arguments=arg or [], each=False)
    if canvas := canvases.written(socket):
        _call_canvas(session, canvas, payloads, limit, key=key, is_async=is_async)
        return
    with session.control() as control:
        (target,) = spread.balanced(control, _targets(control, socket), 1)
        if is_async:
            _show_ids(
                session, [(i, target) for i in calls.send(control, target, payloads, key=key)]
            )
            return
        question = Desk(control).ask(target, payloads, key=key)
        _print_answer(session, _await(session, control, question, limit))


def _call_canvas(
    session: Session,
    canvas: Node,
    payloads: list[Payload],
    limit: float,
    *,
    key: str,
    is_async: bool,
) -> None:
    network = session.settings.network
    _refuse_arguments(payloads)
    with session.control() as control:
        if is_async:
            _show_roots(session, canvases.send(control, canvas, payloads, network=network, key=key))
            return
        (question,) = Desk(control).ask_canvases(canvas, payloads, network=network, key=key)
        _print_answer(session, _await(session, control, question, limit))


def _send_canvas(
    session: Session, canvas: Node, payloads: list[Payload], *, key: str, is_plain: bool
) -> None:
    _refuse_arguments(payloads)
    if not is_plain:
        raise InvalidInput("a canvas begins at once, and once: no --delay, no --broadcast")
    with session.control() as control:
        network = session.settings.network
        ids = canvases.send(control, canvas, payloads, network=network, key=key)
    _show_roots(session, ids)


def _refuse_arguments(payloads: list[Payload]) -> None:
    if any(payload.argument for payload in payloads):
        raise InvalidInput(
            "a canvas takes one value, no --arg", remedy="bind it: a.x(limit=3) | b.y"
        )


def _show_roots(session: Session, ids: Sequence[CallId]) -> None:
    """Print the ids of canvases as those of any calls."""
    if session.flags.output is Output.JSONL:
        emit("".join(json_line({"id": call_id}) for call_id in ids))
    elif session.flags.output in (Output.JSON, Output.YAML):
        items = [{"id": call_id} for call_id in ids]
        show_document({"version": VERSION, "kind": "sent", "items": items}, session.flags)
    else:
        emit("".join(f"{call_id}\n" for call_id in ids))


def _call_each(
    session: Session, name: str, data: str | None, arguments: list[str], *, text: bool, limit: float
) -> None:
    if arguments:
        raise InvalidInput("--each takes a whole input a line, no --arg")
    payloads = (_payload(line.encode(), text=text) for line in piping.lines_of(data))
    with session.control() as control:
        failed = piping.call_each(session, control, _targets(control, name), payloads, limit)
    if failed:
        raise typer.Exit(exits.FAILED)


def _targets(control: Control, word: str) -> list[Socket]:
    """Return the socket of a name, or all that run `function/MODULE.TASK`."""
    kind, slash, function = word.partition("/")
    if slash and kind in ("function", "functions"):
        return spread.hosts(control, function)
    return [sockets.find(control, _bare(word))]


def _await(session: Session, control: Control, question: Question, limit: float) -> Answer:
    began = control.clock.monotonic()
    told = ""

    def tell(sentence: str) -> None:
        nonlocal told
        if sentence != told and control.clock.monotonic() - began > 2:
            told = sentence
            say(session.flags, f"waiting: {sentence}")

    try:
        return question.wait(control, limit or None, on_change=tell)
    except TimedOut as error:
        raise TimedOut(
            error.message, remedy=f"flowctl result {question.ids[-1]} when it has ended"
        ) from error


def _print_answer(session: Session, answer: Answer) -> None:
    try:
        calls.refuse_failed(answer)
    except CallFailed:
        if answer.failure and answer.failure.traceback:
            sys.stderr.write(answer.failure.traceback.rstrip("\n") + "\n")
        raise
    _write(session, answer.content_type, answer.body or b"")


def _write(session: Session, content_type: str, body: bytes) -> None:
    """Write a result: text and bytes as they are, JSON as it is asked for."""
    if session.flags.output in (Output.YAML, Output.JSON):
        show_document(body_value(content_type, body), session.flags)
    elif content_type == calls.JSON:
        emit(body.decode(errors="replace").rstrip("\n") + "\n")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


@send_app.command(name="send")
def send(
    ctx: typer.Context,
    socket: SocketName,
    data: Data = None,
    text: Text = False,
    each: Each = False,
    arg: Arguments = None,
    key: Key = "",
    delay: Annotated[str, typer.Option("--delay", help="Deliver it later, such as 30s.")] = "",
    broadcast: Annotated[
        bool, typer.Option("--broadcast", help="To every socket that runs function/MODULE.TASK.")
    ] = False,
) -> None:
    """Send to a socket, function/MODULE.TASK or a canvas, and print the ids; they are durable."""
    session = session_of(ctx)
    payloads = _payloads(data, text=text, arguments=arg or [], each=each)
    if canvas := canvases.written(socket):
        _send_canvas(session, canvas, payloads, key=key, is_plain=not (delay or broadcast))
        return
    with session.control() as control:
        targets = _targets(control, socket)
        if broadcast or len(targets) > 1:
            if key or arg:
                raise InvalidInput("--key and --arg need one socket", remedy="name the socket")
            way = spread.broadcast if broadcast else spread.send
            _show_ids(session, way(control, targets, payloads, delay=seconds(delay)))
            return
        try:
            ids = calls.send(control, targets[0], payloads, key=key, delay=seconds(delay))
        except PublishFailed as error:
            _show_ids(session, [(call_id, targets[0]) for call_id in error.accepted])
            raise
    _show_ids(session, [(call_id, targets[0]) for call_id in ids])


def _show_ids(session: Session, sent: Sequence[tuple[str, Socket]]) -> None:
    items = [{"id": call_id, "socket": target.name} for call_id, target in sent]
    if session.flags.output is Output.JSONL:
        emit("".join(json_line(item) for item in items))
    elif session.flags.output in (Output.JSON, Output.YAML):
        show_document({"version": VERSION, "kind": "sent", "items": items}, session.flags)
    else:
        emit("".join(f"{item['id']}\n" for item in items))


def _payloads(data: str | None, *, text: bool, arguments: list[str], each: bool) -> list[Payload]:
    if arguments:
        if data is not None:
            raise InvalidInput("give DATA or --arg, not both")
        return [_argument(item, text=text) for item in arguments]
    content = _content(data)
    if each:
        lines = [line for line in content.splitlines() if line.strip()]
        return [_payload(line, text=text) for line in lines]
    return [_payload(content, text=text)]


def _content(data: str | None) -> bytes:
    if data is None:
        return b"null"
    return read_stdin() if data == "-" else data.encode()


def _payload(content: bytes, *, text: bool) -> Payload:
    if not text:
        return calls.json_payload(content)
    try:
        return calls.text_payload(content.decode().removesuffix("\n"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the data is not UTF-8 text: {error.reason}") from error


def _argument(item: str, *, text: bool) -> Payload:
    name, equals, value = item.partition("=")
    if not equals or not name:
        raise InvalidInput(f'"{item}" is no argument', remedy="write --arg NAME=JSON")
    body = calls.text_payload(value).body if text else calls.json_payload(value).body
    return Payload(body=body, argument=name)


def _bare(word: str) -> str:
    head, slash, rest = word.partition("/")
    return rest if slash and head in ("socket", "sockets", "so") else word


@result_app.command(name="result")
def result(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CALL", autocompletion=complete_call)],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the call ended.")] = False,
    timeout: Timeout = "",
) -> None:
    """Print the result of a call, alone; with - those of the ids on stdin, one a line, in order."""
    session = session_of(ctx)
    limit = seconds(timeout)
    with session.control() as control:

        def answer_of(call_id: str) -> Answer:
            if wait:
                return _await(session, control, Question([CallId(call_id)]), limit)
            return answers.on_record(control, calls.find(control, call_id))

        if name != "-":
            _print_answer(session, answer_of(name.removeprefix("call/")))
            return
        ids = piping.ids_of(piping.lines_of(None))
        if sum(piping.print_line(session, answer_of(call_id)) for call_id in ids):
            raise typer.Exit(exits.FAILED)


@cancel_app.command(name="cancel")
def cancel(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="CALL...", autocompletion=complete_call)],
) -> None:
    """End calls that run: no attempt follows, no ERROR plug hears of it, no dead letter is left."""
    session = session_of(ctx)
    with session.control() as control:

        def one(name: str) -> None:
            found = calls.cancel(control, name.removeprefix("call/"))
            said = f"call {found.id} of {found.socket} is asked to end"
            show_done(session.flags, "call", found.id, said, builtin(found))

        each_of(session.flags, names, one)


@trace_app.command(name="trace")
def trace(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="RUN|CALL", autocompletion=complete_call)],
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="Draw with plain characters.")
    ] = False,
) -> None:
    """Draw the tree of a run: each call below the one that sent it, with times."""
    session = session_of(ctx)
    with session.control() as control:
        found = calls.run(control, name.removeprefix("run/").removeprefix("call/"))
        again = repeats.of_run(control, found)
    if session.flags.output in (Output.TABLE, Output.WIDE):
        emit(trace_text(found, ascii_only=ascii_only, again=again))
    elif session.flags.output is Output.JSONL:
        emit("".join(json_line(builtin(item)) for item in found))
    else:
        document = {"version": VERSION, "kind": "trace", **trace_document(found, again)}
        show_document(document, session.flags)
