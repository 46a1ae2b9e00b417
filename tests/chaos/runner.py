"""Kills things while messages flow, then counts. `make chaos SECONDS=60 SEED=n`."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from flowctl.errors import PublishFailed, Unavailable
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services.control import Control
from tests.chaos.checker import Verdict, judge
from tests.cluster import Cluster, until

STAGES = ("one", "two", "three")
PLUGS = ["one.step-two.step", "two.step-three.step"]
SOURCE = """
import os
JOURNAL = os.environ["JOURNAL"]
def step(n, context=None):
    file = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (context.call_id + "\\n").encode())
    os.close(file)
    return n
"""


def recipe(journal: Path, cpus: int) -> str:
    """Return three stages in a row whose function notes each execution in `journal`."""
    code = "\n".join("        " + line for line in SOURCE.strip().splitlines())
    parts = [
        f"  {name}:\n    source:\n      code: |\n{code}\n    cpus: {cpus}\n"
        f"    env: {{JOURNAL: '{journal}'}}\n    sockets: {{step: step}}\n"
        for name in STAGES
    ]
    plugs = "plugs:\n  - one.step -> two.step\n  - two.step -> three.step\n"
    return f"version: 1\nnetwork: chaos\nprocessors:\n{''.join(parts)}{plugs}"


@dataclass(slots=True)
class Sent:
    """What the producer knows of its messages: id to number."""

    accepted: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)


class Producer(threading.Thread):
    """Publishes batches at a steady pace and notes what was confirmed."""

    def __init__(self, control: Control, rate: float, batch: int = 20) -> None:
        super().__init__(daemon=True)
        self._control, self._pause, self._batch = control, batch / rate, batch
        self.sent = Sent()
        self.stopping = threading.Event()

    def run(self) -> None:
        """Publish until told to stop."""
        number = 0
        while not self.stopping.wait(self._pause):
            numbers = {new_id(): number + i for i in range(self._batch)}
            number += self._batch
            self._publish(numbers)

    def _publish(self, numbers: dict[str, int]) -> None:
        messages = [
            Outgoing(
                queue="chaos.one.step",
                message=Message(id=CallId(i), run_id=RunId(i), body=str(n).encode()),
            )
            for i, n in numbers.items()
        ]
        try:
            self._control.broker.publish(messages, timeout=60)
        except PublishFailed as error:
            self.sent.accepted |= {i: n for i, n in numbers.items() if i not in error.reasons}
        except Unavailable:
            self.sent.unknown |= numbers
        else:
            self.sent.accepted |= numbers


class Killer(threading.Thread):
    """Ends something at random every `pause` seconds; the seed decides what."""

    def __init__(
        self, cluster: Cluster, seed: int, pause: float, outages: list[Callable[[], None]]
    ) -> None:
        super().__init__(daemon=True)
        self._cluster, self._chance, self._pause = cluster, random.Random(seed), pause
        self._outages = outages
        self.kills: Counter[str] = Counter()
        self.stopping = threading.Event()

    def run(self) -> None:
        """Kill until told to stop."""
        turn = 0
        while not self.stopping.wait(self._pause):
            turn += 1
            if self._outages and turn % 8 == 0:
                outage = self._outages[(turn // 8 - 1) % len(self._outages)]
                self.kills[outage.__name__] += 1
                outage()
            else:
                self._kill(self._chance.choice(["executor", "executor", "worker", "daemon"]))

    def _kill(self, kind: str) -> None:
        if kind == "daemon":
            name = self._chance.choice(sorted(self._cluster.daemons))
            self._cluster.daemons[name].kill()
            self.kills["agentd" if name.startswith("a") else "schedulerd"] += 1
            return
        marker = "executor.py" if kind == "executor" else "agentd.worker"
        found = sorted(
            p.pid
            for p in [*self._cluster.processes(), *executors(self._cluster)]
            if runs(p, marker)
        )
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._chance.choice(found), signal.SIGKILL)
                self.kills[kind] += 1


def executors(cluster: Cluster) -> list[psutil.Process]:
    """Return the executors of the cluster's workers; their own environment is scrubbed."""
    found = []
    for process in cluster.processes():
        with contextlib.suppress(psutil.Error):
            found += process.children()
    return found


def runs(process: psutil.Process, marker: str) -> bool:
    """Tell whether a process has `marker` in its command line."""
    with contextlib.suppress(psutil.Error):
        return any(marker in part for part in process.cmdline())
    return False


def wreak(
    cluster: Cluster,
    *,
    seconds: float,
    seed: int,
    rate: float = 100.0,
    pause: float = 2.0,
    outages: list[Callable[[], None]] | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Run the three stages under fire for `seconds`, drain, and judge."""
    journal = cluster.home / "journal"
    (cluster.home / "recipe.yaml").write_text(recipe(journal, cpus=2))
    cluster.flowctl("apply", str(cluster.home / "recipe.yaml"), "-y")
    with cluster.control() as control:
        until(lambda: serving(control) == set(STAGES), "all stages serve")
        producer = Producer(control, rate)
        killer = Killer(cluster, seed, pause, outages or [])
        under_fire(
            producer, killer, seconds,
            lambda: say(f"{len(producer.sent.accepted)} accepted, {dict(killer.kills)}"),
        )  # fmt: skip
        drained = time.monotonic()
        wanted = len(producer.sent.accepted)
        with contextlib.suppress(AssertionError):  # the verdict says what is missing
            until(lambda: finished(control) >= wanted, "the flow drains", timeout=300, pause=0.5)
        settle(control)
        say(f"drained in {time.monotonic() - drained:.1f} s after {dict(killer.kills)}")
        return judge(
            producer.sent.accepted, producer.sent.unknown, results(control), PLUGS, journal
        )


class Stoppable(Protocol):
    """A producer: a thread that goes on until it is told to stop."""

    stopping: threading.Event

    def start(self) -> None: ...
    def join(self) -> None: ...


def under_fire(
    producer: Stoppable, killer: Killer, seconds: float, report: Callable[[], None]
) -> None:
    """Let a producer work for `seconds` while things are killed; `report` is called now and then."""
    began = time.monotonic()
    for each in (producer, killer):
        each.start()
    while (gone := time.monotonic() - began) < seconds:
        threading.Event().wait(min(10.0, seconds - gone))
        report()
    for each in (killer, producer):
        each.stopping.set()
        each.join()


def serving(control: Control) -> set[str]:
    """Return the processors that run."""
    with contextlib.suppress(Unavailable):
        return {p.name for p in control.store.flows.processors() if p.running_cpus > 0}
    return set()


def finished(control: Control) -> int:
    """Return how many calls of the last stage ended well."""
    with contextlib.suppress(Unavailable):
        wanted = CallFilter(socket="three.step", status=(CallStatus.FINISHED,), limit=1)
        return control.store.traffic.calls(wanted)[1]
    return 0


def settle(control: Control) -> None:
    """Wait until nothing is on its way any more: repeats that come late must be counted, too."""
    queues = [f"chaos.{s}.step" for s in STAGES] + [f"chaos.{p}" for p in PLUGS]
    until(lambda: idle(control, queues), "the queues are empty")


def idle(control: Control, queues: list[str]) -> bool:
    """Tell whether nothing is in these queues, nor in the hands of workers."""
    return all(each.ready + each.unacked == 0 for each in control.broker.depth(queues).values())


def results(control: Control) -> list[tuple[str, int]]:
    """Return (call id, value) of every result of the last stage."""
    found, offset = [], 0
    while True:
        page, _ = control.store.traffic.calls(
            CallFilter(
                socket="three.step", status=(CallStatus.FINISHED,), limit=1000, offset=offset,
                ascending=True,
            )
        )  # fmt: skip
        if not page:
            return found
        found += [(c.id, int(control.store.traffic.result(c.id).body)) for c in page]
        offset += len(page)
