"""Firing schedules: each due time of a socket once, whoever leads and however often we restart.

The database remembers what fired. A due time is written there together with its message in one
transaction, in the leader's term; the message is published from there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from flowctl import failpoints
from flowctl.errors import InvalidInput
from flowctl.model.flow import Processor, Schedule, Socket
from flowctl.model.ids import RunId, fire_call_id
from flowctl.model.naming import socket_queue
from flowctl.model.states import Desired
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import Fire
from flowctl.planning.schedule import AT_ONCE, next_due, owed
from flowctl.services.control import Control
from schedulerd.model import Model, Shelf
from schedulerd.outbox import publish

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    """A schedule, and from where on its due times are owed."""

    schedule: Schedule
    after: datetime
    next_at: datetime | None


class Cron:
    """The schedules of all networks, in one term."""

    def __init__(self, control: Control, shelf: Shelf, term: int) -> None:
        self._control = control
        self._shelf = shelf
        self._term = term
        self._revision = -1
        self._known: dict[str, _Watched] = {}
        self._active: dict[str, _Watched] = {}

    def fire(self, now: datetime) -> int:
        """Fire what is due at `now` (the database's time) and return how many.

        Raises:
            Conflict: another leads by now.
        """
        model = self._shelf.fresh()
        if model.revision != self._revision:
            self._follow(model, now)
        due = {
            name: watched
            for name, watched in self._active.items()
            if watched.next_at is not None and watched.next_at <= now
        }
        if not due:
            return 0
        owing = {name: owed(each.schedule, each.after, now) for name, each in due.items()}
        fires = [
            _fire(name, due[name].schedule, moment)
            for name, moments in owing.items()
            for moment in moments
        ]
        self._send(fires)
        for name, moments in owing.items():
            _advance(due[name], moments, now)
        return len(fires)

    def _send(self, fires: Sequence[tuple[Fire, Outgoing]]) -> None:
        if not fires:
            return
        written = self._control.store.duty.fire(fires, term=self._term)
        failpoints.reach("scheduler.fired")
        # What another leader wrote before us may be on its way: the outbox knows, we do not.
        if written == len(fires):
            publish(self._control, [outgoing for _, outgoing in fires])

    def _follow(self, model: Model, now: datetime) -> None:
        """Take over what is scheduled now; what goes on as before keeps its place."""
        processors = {(each.network, each.name): each for each in model.processors}
        known: dict[str, _Watched] = {}
        active: dict[str, _Watched] = {}
        for socket in model.sockets:
            schedule = socket.spec.schedule
            if schedule is None or schedule.paused:
                continue
            name = socket_queue(socket.network, socket.processor, socket.spec.name)
            watched = self._watched(name, socket, schedule, now)
            if watched is None:
                continue
            known[name] = watched
            if _fires(processors.get((socket.network, socket.processor))):
                active[name] = watched
        self._known, self._active, self._revision = known, active, model.revision

    def _watched(
        self, name: str, socket: Socket, schedule: Schedule, now: datetime
    ) -> _Watched | None:
        known = self._known.get(name)
        if known is not None and known.schedule == schedule:
            return known
        after = now
        if known is None:
            last = self._control.store.duty.last_fire(name)
            after = max(last, socket.updated_at) if last else socket.updated_at
        elif _timing(known.schedule) == _timing(schedule):
            after = known.after
        try:
            return _Watched(schedule, after, next_due(schedule, after))
        except InvalidInput as error:
            log.error("the schedule of %s cannot be read: %s", name, error)
            return None


def _fires(processor: Processor | None) -> bool:
    if processor is None or not processor.spec.enabled:
        return False
    return processor.requested_status is Desired.RUNNING


def _timing(schedule: Schedule) -> Schedule:
    return msgspec.structs.replace(schedule, payload="")


def _fire(name: str, schedule: Schedule, due: datetime) -> tuple[Fire, Outgoing]:
    call_id = fire_call_id(name, due.isoformat())
    message = Message(
        id=call_id, run_id=RunId(call_id), body=schedule.payload.encode(), sent_at=due
    )
    return Fire(socket=name, due_at=due, call_id=call_id), Outgoing(queue=name, message=message)


def _advance(watched: _Watched, moments: Sequence[datetime], now: datetime) -> None:
    if moments:
        watched.after = moments[-1]
    # A long list of missed times is worked off a part at a time.
    since = watched.after if len(moments) >= AT_ONCE else now
    watched.next_at = next_due(watched.schedule, watched.after, since=since)
