"""One durable hop: consume, run, commit, acknowledge; and the round trip of one call."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any

from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services import calls, sockets
from flowctl.services.answers import Desk
from flowctl.services.control import Control
from tests.bench.idle import RECIPE
from tests.chaos.pairs import pair
from tests.cluster import until

CALLS = 8_000
TRIPS = 100


def measure(home: Path, name: str) -> list[tuple[str, Any, str]]:
    """Measure with one worker of one executor on a pair of broker and database."""
    (home / "recipe.yaml").write_text(RECIPE)
    with pair(name, home) as (cluster, _), cluster.control() as control:
        cluster.flowctl("apply", str(home / "recipe.yaml"), "-y")
        cluster.flowctl("call", "p.f", "1")
        desk = Desk(control)
        trips = sorted(round_trip(control, desk) for _ in range(TRIPS))
        publish, rate = throughput(control)
    return [
        ("no-op calls/s, one executor, all recorded", rate, ""),
        ("confirmed publishes/s into its queue", publish, ""),
        ("round trip of one call, p50 ms", 1000 * statistics.median(trips), ""),
        ("round trip of one call, p99 ms", 1000 * trips[int(TRIPS * 0.99) - 1], ""),
    ]


def round_trip(control: Control, desk: Desk) -> float:
    """Return the seconds from sending one call to having its result."""
    socket = sockets.find(control, "p.f")
    began = time.perf_counter()
    desk.ask(socket, [calls.json_payload("1")]).wait(control, 30)
    return time.perf_counter() - began


def throughput(control: Control) -> tuple[float, float]:
    """Return publishes/s, and calls/s from the first to the last."""
    batch = [
        Outgoing(queue="idle.p.f", message=Message(id=CallId(i), run_id=RunId(i), body=b"1"))
        for i in (new_id() for _ in range(CALLS))
    ]
    before = ended(control)
    began = time.perf_counter()
    sender = threading.Thread(target=control.broker.publish, args=(batch,), kwargs={"timeout": 120})
    sender.start()
    sender.join()
    published = time.perf_counter() - began
    until(lambda: ended(control) >= before + CALLS, "all calls end", timeout=300)
    rows, _ = control.store.traffic.calls(CallFilter(limit=CALLS, status=(CallStatus.FINISHED,)))
    times = sorted(call.finished_at for call in rows if call.finished_at)
    return CALLS / published, len(times) / (times[-1] - times[0]).total_seconds()


def ended(control: Control) -> int:
    """Return how many calls ended."""
    return control.store.traffic.calls(CallFilter(limit=1, status=(CallStatus.FINISHED,)))[1]
