"""`start stop pause resume restart scale`: what a person wants of processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from flowctl.cli.agents import request_agents
from flowctl.cli.completion import complete_processor
from flowctl.cli.lazy import command_app
from flowctl.cli.many import each
from flowctl.cli.output import say, show_done
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Processors, Timeout, Wait, seconds
from flowctl.errors import InvalidInput
from flowctl.model.flow import Processor
from flowctl.model.states import Desired
from flowctl.services import health, processors
from flowctl.services.control import Control
from flowctl.views.kinds import address, is_kind, kind_of
from flowctl.views.table import builtin

start_app = command_app()
stop_app = command_app()
pause_app = command_app()
resume_app = command_app()
restart_app = command_app()
scale_app = command_app()

Act = Callable[[Control, str], Processor]


@start_app.command(name="start")
def start(ctx: typer.Context, names: Processors, wait: Wait = False, timeout: Timeout = "") -> None:
    """Let processors serve calls."""
    _request(ctx, names, Desired.RUNNING, "started", wait=wait, timeout=timeout)


@stop_app.command(name="stop")
def stop(ctx: typer.Context, names: Processors, wait: Wait = False, timeout: Timeout = "") -> None:
    """End the workers of processors; what runs is finished, queues keep what arrives."""
    _request(ctx, names, Desired.STOPPED, "stopped", wait=wait, timeout=timeout)


@pause_app.command(name="pause")
def pause(ctx: typer.Context, names: Processors, wait: Wait = False, timeout: Timeout = "") -> None:
    """Keep the workers, take no new calls."""
    _request(ctx, names, Desired.PAUSED, "paused", wait=wait, timeout=timeout)


@resume_app.command(name="resume")
def resume(
    ctx: typer.Context, names: Processors, wait: Wait = False, timeout: Timeout = ""
) -> None:
    """Take calls again."""
    _request(ctx, names, Desired.RUNNING, "resumed", wait=wait, timeout=timeout)


@restart_app.command(name="restart")
def restart(
    ctx: typer.Context, names: Processors, wait: Wait = False, timeout: Timeout = ""
) -> None:
    """Replace the workers of processors; what runs is finished first."""
    _act(ctx, names, processors.restart, "asked to restart", wait=wait, timeout=timeout)


@scale_app.command(name="scale")
def scale(
    ctx: typer.Context,
    amounts: Annotated[
        list[str],
        typer.Argument(
            metavar="PROCESSOR=N...",
            help="parse=4, parse=+2, parse=-1",
            autocompletion=complete_processor,
        ),
    ],
    wait: Wait = False,
    timeout: Timeout = "",
) -> None:
    """Change how many calls of processors run at once, over all hosts."""
    wanted = dict(_amount(text) for text in amounts)

    def act(control: Control, name: str) -> Processor:
        return processors.scale(control, name, wanted[name])

    _act(ctx, list(wanted), act, "scaled to {0.spec.cpus} cpus", wait=wait, timeout=timeout)


def _amount(text: str) -> tuple[str, str]:
    name, equals, amount = text.partition("=")
    if not equals or not name or not amount:
        raise InvalidInput(f'"{text}" is no request', remedy="write parse=4, parse=+2 or parse=-1")
    return _bare(name), amount


def _request(
    ctx: typer.Context, names: list[str], wanted: Desired, done: str, *, wait: bool, timeout: str
) -> None:
    agents = _agents(names)
    if agents:
        request_agents(ctx, agents, wanted, f"is asked to be {wanted}")
        return

    def act(control: Control, name: str) -> Processor:
        return processors.request(control, name, wanted)

    _act(ctx, names, act, done, wait=wait, timeout=timeout)


def _act(
    ctx: typer.Context, names: list[str], act: Act, done: str, *, wait: bool, timeout: str
) -> None:
    session = session_of(ctx)
    if len(names) > 1 and is_kind(names[0]) and kind_of(names[0]) == "processor":
        names = names[1:]
    limit = seconds(timeout)
    with session.control() as control:
        changed: list[Processor] = []
        since = health.before(control) if wait else health.NOTHING_BEFORE

        def one(name: str) -> None:
            found = act(control, _bare(name))
            changed.append(found)
            sentence = f"processor {found.name} {done.format(found)}"
            show_done(session.flags, "processor", found.name, sentence, builtin(found))

        try:
            each(session.flags, names, one)
        finally:
            if wait and changed:
                _wait(session, control, changed, since, limit)


def _wait(
    session: Session, control: Control, changed: list[Processor], since: health.Before, limit: float
) -> None:
    said = health.await_processors(
        control,
        [(item.network, item.name) for item in changed],
        since=since,
        timeout=limit,
        on_change=lambda sentence: say(session.flags, f"waiting: {sentence}"),
    )
    say(session.flags, said)


def _agents(names: list[str]) -> list[str]:
    """Return the agents that are meant: `agent NAME...` or `agent/NAME`; else nothing."""
    head = names[0].partition("/")[0]
    if not is_kind(head) or kind_of(head) != "agent" or names == [head]:
        return []
    return [name for _, name in address(names)]


def _bare(word: str) -> str:
    """Return a processor's address without a kind in front of it."""
    head, slash, rest = word.partition("/")
    return rest if slash and head in ("processor", "processors", "proc", "procs") else word
