"""Kills things while canvases run, then looks at every one of them.

Each must come to the one right value, and each of its steps must be on record exactly once.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from flowctl.errors import NotFound, Unavailable
from flowctl.model.canvas import Node
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.recipe.expression import read
from flowctl.services import canvases
from flowctl.services.calls import json_payload
from flowctl.services.control import Control
from tests.chaos.checker import Verdict
from tests.chaos.runner import Killer, serving, under_fire
from tests.cluster import Cluster, until

CODE = """
import os
def note(context):
    file = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (context.call_id + "\\n").encode())
    os.close(file)
def inc(n, context=None):
    note(context)
    return n + 1
def spread(n, context=None):
    note(context)
    return [n, n + 1, n + 2, n + 3, n + 4]
def total(numbers, context=None):
    note(context)
    return sum(numbers)
"""
STAGES = ("one", "two", "three")
SOCKETS = ("inc", "spread", "total")
WIDE = 6
EXPRESSION = (
    "one.inc | funnel(["
    + ", ".join(["two.inc | [one.inc, three.inc] | two.total"] * WIDE)
    + "], three.total) | two.spread | segment(one.total, 2) | three.total | one.inc"
)
PROGRAM: Node = read(EXPRESSION)
CALLS = Counter(
    {
        "pipeline": 1 + WIDE, "funnel": 1, "parallel": WIDE, "segment": 1, "one.inc": 2 + WIDE,
        "two.inc": WIDE, "three.inc": WIDE, "two.total": WIDE, "three.total": 2, "two.spread": 1,
        "one.total": 3,
    }
)  # fmt: skip
"""The calls of one canvas, by socket."""


def right(number: int) -> int:
    """What a canvas must come to."""
    return 5 * WIDE * 2 * (number + 3) + 10 + 1


def recipe(journal: Path, cpus: int) -> str:
    """Three processors with the same functions."""
    one = {
        "source": {"code": CODE}, "cpus": cpus, "env": {"JOURNAL": str(journal)},
        "sockets": {name: name for name in SOCKETS},
    }  # fmt: skip
    return json.dumps({"version": 1, "network": "chaos", "processors": dict.fromkeys(STAGES, one)})


class Producer(threading.Thread):
    """Sends canvases at a steady pace, and notes those that were accepted."""

    def __init__(self, control: Control, rate: float) -> None:
        super().__init__(daemon=True)
        self._control, self._pause = control, 1.0 / rate
        self.accepted: dict[CallId, int] = {}
        self.unknown = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        """Send until told to stop."""
        number = 0
        while not self.stopping.wait(self._pause):
            number += 1
            self.send(number)

    def send(self, number: int) -> None:
        """Send one, and note what became of that."""
        payload = json_payload(str(number))
        try:
            (root,) = canvases.send(self._control, PROGRAM, [payload], network="chaos")
        except Unavailable:
            self.unknown += 1
        else:
            self.accepted[root] = number


def wreak(
    cluster: Cluster,
    *,
    seconds: float,
    seed: int,
    rate: float = 4.0,
    pause: float = 2.0,
    outages: list[Callable[[], None]] | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Run canvases under fire for `seconds`, drain, and judge."""
    journal = cluster.home / "journal"
    (cluster.home / "recipe.yaml").write_text(recipe(journal, cpus=2))
    cluster.flowctl("apply", str(cluster.home / "recipe.yaml"), "-y")
    with cluster.control() as control:
        until(lambda: serving(control) == set(STAGES), "all stages serve")
        producer = Producer(control, rate)
        killer = Killer(cluster, seed, pause, outages or [])
        under_fire(
            producer, killer, seconds,
            lambda: say(f"{len(producer.accepted)} canvases accepted, {dict(killer.kills)}"),
        )  # fmt: skip
        drained = time.monotonic()
        with contextlib.suppress(AssertionError):  # the verdict says what is missing
            until(lambda: ended(control, producer), "canvases end", timeout=300, pause=0.5)
        say(f"drained in {time.monotonic() - drained:.1f} s after {dict(killer.kills)}")
        return judge(control, producer, journal)


def ended(control: Control, producer: Producer) -> bool:
    """Tell whether every canvas that was accepted has finished."""
    with contextlib.suppress(Unavailable):
        return all(status(control, root) is CallStatus.FINISHED for root in producer.accepted)
    return False


def status(control: Control, root: CallId) -> CallStatus | None:
    """Where a canvas is."""
    try:
        return control.store.traffic.call(root).status
    except NotFound:
        return None


def judge(control: Control, producer: Producer, journal: Path) -> Verdict:
    """Look at every canvas: its value, and its calls."""
    verdict = Verdict(accepted=len(producer.accepted), unknown=producer.unknown)
    for root, number in producer.accepted.items():
        if status(control, root) is not CallStatus.FINISHED:
            verdict.lost.append(root)
            continue
        if json.loads(control.store.traffic.result(root).body) != right(number):
            verdict.wrong.append(root)
        calls = control.store.traffic.run(root)
        if Counter(call.socket for call in calls) != CALLS:
            verdict.doubled.append(root)
        if {call.status for call in calls} != {CallStatus.FINISHED}:
            verdict.wrong.append(root)
    executed = Counter(journal.read_text().split()) if journal.exists() else Counter()
    verdict.executions = executed.total()
    verdict.again = executed.total() - len(executed)
    return verdict
