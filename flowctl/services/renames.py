"""A plug that is called otherwise has another queue, and what waits in the old one goes there.

What is to move is on record before the name changes. So whoever is killed in between leaves it to
the leading scheduler, which looks at the same record, and at what late senders still put there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from flowctl.errors import Unavailable
from flowctl.failpoints import reach
from flowctl.model.flow import Plug
from flowctl.model.traffic import Event
from flowctl.services import queues
from flowctl.services.control import Control

ACTION = "renaming"
SETTLED = timedelta(minutes=2)
"""After this nobody sends to the old queue any more: not even who crashed with an open outbox."""
_LOOKED_AT = 200


def announce(control: Control, network: str, names: Mapping[str, str]) -> None:
    """Put on record which plugs get which names, before they do."""
    now = control.clock.now()
    control.store.events.add(
        [
            Event(id=0, at=now, kind="plug", object=old, action=ACTION, note=new, network=network)
            for old, new in names.items()
        ]
    )


def follow(control: Control) -> int:
    """Move what waits in the old queues of renamed plugs; return how many messages went."""
    known = {(plug.network, plug.name): plug for plug in control.store.flows.plugs()}
    told = control.store.events.list(kind="plug", newest=True, limit=_LOOKED_AT)
    now, moved = control.clock.now(), 0
    for event in told:
        goal = known.get((event.network, _last(told, event)))
        if event.action == ACTION and goal and (event.network, event.object) not in known:
            moved += _move(control, f"{event.network}.{event.object}", goal, event.at, now)
    return moved


def follow_soon(control: Control) -> int:
    """Move what waits now; where the broker is away the scheduler will do it."""
    try:
        return follow(control)
    except Unavailable:
        return 0


def _last(told: list[Event], event: Event) -> str:
    """Return what a plug is called by now, when it was renamed several times."""
    name = event.note
    for later in told[told.index(event) + 1 :]:
        if later.action == ACTION and later.network == event.network and later.object == name:
            name = later.note
    return name


def _move(control: Control, old: str, goal: Plug, at: datetime, now: datetime) -> int:
    depth = control.broker.depth([old]).get(old)
    if depth is None:
        return 0
    reach("plug.renamed")
    if depth.ready:
        queues.declare(control, [queues.plug_spec(goal)])
        return control.broker.move(old, goal.queue)
    if not depth.unacked and now - at > SETTLED:
        control.broker.delete(old)
    return 0
