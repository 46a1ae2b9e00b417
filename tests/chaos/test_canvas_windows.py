"""Canvases through crash windows and random kills: right values, each step on record once."""

from pathlib import Path

import pytest

from tests.chaos import canvases
from tests.chaos.canvases import Producer, ended, judge, recipe
from tests.chaos.pairs import PAIRS, pair
from tests.cluster import Cluster, until

WINDOWS = ("worker.executed", "worker.committed", "worker.published")


@pytest.mark.process
@pytest.mark.parametrize("name", PAIRS)
def test_canvases_end_right_whatever_is_killed(name: str, tmp_path: Path) -> None:
    seconds = {"embedded": 10.0, "servers": 20.0}[name]
    with pair(name, tmp_path) as (cluster, outages):
        verdict = canvases.wreak(cluster, seconds=seconds, seed=20261124, outages=outages)
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], []), verdict.sentence()
    assert verdict.accepted > 0


@pytest.mark.process
@pytest.mark.parametrize("point", WINDOWS)
def test_a_crash_window_loses_no_branch(point: str, tmp_path: Path) -> None:
    """The worker that passes the window for the fifth time ends there, with canvases in its hands."""
    mark = tmp_path / "killed"
    env = {"FLOWCTL_FAILPOINT": f"{point}:kill:5:{mark}"}
    cluster = Cluster(tmp_path, cpus=8, env=env)
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "journal", cpus=1))
    try:
        cluster.start()
        cluster.flowctl("apply", str(tmp_path / "recipe.yaml"), "-y", "--wait")
        with cluster.control() as control:
            producer = Producer(control, rate=1.0)
            for number in range(12):
                producer.send(number)
            until(mark.exists, f"{point} is reached")
            until(lambda: ended(control, producer), "canvases end")
            verdict = judge(control, producer, tmp_path / "journal")
    finally:
        cluster.stop()
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], []), verdict.sentence()
