"""The physics of a flow that really runs: its slow processor is named, with the cpus it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster, until
from tests.stage import stage

pytestmark = pytest.mark.process

QUICK = "def take(n): return n"
SLOW = "import time\n\ndef score(n):\n    time.sleep(0.1)\n    return n\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("physics"), cpus=4)
    try:
        yield made.start()
    finally:
        made.stop()


def test_the_processor_that_limits_a_flow_is_marked(cluster: Cluster) -> None:
    with stage(cluster, "physics") as net:
        net.apply(
            {"first": net.coded(QUICK, "take"), "second": net.coded(SLOW, "score")},
            ["first.take -> second.score"],
        )
        net.send("first.take", list(range(2000)))

        def marked() -> dict[str, Any]:
            found = json.loads(net.say("graph", "-o", "json", "--live"))
            live = {vertex["name"]: vertex["live"] for vertex in found["vertices"]}
            plug = found["edges"][0]["live"]
            # What waits grows and rates are those of the last seconds: both need a while to be so.
            true = live["second"]["utilisation"] and live["second"]["limiting"]
            true = true and plug["depth"] > 100 and 0 < plug["out_rate"] <= 11
            return live if true else {}

        live = until(marked, "the slow processor is named, before it waits what it cannot take")
        assert not live["first"]["limiting"]
        until(lambda: "b 1/1" in net.say("graph", "--live"), "the picture shows it too")
