"""Schedules: which sockets are called by themselves, when, and with what."""

from __future__ import annotations

from msgspec.structs import replace

from flowctl.errors import InvalidInput
from flowctl.model.flow import Catchup, Schedule, Socket
from flowctl.model.ids import CallId
from flowctl.model.states import Desired
from flowctl.planning.schedule import next_due
from flowctl.services import calls, edits, sockets
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.schedules import ScheduleRow


def listed(control: Control, network: str = "") -> list[ScheduleRow]:
    """Return the sockets that are called by themselves, with when that was and will be."""
    flows, chosen = control.store.flows, scope(control, network)
    firing = {
        (each.network, each.name)
        for each in flows.processors(chosen)
        if each.spec.enabled and each.requested_status is Desired.RUNNING
    }
    return [
        _row(control, socket, schedule, (socket.network, socket.processor) in firing)
        for socket in flows.sockets(chosen)
        if (schedule := socket.spec.schedule) is not None
    ]


def _row(control: Control, socket: Socket, schedule: Schedule, goes_on: bool) -> ScheduleRow:
    now, last = control.clock.now(), control.store.duty.last_fire(socket.queue)
    anchor = max(last, socket.updated_at) if last else socket.updated_at
    fires = goes_on and not schedule.paused
    due = next_due(schedule, anchor, since=max(anchor, now)) if fires else None
    return ScheduleRow(socket.name, socket.network, schedule, last, due, goes_on)


def put(
    control: Control,
    address: str,
    times: Schedule | None,
    *,
    payload: str = "",
    timezone: str = "",
    catchup: Catchup | None = None,
) -> ScheduleRow:
    """Have a socket called by itself; what is left out stays as it is.

    Raises:
        InvalidInput: it has no schedule and no time is given, or the payload is no JSON.
        RecipeError: the schedule cannot be read.
    """
    found = sockets.find(control, address)
    old = found.spec.schedule
    if old is None and times is None:
        raise InvalidInput(f"when is {found.name} called?", remedy="CRON, --every or --at")
    wanted = old or Schedule()
    if times is not None:
        wanted = replace(wanted, cron=times.cron, every=times.every, at=times.at)
    if payload:
        wanted = replace(wanted, payload=calls.json_payload(payload).body.decode())
    if timezone:
        wanted = replace(wanted, timezone=timezone)
    if catchup is not None:
        wanted = replace(wanted, catchup=catchup)
    _write(control, found, wanted)
    name = found.name
    return next(row for row in listed(control, found.network) if row.name == name)


def pause(control: Control, address: str, *, paused: bool = True) -> str:
    """Hold a schedule, or let it go on from now; return the name of its socket.

    Raises:
        InvalidInput: it has no schedule.
    """
    found = _scheduled(control, address)
    assert found.spec.schedule is not None
    _write(control, found, replace(found.spec.schedule, paused=paused))
    return found.name


def fire(control: Control, address: str) -> CallId:
    """Call a socket now with what its schedule sends, whether or not it is due; return the call.

    Raises:
        InvalidInput: it has no schedule.
    """
    control.may_write()
    found = _scheduled(control, address)
    assert found.spec.schedule is not None
    payload = calls.json_payload(found.spec.schedule.payload)
    return calls.send(control, found, [payload])[0]


def _scheduled(control: Control, address: str) -> Socket:
    found = sockets.find(control, address)
    if found.spec.schedule is None:
        raise InvalidInput(f"{found.name} has no schedule", remedy="flowctl ls schedules")
    return found


def take(control: Control, address: str) -> str:
    """Have a socket called no more by itself, and return its name.

    Raises:
        InvalidInput: it has no schedule.
    """
    found = _scheduled(control, address)
    _write(control, found, None)
    return found.name


def _write(control: Control, found: Socket, schedule: Schedule | None) -> None:
    change = edits.with_socket(found.processor, replace(found.spec, schedule=schedule), new=False)
    edits.carry_out(control, edits.edit(control, found.network, change))
