"""flowctl in the race: one network on one pair of broker and database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowctl import Flow, funnel, pipeline
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services.control import Control
from tests.bench.race.marks import Marks, Nap, rate
from tests.cluster import Cluster, until

NETWORK = "race"
WORKERS = 4
HERE = Path(__file__).parent

_PROCESSOR = """
  {name}:
    source: {{path: {here}, module: work}}
    cpus: {cpus}
    track: {track}
    {host}
    env: {{RACE_MARKS: {marks}}}
    sockets: {sockets}"""

_PLUGS = """
plugs:
  - stages.first -> stages.second
  - {from: sides.left, to: pair.pair, argument: left}
  - {from: sides.right, to: pair.pair, argument: right}
"""


def recipe(marks: Path) -> str:
    """Return the network of the race; each processor is one row of the table."""
    made = [
        _processor(marks, "one", "{mark: mark}"),
        _processor(marks, "two", "{mark: mark}", cpus=2),
        _processor(marks, "errors", "{mark: mark}", track="errors"),
        _processor(marks, "none", "{mark: mark}", track="none"),
        _processor(marks, "stages", "{first: mark, second: mark}"),
        _processor(marks, "sides", "{left: through, right: through}"),
        _processor(marks, "pair", "{pair: pair}", cpus=2, host=""),
        _processor(marks, "naps", "{nap: nap}", cpus=WORKERS, host=""),
        _processor(marks, "canvas", "{through: through, total: total, more: more}"),
        _processor(marks, "burn1", "{burn: burn}"),
        _processor(marks, "burn2", "{burn: burn}", cpus=2),
    ]
    return f"version: 1\nnetwork: {NETWORK}\nprocessors:{''.join(made)}\n{_PLUGS}"


def _processor(
    marks: Path, name: str, sockets: str, *, cpus: int = 1, track: str = "all", host: str = "a1"
) -> str:
    placed = f"host: {host}" if host else "labels: {}"
    return _PROCESSOR.format(
        name=name, here=HERE, cpus=cpus, track=track, host=placed, marks=marks, sockets=sockets
    )


@dataclass(frozen=True, slots=True)
class FlowSystem:
    """A running network, with one of its processors as the one that runs."""

    cluster: Cluster
    control: Control
    marks: Marks

    def apply(self) -> None:
        """Bring the network up, and every worker with it."""
        file = self.cluster.home / "race.yaml"
        file.write_text(recipe(self.marks.path))
        self.cluster.flowctl("apply", str(file), "-y")
        until(self._is_up, "all workers run", timeout=180)

    def rate(self, processor: str, count: int) -> float:
        """Return no-op calls a second of one processor, all queued before the first runs."""
        return self._counted(processor, [f"{NETWORK}.{processor}.mark"], b"1", count, count)

    def flows(self, count: int) -> float:
        """Return two-stage flows a second of one worker: both stages count, so halve the calls."""
        return self._counted("stages", [f"{NETWORK}.stages.first"], b"1", count, 2 * count) / 2

    def burnt(self, processor: str, seconds: float, count: int) -> float:
        """Return calls a second that use a cpu for so long each."""
        body = str(seconds).encode()
        return self._counted(processor, [f"{NETWORK}.{processor}.burn"], body, count, count)

    def pairs(self, count: int) -> float:
        """Return joins a second: two values each, over two plugs, two workers."""
        plugs = self.control.store.flows.plugs(NETWORK)
        queues = [plug.queue for plug in plugs if plug.spec.argument]
        return self._counted("pair", queues, b"1", count, count)

    def trips(self, count: int) -> list[float]:
        """Return the seconds of single calls by the client to an idle worker."""
        with self.flow() as flow:
            return [_timed(flow, number) for number in range(count + 10)][10:]

    def naps(self, seconds: Sequence[float]) -> list[Nap]:
        """Run naps on the four workers."""
        with self.held("naps"):
            self.publish(f"{NETWORK}.naps.nap", [str(each).encode() for each in seconds])
            self.marks.clear()
        self.marks.await_(len(seconds), width=24)
        return self.marks.naps()

    def wide(self, count: int) -> float:
        """Return the seconds of a fan-out to so many calls, and one that gets all results."""
        with self.flow() as flow:
            return _seconds(
                lambda: funnel([flow.canvas.through] * count, flow.canvas.total)(1), count
            )

    def deep(self, count: int) -> float:
        """Return the seconds of so many calls one after the other."""
        with self.flow() as flow:
            return _seconds(lambda: pipeline(*[flow.canvas.more] * count)(0), count)

    def sent(self, count: int) -> float:
        """Return confirmed sends a second from Python."""
        with self.held("one"), self.flow() as flow:
            flow.one.mark.send(0)
            began = time.perf_counter()
            handles = flow.one.mark.send_many(range(count))
            took = time.perf_counter() - began
        assert len(handles) == count
        self._purge("one.mark")
        return count / took

    def sent_by_shell(self, count: int) -> float:
        """Return confirmed sends a second from the command line, its start included."""
        lines = "".join(f"{number}\n" for number in range(count))
        with self.held("one"):
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "flowctl", "send", "one.mark", "--each", "-"],
                env=self.cluster.env, input=lines, capture_output=True, text=True, check=False,
            )  # fmt: skip
            took = time.perf_counter() - began
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.split()) == count
        self._purge("one.mark")
        return count / took

    def _counted(
        self, processor: str, queues: Sequence[str], body: bytes, count: int, marks: int
    ) -> float:
        with self.held(processor):
            for queue in queues:
                self.publish(queue, [body] * count)
            self.marks.clear()
        self.marks.await_(marks)
        self.settled()
        return rate(self.marks.moments())

    def publish(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Put messages into a queue, confirmed."""
        self.control.broker.publish(
            [
                Outgoing(queue=queue, message=Message(id=CallId(i), run_id=RunId(i), body=body))
                for i, body in ((new_id(), body) for body in bodies)
            ],
            timeout=300,
        )

    def flow(self) -> Flow:
        """Return the network as programs see it."""
        return Flow(NETWORK, state=self.control.settings.state, broker=self.control.settings.broker)

    @contextmanager
    def held(self, processor: str) -> Iterator[None]:
        """Let a processor take nothing until the end of the block."""
        self.cluster.flowctl("pause", f"{NETWORK}/{processor}", "--wait")
        try:
            yield
        finally:
            self.cluster.flowctl("resume", f"{NETWORK}/{processor}")

    def settled(self) -> None:
        """Wait until every call that ran is on record and nothing is left to be sent."""
        running = CallFilter(status=(CallStatus.RUNNING, CallStatus.RECEIVED), limit=1)
        until(lambda: self.control.store.traffic.calls(running)[1] == 0, "calls are on record")

    def _purge(self, socket: str) -> None:
        self.cluster.flowctl("queue", "purge", f"{NETWORK}.{socket}", "-y")

    def _is_up(self) -> bool:
        return all(
            each.running_cpus == each.spec.cpus
            for each in self.control.store.flows.processors(NETWORK)
        )


def _seconds(act: Callable[[], object], result: int) -> float:
    began = time.perf_counter()
    assert act() == result
    return time.perf_counter() - began


def _timed(flow: Flow, number: int) -> float:
    began = time.perf_counter()
    assert flow.one.mark(number, timeout=60) == number
    return time.perf_counter() - began
