import itertools
from datetime import UTC, datetime, timedelta

import pytest

from flowctl.errors import InvalidInput
from flowctl.model.flow import Catchup, Schedule
from flowctl.planning.schedule import AT_ONCE, next_due, owed

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def cron(expression, **fields):
    return Schedule(cron=expression, **fields)


def walk(schedule, start, days):
    """All due times, in the zone's own words."""
    end, seen = start + timedelta(days=days), []
    while (due := next_due(schedule, start)) is not None and due <= end:
        seen.append(due)
        start = due
    return seen


def test_cron_is_due_on_its_minutes():
    assert next_due(cron("*/5 * * * *"), NOON) == NOON + timedelta(minutes=5)
    assert next_due(cron("*/5 * * * *"), NOON - timedelta(seconds=1)) == NOON


def test_weekdays_are_those_of_crontab():
    monday = cron("0 5 * * 1")
    assert [due.strftime("%a") for due in walk(monday, NOON, 15)] == ["Mon", "Mon"]
    assert next_due(cron("0 5 * * 0"), NOON).strftime("%a") == "Sun"
    assert next_due(cron("0 5 * * 7"), NOON).strftime("%a") == "Sun"


def test_day_of_month_or_day_of_week():
    both = cron("0 0 13 * 5")
    days = [due.strftime("%d %a") for due in walk(both, at("2026-05-01T00:30+00:00"), 16)]
    assert days == ["08 Fri", "13 Wed", "15 Fri"]


def test_a_time_in_the_spring_gap_is_due_once_right_after_it():
    daily = cron("30 2 * * *", timezone="Europe/Berlin")
    dues = walk(daily, at("2026-03-28T12:00+00:00"), 2)
    assert dues == [at("2026-03-29T03:00+02:00"), at("2026-03-30T02:30+02:00")]


def test_a_time_in_the_autumn_fold_is_due_once():
    daily = cron("30 2 * * *", timezone="Europe/Berlin")
    dues = walk(daily, at("2026-10-24T12:00+00:00"), 2)
    assert dues == [at("2026-10-25T02:30+02:00"), at("2026-10-26T02:30+01:00")]


def test_looking_from_within_the_second_pass_of_the_fold_does_not_repeat():
    daily = cron("30 2 * * *", timezone="Europe/Berlin")
    second_pass = at("2026-10-25T02:10+01:00")
    assert next_due(daily, second_pass) == at("2026-10-26T02:30+01:00")
    assert owed(daily, second_pass, second_pass + timedelta(hours=1)) == []


def test_every_hour_goes_on_through_both_changes():
    hourly = cron("0 * * * *", timezone="Europe/Berlin")
    for day in ("2026-03-28T23:30+00:00", "2026-10-24T22:30+00:00"):
        dues = walk(hourly, at(day), 0.25)
        assert all(b - a == timedelta(hours=1) for a, b in itertools.pairwise(dues))
        assert len(dues) == 6


def test_every_keeps_step_with_its_anchor():
    tick = Schedule(every=10)
    assert next_due(tick, NOON) == NOON + timedelta(seconds=10)
    assert owed(tick, NOON, NOON + timedelta(seconds=9.9)) == []
    assert owed(tick, NOON, NOON + timedelta(seconds=10)) == [NOON + timedelta(seconds=10)]
    late = owed(tick, NOON, NOON + timedelta(days=3, seconds=17))
    assert late == [NOON + timedelta(days=3, seconds=10)]


def test_at_fires_once():
    once = Schedule(at="2026-03-10T13:00:00+01:00")
    assert owed(once, NOON - timedelta(hours=1), NOON) == [NOON]
    assert owed(once, NOON, NOON + timedelta(hours=1)) == []
    assert next_due(once, NOON) is None


def test_nothing_scheduled_is_never_due():
    assert next_due(Schedule(), NOON) is None
    assert owed(Schedule(), NOON, NOON + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("policy", "minutes"),
    [(Catchup.SKIP, []), (Catchup.ONCE, [180]), (Catchup.ALL, [60, 120, 180])],
)
def test_what_happens_to_due_times_that_nobody_fired(policy, minutes):
    hourly = cron("0 * * * *", catchup=policy)
    now = NOON + timedelta(hours=3, minutes=20)
    assert owed(hourly, NOON, now) == [NOON + timedelta(minutes=each) for each in minutes]


def test_skip_still_fires_what_is_due_just_now():
    hourly = cron("0 * * * *", catchup=Catchup.SKIP)
    just = NOON + timedelta(hours=1)
    assert owed(hourly, NOON, just + timedelta(seconds=12)) == [just]


def test_once_forgets_after_a_day_and_all_never_does():
    yearly = {"cron": "0 0 1 1 *"}
    start = datetime(2024, 6, 1, tzinfo=UTC)
    assert owed(Schedule(**yearly), start, NOON) == []
    assert len(owed(Schedule(**yearly, catchup=Catchup.ALL), start, NOON)) == 2


def test_one_look_is_bounded_and_the_next_goes_on():
    every = Schedule(every=1, catchup=Catchup.ALL)
    now = NOON + timedelta(seconds=AT_ONCE + 5)
    first = owed(every, NOON, now)
    assert len(first) == AT_ONCE
    assert len(owed(every, first[-1], now)) == 5


@pytest.mark.parametrize(
    "bad",
    [
        Schedule(cron="61 * * * *"),
        Schedule(cron="* *"),
        Schedule(cron="* * * * *", timezone="Mars/Olympus"),
        Schedule(at="tomorrow"),
    ],
)
def test_what_cannot_be_read_is_refused(bad):
    with pytest.raises(InvalidInput):
        next_due(bad, NOON)
