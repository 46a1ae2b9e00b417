"""State at scale: 1,000 processors with 2,000 plugs, many agents, millions of calls.

Everything is timed as a person or the scheduler meets it: through services, on both databases. How
cost grows is shown by three sizes of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from flowctl.model.fleet import Resources
from flowctl.model.flow import NetworkSpec, PlugSpec, ProcessorSpec, SocketSpec
from flowctl.model.ids import RunId
from flowctl.model.states import AgentStatus
from flowctl.model.work import AgentBeat, CallFilter
from flowctl.planning.place import plan
from flowctl.recipe.diff import diff
from flowctl.services import calls, pages
from flowctl.services.control import Control, open_control
from flowctl.services.pages import Selection
from flowctl.settings import load
from schedulerd.planner import Planner
from schedulerd.policy import Policy
from tests.fleets import SOURCE
from tests.servers.postgres import PostgresServer, installed

SIZES = {
    "processors": (100, 300, 1_000),
    "agents": (10, 100, 1_000),
    "calls": (10_000, 100_000, 1_000_000),
}
AGENTS, PROCESSORS = 100, 1_000
Rows = list[tuple[str, Any, str]]


def measure(home: Path) -> Rows:
    """Fill and ask, on SQLite and on Postgres."""
    rows: Rows = []
    for name, url in _databases(home):
        for what, sizes in SIZES.items():
            for size in sizes:
                with _opened(home / f"{name}-{what}-{size}", url()) as control:
                    rows += _grown(name, what, size, control)
    return rows


def _grown(name: str, what: str, size: int, control: Control) -> Rows:
    label = f"{name}, {size:,} {what}"
    if what == "processors":
        fill(control, size, AGENTS)
        return _told(label, wanted(control, size), "<= 1")
    if what == "agents":
        fill(control, 100, size)
        return _told(label, fleet(control), "<= 1")
    fill(control, 10, 1)
    history(control, size)
    return _told(label, traffic(control), "<= 1")


def _told(label: str, found: dict[str, float], goal: str) -> Rows:
    return [(f"{label}: {what}, s", seconds, goal) for what, seconds in found.items()]


# What is filled


def network(size: int) -> NetworkSpec:
    """Return a network of so many processors and twice as many plugs."""
    processors = tuple(
        ProcessorSpec(
            name=f"p{number:05}", source=SOURCE, sockets=(SocketSpec(name="f", task="f"),)
        )
        for number in range(size)
    )
    plugs = [
        PlugSpec(
            source=f"p{number:05}.f", target=f"p{(number + step) % size:05}.f", allow_cycle=True
        )
        for number in range(size)
        for step in (1, 7)
    ]
    return NetworkSpec(name="large", processors=processors, plugs=tuple(plugs))


def fill(control: Control, processors: int, agents: int) -> None:
    """Make agents with enough cpus, and the network."""
    for number in range(agents):
        control.store.fleet.beat(_beat(f"h{number:04}", max(1, 2 * processors // agents)))
    control.store.flows.apply(diff(None, network(processors)), expect=None)


def _beat(name: str, cpus: int) -> AgentBeat:
    return AgentBeat(
        name=name, hostname=name, boot_id="b", pid=1, version="0", cpus=cpus, labels={}, port=0,
        sentence="", resources=Resources(cpus=cpus), status=AgentStatus.RUNNING,
    )  # fmt: skip


def history(control: Control, count: int) -> None:
    """Write so many finished calls, 10,000 a minute, up to now, by the database itself."""
    postgres = control.settings.state.startswith("postgres")
    number = "n::text" if postgres else "CAST(n AS TEXT)"
    series = (
        f"generate_series(1, {count}) AS t(n)"
        if postgres
        else f"(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {count}) "
        "SELECT n FROM t)"
    )
    last = int(control.clock.now().timestamp() * 1_000_000)
    at = f"{last} - ({count} - n) * CAST(6000 AS BIGINT)"
    values = {
        "id": f"'call-' || {number}", "run_id": f"'run-' || {number if not postgres else '(n / 4)::text'}",
        "parent": "''", "network": "CASE WHEN n % 100000 = 1 THEN 'small' ELSE 'large' END", "processor": f"'p0000' || {_tenth(postgres)}",
        "socket": f"'p0000' || {_tenth(postgres)} || '.f'", "plug": "''", "argument": "''",
        "status": "CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'finished' END", "attempt": "1",
        "worker": "'w'", "agent": "'h0000'", "at": at, "received_at": at, "started_at": at,
        "finished_at": f"{at} + 500", "duration": "0.0005", "outputs": "0", "error": "''",
        "output": "''", "size": "1",
    }  # fmt: skip
    names, sources = ", ".join(values), ", ".join(values.values())
    _execute(control, f"INSERT INTO call ({names}) SELECT {sources} FROM {series}")
    if postgres:
        _execute(control, "ANALYZE call")


def _tenth(postgres: bool) -> str:
    return "(n % 10)::text" if postgres else "CAST(n % 10 AS TEXT)"


def _execute(control: Control, sql: str) -> None:
    """Execute SQL beside the store: no unit of work may last as long as ten million rows."""
    url = control.settings.state
    if url.startswith("postgres"):
        import psycopg2

        connection: Any = psycopg2.connect(url)
        connection.autocommit = True
        connection.cursor().execute(sql)
    else:
        import sqlite3

        connection = sqlite3.connect(url.removeprefix("sqlite:///").partition("?")[0])
        connection.execute(sql)
        connection.commit()
    connection.close()


# What is asked


def wanted(control: Control, size: int) -> dict[str, float]:
    """Time listings, the change of one processor, and passes of the scheduler."""
    planner = Planner(control, Policy(), _lead(control), observe=False)
    found = {"first pass, everything placed": timed(planner.look)}
    found["a pass with nothing to do"] = best(planner.look)
    for kind in ("processor", "plug", "socket", "deployment"):
        found[f"ls {kind}s"] = best(lambda kind=kind: pages.page(control, kind))
    found["apply of one change"] = best(lambda: change(control))
    found["a pass after it"] = timed(planner.look)
    return found


def fleet(control: Control) -> dict[str, float]:
    """Time what grows with hosts."""
    planner = Planner(control, Policy(), _lead(control), observe=False)
    return {
        "first pass, everything placed": timed(planner.look),
        "a pass with nothing to do": best(planner.look),
        "ls agents": best(lambda: pages.page(control, "agent")),
        "one beat": best(lambda: control.store.fleet.beat(_beat("h0000", 8))),
        "plan alone": best(lambda: plan(control.store.fleet.snapshot())),
    }


def traffic(control: Control) -> dict[str, float]:
    """Time listings and traces of calls, and a round of retention that finds much to do."""
    now = control.clock.now()
    some, _ = control.store.traffic.calls(CallFilter(limit=1))
    run = RunId(some[0].run_id)
    found = {
        "ls calls": best(lambda: pages.page(control, "call", Selection(network="large"))),
        "ls calls of a network that has few": best(
            lambda: pages.page(control, "call", Selection(network="small"))
        ),
        "ls calls of a processor": best(
            lambda: pages.page(control, "call", Selection(calls=CallFilter(processor="p00003")))
        ),
        "ls calls --failed": best(
            lambda: pages.page(control, "call", Selection(calls=CallFilter(status=("failed",))))
        ),
        "ls runs": best(lambda: pages.page(control, "run")),
        "trace": best(lambda: calls.run(control, run)),
        "show of a call": best(lambda: pages.sheet(control, "call", some[0].id)),
        "pace of a network": best(
            lambda: control.store.traffic.pace("large", now - timedelta(seconds=30))
        ),
    }
    found["retention, one transaction"] = timed(lambda: control.store.traffic.expire(now, 500))
    return found


def change(control: Control) -> None:
    """Change the environment of one processor, as `apply` does."""
    before = control.store.flows.spec("large")
    import msgspec

    first, *rest = before.processors
    later = msgspec.structs.replace(first, env={"X": f"{time.monotonic_ns()}"})
    after = msgspec.structs.replace(before, processors=(later, *rest))
    control.store.flows.apply(diff(before, after), expect=None)


def timed(act: Callable[[], Any]) -> float:
    """Return the seconds of one go."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def best(act: Callable[[], Any]) -> float:
    """Return the seconds of the middle one of three goes."""
    return sorted(timed(act) for _ in range(3))[1]


def _lead(control: Control) -> int:
    lease = control.store.duty.acquire("bench", 3600)
    assert lease is not None
    return lease.term


@contextmanager
def _opened(home: Path, url: str) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(home), **({"FLOWCTL_STATE": url} if url else {})})
    settings.paths.make()
    with open_control(settings) as control:
        control.store.migrate()
        yield control


def _databases(home: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "SQLite", lambda: ""
    if installed():
        server = PostgresServer(careful=True)
        try:
            server.start()
            yield "Postgres", server.database
        finally:
            server.close()
