"""`delete`: take objects away, after a question."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from msgspec.structs import replace

from flowctl.cli.completion import complete_processor
from flowctl.cli.lazy import command_app
from flowctl.cli.many import each
from flowctl.cli.output import emit, say
from flowctl.cli.session import Session, session_of
from flowctl.cli.words import Since, Targets, Yes, moment
from flowctl.errors import InvalidInput
from flowctl.model.work import CallFilter
from flowctl.services import (
    calls,
    edits,
    fleet,
    networks,
    plugs,
    processors,
    queues,
    recipes,
    sockets,
)
from flowctl.services.control import Control
from flowctl.views.changes import plan_text
from flowctl.views.kinds import address
from flowctl.views.text import plural

app = command_app()

Purge = Annotated[bool, typer.Option("--purge", help="Drop the messages that wait, too.")]
Force = Annotated[bool, typer.Option("--force", help="Leave waiting messages where they are.")]


class _Way:
    """How to delete, as the flags said."""

    def __init__(self, session: Session, *, yes: bool, purge: bool, force: bool) -> None:
        self.session, self.yes, self.purge, self.force = session, yes, purge, force


@app.command(name="delete")
def delete(
    ctx: typer.Context,
    what: Targets,
    yes: Yes = False,
    purge: Purge = False,
    force: Force = False,
    before: Annotated[
        str, typer.Option("--before", help="calls: only those older than this.")
    ] = "",
    since: Since = "",
    processor: Annotated[
        str,
        typer.Option("--processor", help="calls: only of one.", autocompletion=complete_processor),
    ] = "",
) -> None:
    """Delete networks, processors, sockets, plugs, deployments, agents or recorded calls."""
    session = session_of(ctx)
    way = _Way(session, yes=yes, purge=purge, force=force)
    targets = address(what)
    with session.control() as control:
        if targets[0] == ("call", ""):
            now = control.clock.now()
            begin, end = moment(since, now), moment(before, now)
            _delete_calls(control, way, CallFilter(processor=processor, since=begin, until=end))
            return
        for kind, name in targets:
            if not name:
                raise InvalidInput(f"which {kind}?", remedy=f"flowctl delete {kind} NAME")
            if kind not in _WAYS:
                raise InvalidInput(
                    f"a {kind} cannot be deleted", remedy="one of " + ", ".join(_WAYS)
                )
        by_name = {f"{kind}/{name}": (kind, name) for kind, name in targets}

        def one(word: str) -> None:
            kind, name = by_name[word]
            _WAYS[kind](control, way, name)

        each(session.flags, list(by_name), one)


def _delete_network(control: Control, way: _Way, name: str) -> None:
    networks.topology(control, name)
    way.session.confirm(f"Delete network {name} with everything in it?", yes=way.yes)
    gone = networks.delete(control, name, purge=way.purge, force=way.force)
    counts = ", ".join(plural(count, table) for table, count in gone.items() if count)
    say(way.session.flags, f"network {name} deleted: {counts or 'it was empty'}")


def _delete_edit(
    find: Callable[[Control, str], tuple[str, edits.Edit]],
    kind: str,
    control: Control,
    way: _Way,
    name: str,
) -> None:
    network, edit = find(control, name)
    planned = edits.edit(control, network, edit)
    if not way.yes:
        emit(plan_text(planned.changes, planned.waiting))
    way.session.confirm(f"Delete {kind} {name}?", yes=way.yes)
    edits.carry_out(control, planned, force=way.force or way.purge)
    say(way.session.flags, f"{kind} {name} deleted")
    if way.purge:
        _purge(control, way, planned)


def _purge(control: Control, way: _Way, planned: recipes.Plan) -> None:
    gone = queues.delete_all(control, planned.waiting)
    say(way.session.flags, f"{plural(gone, 'queue')} with what waited in them")


def _processor(control: Control, name: str) -> tuple[str, edits.Edit]:
    found = processors.find(control, name)
    return found.network, edits.without_processor(found.name)


def _socket(control: Control, name: str) -> tuple[str, edits.Edit]:
    found = sockets.find(control, name)
    return found.network, edits.without_socket(found.name)


def _plug(control: Control, name: str) -> tuple[str, edits.Edit]:
    found = plugs.find(control, name)
    return found.network, edits.without_plug(found.name)


def _deployment(control: Control, name: str) -> tuple[str, edits.Edit]:
    found = fleet.deployment(control, name)
    if not found.pinned:
        raise InvalidInput(
            f"deployment {name} is the scheduler's", remedy=f"flowctl scale {found.processor}=N"
        )
    return found.network, edits.without_deployment(found.name)


def _delete_agent(control: Control, way: _Way, name: str) -> None:
    fleet.agent(control, name)
    way.session.confirm(f"Forget agent {name}?", yes=way.yes)
    fleet.remove_agent(control, name, force=way.force)
    say(way.session.flags, f"agent {name} deleted")


def _delete_call(control: Control, way: _Way, name: str) -> None:
    found = calls.find(control, name)
    way.session.confirm(f"Forget call {found.id} of {found.socket}?", yes=way.yes)
    calls.delete(control, CallFilter(text=found.id, run_id=found.run_id))
    say(way.session.flags, f"call {found.id} deleted")


def _delete_calls(control: Control, way: _Way, which: CallFilter) -> None:
    wanted = replace(which, network=control.settings.network)
    _, total = calls.page(control, wanted)
    way.session.confirm(f"Forget {plural(total, 'recorded call')}?", yes=way.yes)
    say(way.session.flags, f"{plural(calls.delete(control, wanted), 'call')} deleted")


_WAYS: dict[str, Callable[[Control, _Way, str], None]] = {
    "network": _delete_network,
    "processor": partial(_delete_edit, _processor, "processor"),
    "socket": partial(_delete_edit, _socket, "socket"),
    "plug": partial(_delete_edit, _plug, "plug"),
    "deployment": partial(_delete_edit, _deployment, "deployment"),
    "agent": _delete_agent,
    "call": _delete_call,
}
