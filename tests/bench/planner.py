"""How long the planner takes for a large fleet."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from flowctl.planning.place import plan
from tests.fleets import agent, fleet, processor, taken


def measure(_home: Path) -> list[tuple[str, Any, str]]:
    """Plan 10,000 deployments on 1,000 agents from nothing, by both strategies."""
    rows: list[tuple[str, Any, str]] = []
    agents = [agent(f"h{n}", 16) for n in range(1000)]
    for strategy in ("BALANCED", "EFFICIENT"):
        wanted = [processor(f"p{n}", cpus=1, age=n) for n in range(10_000)]
        snapshot = fleet(wanted, agents, strategy=strategy)
        began = time.perf_counter()
        steps = plan(snapshot).steps
        took = time.perf_counter() - began
        held: Counter[str] = Counter()
        for claim in taken(snapshot, steps).deployments:
            held[claim.agent] += claim.cpus
        over = sum(held[each.name] > each.cpus for each in agents)
        rows += [
            (f"{strategy}: 10,000 deployments on 1,000 agents, s", took, "<= 1"),
            (f"{strategy}: overfilled agents", over, "0"),
        ]
    return rows
