"""Values become columns and come back as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from flowctl.state.fields import clean, encode, micros, moment

_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.datetimes(timezones=_ZONES))
def test_moments_keep_their_microsecond_and_come_back_in_utc(at: datetime) -> None:
    back = moment(micros(at))
    assert back == at
    assert back.tzinfo is UTC


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert moment(micros(noon)) == datetime(2026, 6, 1, 10, tzinfo=UTC)


@given(st.text(st.characters(exclude_categories=())))
def test_cleaned_text_fits_every_database(text: str) -> None:
    cleaned = clean(text)
    assert "\x00" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_good_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


def test_half_a_pair_becomes_a_question_mark_anywhere() -> None:
    assert encode({"k\ud800": ["\udfff", 1]}) == '{"k?":["?",1]}'
