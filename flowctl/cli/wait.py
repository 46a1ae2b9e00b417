"""`wait`: until an object is as wanted, exists, is gone, or a queue is as empty as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import typer

from flowctl.cli.lazy import command_app
from flowctl.cli.output import say
from flowctl.cli.session import session_of
from flowctl.cli.words import Targets, Timeout, seconds
from flowctl.errors import InvalidInput, NotFound
from flowctl.services import calls, health, pages, processors, queues, waiting
from flowctl.services.control import Control
from flowctl.views.kinds import address

app = command_app()

_DEPTH = re.compile(r"depth<(=?)(\d+)")
CONDITIONS = ("ready", "exists", "deleted", "empty", "depth<N", "done")


@app.command(name="wait")
def wait(
    ctx: typer.Context,
    what: Targets,
    condition: Annotated[
        str, typer.Option("--for", help="ready, exists, deleted, empty, depth<N or done.")
    ] = "ready",
    timeout: Timeout = "",
) -> None:
    """Wait until objects are ready (or whatever --for says), telling what is missing."""
    session = session_of(ctx)
    limit = seconds(timeout)
    probe = _probe(condition)
    targets = address(what)
    with session.control() as control:
        for kind, name in targets:
            if not name:
                raise InvalidInput(f"which {kind}?", remedy=f"flowctl wait {kind} NAME")

            def look(kind: str = kind, name: str = name) -> waiting.Standing:
                return probe(control, kind, name)

            said = waiting.until(
                look,
                control.clock,
                timeout=limit,
                on_change=lambda sentence: say(session.flags, f"waiting: {sentence}"),
            )
            say(session.flags, said)


Probe = Callable[[Control, str, str], waiting.Standing]


def _probe(condition: str) -> Probe:
    if found := _DEPTH.fullmatch(condition):
        most = int(found[2]) - (0 if found[1] else 1)
        return lambda control, _kind, name: _depth(control, name, most)
    known: dict[str, Probe] = {
        "ready": _ready,
        "exists": lambda control, kind, name: _exists(control, kind, name, wanted=True),
        "deleted": lambda control, kind, name: _exists(control, kind, name, wanted=False),
        "empty": lambda control, _kind, name: _depth(control, name, 0),
        "done": _done,
    }
    if condition not in known:
        raise InvalidInput(
            f'cannot wait for "{condition}"', remedy="one of " + ", ".join(CONDITIONS)
        )
    return known[condition]


def _ready(control: Control, kind: str, name: str) -> waiting.Standing:
    if kind == "processor":
        found = processors.find(control, name)
        health.refuse_broken(found)
        return health.as_wanted(found)
    if kind == "network":
        standings = [health.as_wanted(item) for item in control.store.flows.processors(name)]
        missing = [standing for standing in standings if not standing.done]
        return missing[0] if missing else waiting.Standing(True, f"network {name} is ready")
    if kind in ("call", "run"):
        return _done(control, kind, name)
    status = str(pages.sheet(control, kind, name).document.get("status", "running"))
    return waiting.Standing(status == "running", f"{kind} {name} is {status}")


def _exists(control: Control, kind: str, name: str, *, wanted: bool) -> waiting.Standing:
    try:
        pages.sheet(control, kind, name)
    except NotFound as error:
        return waiting.Standing(not wanted, error.message if wanted else f"{kind} {name} is gone")
    return waiting.Standing(wanted, f"{kind} {name} exists")


def _depth(control: Control, name: str, most: int) -> waiting.Standing:
    full = queues.find(control, name)
    held = sum(queues.waiting(control, [full]).values())
    return waiting.Standing(held <= most, f"{full} holds {held:,} messages")


def _done(control: Control, kind: str, name: str) -> waiting.Standing:
    if kind not in ("call", "run"):
        raise InvalidInput(f"a {kind} is never done", remedy="name a call or a run")
    try:
        found = calls.run(control, name) if kind == "run" else [calls.find(control, name)]
    except NotFound as error:
        return waiting.Standing(False, error.message)
    still = [call for call in found if not calls.has_ended(call)]
    sentence = (
        f"{len(still)} of {len(found)} calls still open" if still else f"{kind} {name} is done"
    )
    return waiting.Standing(not still, sentence)
