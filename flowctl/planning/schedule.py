"""When a schedule is due: cron (as Debian's cron understands it), every so often, or once.

A due time is a moment in UTC. Cron expressions are read in the schedule's time zone: a fixed time
that a change of the clocks skips is due right after the gap, one that comes twice is due once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from flowctl.errors import InvalidInput
from flowctl.model.flow import Catchup, Schedule

WINDOW = timedelta(hours=24)
"""A due time older than this is never made up for, except where the policy is `all`."""
TOLERANCE = timedelta(seconds=30)
"""A due time younger than this counts as met: a change of leaders takes less."""
AT_ONCE = 1000
"""Due times that one look returns at most."""
_LOOKS = (timedelta(minutes=2), timedelta(hours=2), WINDOW)


def owed(schedule: Schedule, after: datetime, now: datetime) -> list[datetime]:
    """Return the due times after `after` that must fire now, oldest first, by the policy.

    Raises:
        InvalidInput: the schedule cannot be read.
    """
    match schedule.catchup:
        case Catchup.ALL:
            return list(islice(_until(schedule, after, now), AT_ONCE))
        case Catchup.ONCE:
            return _latest(schedule, after, now)
        case Catchup.SKIP:
            since = max(after, now - TOLERANCE)
            return [due for due in _until(schedule, after, now, since=since) if due > since][-1:]


def next_due(
    schedule: Schedule, after: datetime, *, since: datetime | None = None
) -> datetime | None:
    """Return the first due time after `since`, or None where there is none any more.

    `since` is `after` where it is not given; due times of `every` keep step with `after`.

    Raises:
        InvalidInput: the schedule cannot be read.
    """
    return next(_dues(schedule, after, after if since is None else since), None)


def _latest(schedule: Schedule, after: datetime, now: datetime) -> list[datetime]:
    # A short look back finds the latest of many without walking through all of them.
    for look in _LOOKS:
        since = max(after, now - look)
        found = [due for due in _until(schedule, after, now, since=since) if due > since]
        if found or since == after:
            return found[-1:]
    return []


def _until(
    schedule: Schedule, after: datetime, now: datetime, *, since: datetime | None = None
) -> Iterator[datetime]:
    for due in _dues(schedule, after, after if since is None else since):
        if due > now:
            return
        yield due


def _dues(schedule: Schedule, anchor: datetime, since: datetime) -> Iterator[datetime]:
    """Yield the due times after `since`; those of `every` keep step with `anchor`."""
    if schedule.cron:
        return _cron_dues(schedule, since)
    if schedule.every > 0:
        return _interval_dues(timedelta(seconds=schedule.every), anchor, since)
    return _single_due(schedule, since)


def _cron_dues(schedule: Schedule, since: datetime) -> Iterator[datetime]:
    try:
        zone = ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(f'"{schedule.timezone}" is not a time zone') from error
    start = since.astimezone(UTC if schedule.timezone == "UTC" else zone)
    try:
        times = CronSim(schedule.cron, start)
    except CronSimError as error:
        raise InvalidInput(f'cron "{schedule.cron}": {error}') from error
    # Within the hour that comes twice cronsim begins before `since` again.
    return (due for due in (time.astimezone(UTC) for time in times) if due > since)


def _interval_dues(every: timedelta, anchor: datetime, since: datetime) -> Iterator[datetime]:
    count = max(0, (since - anchor) // every) + 1
    while True:
        yield anchor + count * every
        count += 1


def _single_due(schedule: Schedule, since: datetime) -> Iterator[datetime]:
    if not schedule.at:
        return
    try:
        due = datetime.fromisoformat(schedule.at)
    except ValueError as error:
        raise InvalidInput(f'"{schedule.at}" is not a time') from error
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    if due > since:
        yield due.astimezone(UTC)
