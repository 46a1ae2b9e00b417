"""A simulated year: every due time fires once, however often and when anybody looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.model.flow import Catchup, Schedule
from flowctl.planning.schedule import next_due, owed

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EXPRESSIONS = ["30 2 * * *", "0 */6 * * *", "15 3 * * 1", "0 0 1 * *", "45 1,2,3 * * 0"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


def all_dues(schedule, start, end):
    seen = []
    while (due := next_due(schedule, start)) is not None and due <= end:
        seen.append(due)
        start = due
    return seen


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.lists(st.integers(60, 40 * 86400), min_size=9, max_size=40),
)
def test_all_fires_each_due_time_of_a_year_exactly_once(expression, zone, gaps):
    schedule = Schedule(cron=expression, timezone=zone, catchup=Catchup.ALL)
    now, after, fired = NEW_YEAR, NEW_YEAR, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        dues = owed(schedule, after, now)
        fired += dues
        after = dues[-1] if dues else after
    assert fired == all_dues(schedule, NEW_YEAR, now)
    assert len(set(fired)) == len(fired)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.lists(st.integers(60, 3 * 86400), min_size=1, max_size=30),
)
def test_once_fires_the_latest_and_never_an_older_one(expression, zone, gaps):
    schedule = Schedule(cron=expression, timezone=zone)
    now, after = NEW_YEAR, NEW_YEAR
    for gap in gaps:
        now += timedelta(seconds=gap)
        dues = owed(schedule, after, now)
        missed = [
            each for each in all_dues(schedule, after, now) if each > now - timedelta(hours=24)
        ]
        assert dues == missed[-1:]
        after = dues[-1] if dues else after
