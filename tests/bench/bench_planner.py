"""How long the planner takes: `python tests/bench/bench_planner.py`. Prints, asserts nothing."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import msgspec

from flowctl.model.states import AgentStatus
from flowctl.planning.place import plan
from tests.fleets import agent, fleet, processor, taken


def report(name, snapshot):
    started = time.perf_counter()
    result = plan(snapshot)
    took = time.perf_counter() - started
    after = taken(snapshot, result.steps)
    held = Counter()
    for claim in after.deployments:
        held[claim.agent] += claim.cpus
    over = sum(held[each.name] > each.cpus for each in after.agents)
    print(
        f"{name:42} {took:7.3f} s  {len(result.steps):6} steps  "
        f"{len(result.unplaced):5} unplaced  {over} overfilled"
    )
    return after


def main():
    agents = [agent(f"h{n}", 16) for n in range(1000)]
    for strategy in ("BALANCED", "EFFICIENT"):
        singles = [processor(f"p{n}", cpus=1, age=n) for n in range(10_000)]
        full = report(
            f"{strategy} 10,000 x 1 cpu, empty", fleet(singles, agents, strategy=strategy)
        )
        report(f"{strategy} 10,000 x 1 cpu, nothing to do", full)
        lost = tuple(
            msgspec.structs.replace(each, status=AgentStatus.LOST) if n % 10 == 0 else each
            for n, each in enumerate(full.agents)
        )
        report(f"{strategy} a tenth of the agents lost", msgspec.structs.replace(full, agents=lost))
        wide = [processor(f"p{n}", cpus=100, age=n) for n in range(100)]
        report(f"{strategy} 100 x 100 cpus, empty", fleet(wide, agents, strategy=strategy))
        greedy = [processor(f"p{n}", cpus=4, age=n) for n in range(10_000)]
        report(f"{strategy} 10,000 x 4 cpus, too many", fleet(greedy, agents, strategy=strategy))


if __name__ == "__main__":
    main()
