"""Schedules: what is called by itself, when that was and will be; held, fired now, changed."""

from __future__ import annotations

from collections.abc import Callable

from flowctl.errors import InvalidInput
from flowctl.model.flow import Schedule
from flowctl.recipe.units import parse_duration
from flowctl.services import schedules
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Danger, Deed, Group
from flowctl.tui.listview import ListView
from flowctl.tui.targets import Target, line

_SCHEDULE = frozenset({"schedule"})


def _pause(control: Control, target: Target, _argument: str) -> str:
    return f"the schedule of {schedules.pause(control, target.address)} is paused"


def _resume(control: Control, target: Target, _argument: str) -> str:
    return f"the schedule of {schedules.pause(control, target.address, paused=False)} goes on"


def _fire(control: Control, target: Target, _argument: str) -> str:
    return f"{target.address} is called: {schedules.fire(control, target.address)[:12]}"


def _take(control: Control, target: Target, _argument: str) -> str:
    return f"{schedules.take(control, target.address)} is not called by itself any more"


def _times(text: str) -> Schedule:
    """Return what `every 5m`, `at 2030-01-01T00:00Z` or a cron expression means."""
    head, _, rest = text.partition(" ")
    try:
        if head == "every":
            return Schedule(every=parse_duration(rest))
    except ValueError as error:
        raise InvalidInput(f'"{rest}" is {error}', remedy="write 30s, 5m or 1h30m") from error
    return Schedule(at=rest) if head == "at" else Schedule(cron=text)


def _set(control: Control, target: Target, argument: str) -> str:
    row = schedules.put(control, target.address, _times(argument))
    due = f"; next {row.next:%Y-%m-%d %H:%M:%S} UTC" if row.next else ""
    return f"{row.name} is called by itself{due}"


def _set_line(target: Target, argument: str) -> str:
    head, _, rest = argument.partition(" ")
    flags = [f"--{head}", rest] if head in ("every", "at") else [argument]
    return line("flowctl", "schedule", "set", target.address, *flags)


def _verb(word: str) -> Callable[[Target, str], str]:
    return lambda target, _argument: line("flowctl", "schedule", word, target.address)


def _is_paused(target: Target) -> bool:
    return target.document.get("status") == "paused"


class Schedules(ListView):
    """A row a socket that is called by itself."""

    word, also = "schedules", ("cron",)
    words = "What is called by itself: when next, when last, with what; held, fired now, changed"
    kind = "schedule"
    actions = (
        Action(
            "schedule.pause", ("P",), "pause: fire nothing until it is resumed", Group.CHANGE,
            "object", _SCHEDULE, Danger.MILD, when=lambda target: not _is_paused(target),
            deed=Deed(_verb("pause"), _pause, "pause", inverse="schedule.resume"),
        ),
        Action(
            "schedule.resume", ("P",), "resume: fire again from now on", Group.CHANGE,
            "object", _SCHEDULE, Danger.MILD, when=_is_paused,
            deed=Deed(_verb("resume"), _resume, "resume", inverse="schedule.pause"),
        ),
        Action(
            "schedule.fire", ("R",), "run it now, whether or not it is due", Group.CHANGE,
            "object", _SCHEDULE, Danger.MODERATE, deed=Deed(_verb("fire"), _fire, "fire"),
        ),
        Action(
            "schedule.set", ("S",), "set other times", Group.CHANGE,
            "object", _SCHEDULE, Danger.MILD,
            deed=Deed(
                _set_line, _set, "schedule", argument="(*/5 * * * *, every 5m, at 2030-01-31T06:00Z)"
            ),
        ),
        Action(
            "schedule.delete", ("D",), "delete: never call it by itself again", Group.CHANGE,
            "object", _SCHEDULE, Danger.MODERATE, deed=Deed(_verb("rm"), _take, "delete"),
        ),
    )  # fmt: skip

    def command(self) -> str:
        """Return the listing as a command."""
        network = self.selection().network
        return line("flowctl", "ls", "schedules", *(["-n", network] if network else []))
