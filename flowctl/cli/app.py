"""The root of the command line: the table of commands, the global flags, the one error boundary."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer._click.core import Command
from typer._click.exceptions import ClickException, NoArgsIsHelpError

from flowctl.cli import exits
from flowctl.cli.flags import Color, Flags, Output, hoist
from flowctl.cli.lazy import LazyGroup, Place
from flowctl.cli.report import report_crash, report_error, report_usage
from flowctl.cli.session import Session
from flowctl.errors import FlowError

FLOWS = "Flows"
LOOK = "Look"
CHANGE = "Change"
DATA = "Data"
OPERATE = "Operate"

COMMANDS = {
    "run": Place(
        "flowctl.cli.run", "Run a recipe here, feed it, print what came out, and stop.", FLOWS
    ),
    "plan": Place(
        "flowctl.cli.recipe:plan_app", "Show what applying a recipe would change.", FLOWS
    ),
    "apply": Place("flowctl.cli.recipe:apply_app", "Make a network as its recipe says.", FLOWS),
    "diff": Place("flowctl.cli.recipe:diff_app", "Show a recipe against what is there.", FLOWS),
    "export": Place("flowctl.cli.recipe:export_app", "Print the recipe of a network.", FLOWS),
    "explain": Place("flowctl.cli.explain", "Explain the keys of a recipe, or a kind.", FLOWS),
    "ls": Place("flowctl.cli.show:ls_app", "List objects of a kind.", LOOK),
    "show": Place("flowctl.cli.show:show_app", "Show everything about an object.", LOOK),
    "get": Place("flowctl.cli.show:get_app", "The same as ls, or show with a name.", LOOK, True),
    "describe": Place("flowctl.cli.show:show_app", "The same as show.", LOOK, True),
    "status": Place("flowctl.cli.health:status_app", "Show how everything is, on one page.", LOOK),
    "ui": Place("flowctl.cli.ui", "Open the cockpit: see and change everything by keys.", LOOK),
    "graph": Place("flowctl.cli.graph", "Draw a network, still or live.", LOOK),
    "why": Place("flowctl.cli.health:why_app", "Say why a processor is as it is.", LOOK),
    "logs": Place("flowctl.cli.logs", "Show logs of workers, daemons and calls, by time.", LOOK),
    "events": Place("flowctl.cli.events:events_app", "Show what happened.", LOOK),
    "listen": Place("flowctl.cli.events:listen_app", "Follow everything that happens.", LOOK),
    "errors": Place("flowctl.cli.repeats", "Show the calls that failed, and run them again.", LOOK),
    "history": Place("flowctl.cli.history:history_app", "Show who changed what, and when.", LOOK),
    "trace": Place("flowctl.cli.calls:trace_app", "Draw the tree of a run, with times.", LOOK),
    "add": Place("flowctl.cli.add", "Add a processor, socket, plug or deployment.", CHANGE),
    "update": Place("flowctl.cli.update", "Change a processor, socket or plug.", CHANGE),
    "delete": Place("flowctl.cli.delete", "Delete objects.", CHANGE),
    "start": Place("flowctl.cli.lifecycle:start_app", "Let processors serve calls.", CHANGE),
    "stop": Place(
        "flowctl.cli.lifecycle:stop_app", "End the workers; queues keep what arrives.", CHANGE
    ),
    "pause": Place(
        "flowctl.cli.lifecycle:pause_app", "Keep the workers, take no new calls.", CHANGE
    ),
    "resume": Place("flowctl.cli.lifecycle:resume_app", "Take calls again.", CHANGE),
    "restart": Place("flowctl.cli.lifecycle:restart_app", "Replace the workers.", CHANGE),
    "gate": Place("flowctl.cli.nodes:gate_app", "Open and close gates.", CHANGE),
    "schedule": Place(
        "flowctl.cli.schedules", "Say when sockets are called by themselves.", CHANGE
    ),
    "task": Place("flowctl.cli.task", "Show and change the code of functions.", CHANGE),
    "scale": Place("flowctl.cli.lifecycle:scale_app", "Change how many calls run at once.", CHANGE),
    "undo": Place("flowctl.cli.history:undo_app", "Take back what was changed last.", CHANGE),
    "redo": Place("flowctl.cli.history:redo_app", "Carry out again what was undone.", CHANGE),
    "agent": Place("flowctl.cli.agents", "Drain, resume, stop or remove agents.", CHANGE),
    "call": Place("flowctl.cli.calls:call_app", "Call a socket and print its result.", DATA),
    "send": Place("flowctl.cli.calls:send_app", "Send to a socket and print the call ids.", DATA),
    "replay": Place("flowctl.cli.repeats:replay_app", "Run calls again as new runs.", DATA),
    "result": Place("flowctl.cli.calls:result_app", "Print the result of a call.", DATA),
    "cancel": Place("flowctl.cli.calls:cancel_app", "End calls that run.", DATA),
    "data": Place("flowctl.cli.nodes:data_app", "Send what data processors hold.", DATA),
    "queue": Place("flowctl.cli.queues", "Look into queues and change what waits there.", DATA),
    "wait": Place("flowctl.cli.wait", "Wait until an object is as you want it.", DATA),
    "up": Place("flowctl.cli.cluster:up_app", "Start everything on this machine.", OPERATE),
    "down": Place("flowctl.cli.cluster:down_app", "Stop what `up -d` started.", OPERATE),
    "doctor": Place("flowctl.cli.health:doctor_app", "Check this installation.", OPERATE),
    "db": Place("flowctl.cli.db", "Make, migrate, check, dump or drop the database.", OPERATE),
    "config": Place("flowctl.cli.config", "Show the settings and where they come from.", OPERATE),
    "service": Place("flowctl.cli.service", "Install the daemons under systemd.", OPERATE),
    "info": Place("flowctl.cli.config:info_app", "Show all paths and addresses in use.", OPERATE),
    "completion": Place(
        "flowctl.cli.completion", "Print the completion script of a shell.", OPERATE
    ),
    "version": Place("flowctl.cli.config:version_app", "Print the version.", OPERATE),
}
"""Every command: where it is, and its line in `--help`."""


class Root(LazyGroup):
    """The commands of flowctl."""

    places = COMMANDS


app = typer.Typer(
    cls=Root,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(
    help="Run Python functions as distributed data flows, and steer them from a terminal."
)
def root(
    ctx: typer.Context,
    output: Annotated[
        Output, typer.Option("-o", "--output", help="How to write the answer.")
    ] = Output.TABLE,
    network: Annotated[
        str, typer.Option("-n", "--network", help="The network that is meant.")
    ] = "",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No talk on stderr.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask.")] = False,
    color: Annotated[Color, typer.Option("--color", help="Whether to use colours.")] = Color.AUTO,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No line of titles.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Read the global flags, which may stand anywhere on the line."""
    ctx.obj = Session(
        Flags(output, network, quiet, debug, not no_input, color, headers=not no_headers)
    )
    if version:
        from flowctl import __version__

        typer.echo(f"flowctl {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit


def run(line: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    words = list(sys.argv[1:] if line is None else line)
    command = typer.main.get_command(app)
    if "_FLOWCTL_COMPLETE" in os.environ:
        command.main(words, prog_name="flowctl", complete_var="_FLOWCTL_COMPLETE")
    sys.exit(_leave(_guarded(command, words)))


def _guarded(command: Command, words: list[str]) -> int:
    try:
        with command.make_context("flowctl", hoist(words)) as ctx:
            command.invoke(ctx)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: a person gets a sentence, never a stack
        return _told(error, words)
    return exits.OK


def _told(error: Exception, words: list[str]) -> int:
    match error:
        case typer.Exit():
            code = error.exit_code
        case typer.Abort():
            code = exits.INTERRUPTED
        case BrokenPipeError():
            code = exits.CLOSED_PIPE
        case FlowError():
            code = report_error(error, words)
        case NoArgsIsHelpError():
            code = exits.USAGE
            sys.stderr.write(f"{error.format_message()}\n")
        case ClickException():
            code = report_usage(error, words)
        case _:
            code = report_crash(error, words)
    return code


def _leave(code: int) -> int:
    """Flush what was written; a reader that went away is no error of ours, only an exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = exits.CLOSED_PIPE
    if code == exits.CLOSED_PIPE:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
