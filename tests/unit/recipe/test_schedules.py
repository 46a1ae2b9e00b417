"""Times at which sockets are called."""

from __future__ import annotations

import pytest

from flowctl.model.flow import Schedule
from flowctl.recipe.notes import Notes
from flowctl.recipe.schedules import check_schedule, cron_problem


@pytest.mark.parametrize(
    "cron", ["* * * * *", "*/5 8-18 * JAN-MAR MON", "30 0 6 L * *", "0 0 * * 5#2"]
)
def test_good_expressions_are_fine(cron: str) -> None:
    assert cron_problem(cron) == ""


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("61 * * * *", 'its minute "61" is not within 0 to 59'),
        ("* 24 * * *", 'its hour "24" is not within 0 to 23'),
        ("99 * * * * *", 'its second "99" is not within 0 to 59'),
        (
            "0 0 30 2 *",
            'its day-of-month "30" is not a day that these months have (1 to 31, L, LW)',
        ),
        ("* * * *", "it has 4 fields, not five (minute hour day month weekday)"),
        ("@daily", 'write "0 0 * * *" instead'),
        ("x * * * *", 'its minute "x" is not within 0 to 59'),
    ],
)
def test_bad_expressions_are_told_why(cron: str, why: str) -> None:
    assert cron_problem(cron) == why


def test_a_number_too_long_is_no_crash() -> None:
    assert cron_problem("9" * 5000 + " * * * *")


def test_at_most_one_time_and_a_zone_that_exists() -> None:
    notes = Notes()
    check_schedule("s", Schedule(cron="* * * * *", every=1.0, timezone="../x"), notes)
    assert [p.message for p in notes.problems] == [
        "cron and every exclude each other",
        'there is no time zone "../x"',
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_known_zones_are_fine(zone: str) -> None:
    notes = Notes()
    check_schedule("s", Schedule(every=1.0, timezone=zone), notes)
    assert not notes.problems


@pytest.mark.parametrize("zone", ["Mars/Base", "America", "", "/etc/passwd"])
def test_unknown_zones_are_told(zone: str) -> None:
    notes = Notes()
    check_schedule("s", Schedule(every=1.0, timezone=zone), notes)
    assert len(notes.problems) == 1
