"""Whether the times at which a socket is called can be understood, and if not, why."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from flowctl.model.flow import Schedule
from flowctl.recipe.notes import Notes

_RANGES = {
    "second": "within 0 to 59",
    "minute": "within 0 to 59",
    "hour": "within 0 to 23",
    "day-of-month": "a day that these months have (1 to 31, L, LW)",
    "month": "within 1 to 12 or JAN to DEC",
    "day-of-week": "within 0 to 7 or SUN to SAT",
}
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def check_schedule(path: str, schedule: Schedule, notes: Notes) -> None:
    """Complain about a schedule; `path` is that of its socket."""
    given = [key for key in ("cron", "every", "at") if getattr(schedule, key)]
    if len(given) > 1:
        notes.add(path, f"{' and '.join(given)} exclude each other", "keep one of them")
    if schedule.cron and (why := cron_problem(schedule.cron)):
        notes.add(f"{path}.cron", f'"{schedule.cron}" is no cron expression: {why}')
    if not _is_zone(schedule.timezone):
        message = f'there is no time zone "{schedule.timezone}"'
        notes.add(f"{path}.timezone", message, "such as UTC or Europe/Berlin")


def cron_problem(cron: str) -> str:
    """Return why a cron expression cannot be used, or nothing.

    >>> cron_problem("61 * * * *")
    'its minute "61" is not within 0 to 59'
    """
    fields = cron.split()
    if cron in _NICKNAMES:
        return f'write "{_NICKNAMES[cron]}" instead'
    if len(fields) not in {5, 6}:
        return f"it has {len(fields)} fields, not five (minute hour day month weekday)"
    try:
        CronSim(cron, _SOME_DAY)
    except CronSimError as error:
        return _bad_field(str(error), fields)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _bad_field(reason: str, fields: list[str]) -> str:
    name = reason.removeprefix("Bad ")
    if name not in _RANGES:
        return reason[:1].lower() + reason[1:]
    index = list(_RANGES).index(name) - (len(fields) == 5)
    return f'its {name} "{fields[index]}" is not {_RANGES[name]}'


def _is_zone(name: str) -> bool:
    """Ask Python's own table of time zones."""
    if name == "UTC":
        return True
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
