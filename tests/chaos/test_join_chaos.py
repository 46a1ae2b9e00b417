"""Joins under random kills: each value is used once, and meets what it may meet."""

from pathlib import Path

import pytest

from tests.chaos import joins
from tests.chaos.pairs import PAIRS, pair


@pytest.mark.process
@pytest.mark.parametrize("name", PAIRS)
def test_values_meet_once_whatever_is_killed(name: str, tmp_path: Path) -> None:
    seconds = {"embedded": 6.0, "servers": 12.0}[name]
    with pair(name, tmp_path) as (cluster, outages):
        verdict = joins.wreak(
            cluster, seconds=seconds, seed=20261124, rate=60, pause=1.0, outages=outages
        )
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], []), verdict.sentence()
    assert verdict.accepted > 0
