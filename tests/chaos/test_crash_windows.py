"""Every crash window by name: a kill exactly there loses nothing and doubles nothing."""

from pathlib import Path

import pytest

from flowctl.failpoints import POINTS
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.traffic import Message, Outgoing
from tests.chaos.checker import judge
from tests.chaos.runner import PLUGS, STAGES, finished, recipe, results, serving, settle
from tests.cluster import Cluster, until

CALLS = 200
WINDOWS = [p for p in POINTS if p.startswith(("worker.", "agent.")) or p == "scheduler.placed"]
"""The points that a flow of calls passes; a house test holds that the others are tried elsewhere."""
JOIN = """
  pair:
    source: {code: "def add(left, right): return left + right"}
    sockets: {add: add}
"""


def send(cluster: Cluster) -> dict[str, int]:
    """Send numbers into the first stage and return them by id."""
    numbers = {new_id(): number for number in range(CALLS)}
    with cluster.control() as control:
        control.broker.publish(
            [
                Outgoing(
                    queue="chaos.one.step",
                    message=Message(id=CallId(i), run_id=RunId(i), body=str(n).encode()),
                )
                for i, n in numbers.items()
            ]
        )
    return numbers


@pytest.mark.process
@pytest.mark.parametrize("point", WINDOWS)
def test_each_crash_window_loses_and_doubles_nothing(point: str, tmp_path: Path) -> None:
    mark = tmp_path / "killed"
    env = {"FLOWCTL_FAILPOINT": f"{point}:kill:1:{mark}", "FLOWCTL_CLAIM_AFTER": "1"}
    cluster = Cluster(tmp_path, agents=1, cpus=8, env=env)
    journal = tmp_path / "journal"
    text = recipe(journal, cpus=1)
    if point == "worker.claimed":
        text = with_long_call(text)
    if point == "worker.joined":
        text = with_join(text)
    (tmp_path / "recipe.yaml").write_text(text)
    try:
        cluster.start()
        cluster.flowctl("apply", str(tmp_path / "recipe.yaml"), "-y")
        with cluster.control() as control:
            until(lambda: serving(control) >= set(STAGES), "all stages serve")
            numbers = send(cluster)
            until(mark.exists, f"{point} is reached")
            until(lambda: finished(control) >= CALLS, "all calls end")
            settle(control)
            verdict = judge(numbers, {}, results(control), PLUGS, journal)
    finally:
        cluster.stop()
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], []), verdict.sentence()
    # Only what ran when its worker was killed may have run again.
    most = 64 if point == "worker.executed" else 1
    assert verdict.again <= most, verdict.sentence()


def with_long_call(text: str) -> str:
    """Let the first call of each stage run for longer than a delivery may be held."""
    return text.replace("        def step", "        import time\n        def step").replace(
        "            return n", "            time.sleep(2.5 if n == 0 else 0)\n            return n"
    )


def with_join(text: str) -> str:
    """Add a join that takes both arguments from the second stage."""
    plugs = (
        "  - {from: two.step, to: pair.add, argument: left}\n"
        "  - {from: two.step, to: pair.add, argument: right}\n"
    )
    return text.replace("plugs:\n", JOIN.strip("\n") + "\nplugs:\n" + plugs)
