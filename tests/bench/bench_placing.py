"""How long a whole pass takes: read 1,000 agents, plan 10,000 deployments, commit.

`python tests/bench/bench_placing.py [URL]`; SQLite in a temporary folder without a URL. Prints,
asserts nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from flowctl.model.fleet import Resources
from flowctl.model.flow import NetworkSpec, ProcessorSpec
from flowctl.model.states import AgentStatus
from flowctl.model.work import AgentBeat
from flowctl.planning.place import plan
from flowctl.recipe.diff import diff
from flowctl.state.store import open_store
from tests.fleets import SOURCE

AGENTS, CPUS, PROCESSORS = 1000, 16, 100


def beat(number):
    return AgentBeat(
        name=f"h{number}",
        hostname=f"h{number}",
        boot_id="b",
        pid=1,
        version="0",
        cpus=CPUS,
        labels={},
        port=0,
        sentence="",
        resources=Resources(cpus=CPUS),
        status=AgentStatus.RUNNING,
    )


def fill(store):
    store.migrate()
    for number in range(AGENTS):
        store.fleet.beat(beat(number))
    specs = tuple(
        ProcessorSpec(name=f"p{n}", source=SOURCE, cpus=10_000 // PROCESSORS)
        for n in range(PROCESSORS)
    )
    store.flows.apply(diff(None, NetworkSpec(name="shop", processors=specs)), expect=None)


def timed(name, act):
    began = time.perf_counter()
    value = act()
    print(f"{name:28} {time.perf_counter() - began:7.3f} s")
    return value


def main():
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/state.db"
        store = open_store(url)
        timed("fill", lambda: fill(store))
        fleet = timed("snapshot of the empty fleet", store.fleet.snapshot)
        wanted = timed("plan", lambda: plan(fleet))
        rejected = timed("commit", lambda: store.fleet.place(wanted.steps, term=None))
        fleet = timed("snapshot of the full fleet", store.fleet.snapshot)
        again = timed("plan again", lambda: plan(fleet))
        print(f"{len(wanted.steps)} steps, {len(rejected)} rejected, then {len(again.steps)}")
        store.close()


if __name__ == "__main__":
    main()
