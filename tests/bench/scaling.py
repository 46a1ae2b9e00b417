"""How long it takes until more cpus work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.bench.idle import RECIPE
from tests.cluster import Cluster


def measure(home: Path) -> list[tuple[str, Any, str]]:
    """Scale one processor from 1 to 4 and back, three times."""
    cluster = Cluster(home, cpus=4)
    (home / "recipe.yaml").write_text(RECIPE)
    took = []
    try:
        cluster.start()
        cluster.flowctl("apply", str(home / "recipe.yaml"), "-y")
        cluster.flowctl("call", "p.f", "1")
        for _ in range(3):
            began = time.perf_counter()
            cluster.flowctl("scale", "p=4", "--wait")
            took.append(time.perf_counter() - began)
            cluster.flowctl("scale", "p=1", "--wait")
    finally:
        cluster.stop()
    return [("flowctl scale 1 -> 4 --wait, s (median of 3)", sorted(took)[1], "<= 2")]
