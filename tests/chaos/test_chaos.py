"""Nothing is lost and nothing doubled, whatever is killed at random."""

from pathlib import Path

import pytest

from tests.chaos.pairs import PAIRS, pair
from tests.chaos.runner import wreak


@pytest.mark.process
@pytest.mark.parametrize("name", PAIRS)
def test_nothing_is_lost_whatever_is_killed(name: str, tmp_path: Path) -> None:
    seconds = {"embedded": 20.0, "servers": 40.0}[name]
    with pair(name, tmp_path) as (cluster, outages):
        verdict = wreak(cluster, seconds=seconds, seed=20261123, rate=100, outages=outages)
    assert not verdict.lost, verdict.sentence()
    assert not verdict.doubled, verdict.sentence()
    assert not verdict.wrong, verdict.sentence()
    assert verdict.accepted > 0
