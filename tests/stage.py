"""One network on a cluster: driven through the command line as a person does, watched through the state."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus, WorkerStatus
from flowctl.model.traffic import Call
from flowctl.model.work import CallFilter
from flowctl.services.control import Control
from tests.cluster import PATIENCE, Cluster, until

STEPS = '''
import os, pathlib, time

def note(word):
    """Append a line in one write, so that executions can be counted."""
    file = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (str(word) + "\\n").encode())
    os.close(file)

def step(n):
    note(n)
    return n

def gated(n):
    """Run until the test opens the gate."""
    note(n)
    while not pathlib.Path(os.environ["JOURNAL"] + ".open").exists():
        time.sleep(0.02)
    return n
'''


class Stage:
    """A network by its name; every call of it is on record."""

    def __init__(self, cluster: Cluster, control: Control, name: str) -> None:
        self.cluster, self.control, self.name = cluster, control, name
        self.journal = cluster.home / f"{name}.journal"

    def coded(self, code: str, *sockets: str, **spec: Any) -> dict[str, Any]:
        """Return a processor that runs `code`; each socket is the function of its name."""
        env = {"JOURNAL": str(self.journal), **spec.pop("env", {})}
        return {
            "source": {"code": code}, "sockets": {name: name for name in sockets}, "env": env, **spec,
        }  # fmt: skip

    def write(self, processors: Mapping[str, Any], plugs: Sequence[Any] = ()) -> Path:
        """Write the recipe; JSON is YAML, too."""
        file = self.cluster.home / f"{self.name}.yaml"
        recipe = {"version": 1, "network": self.name, "processors": processors, "plugs": plugs}
        file.write_text(json.dumps({k: v for k, v in recipe.items() if v}))
        return file

    def apply(self, processors: Mapping[str, Any], plugs: Sequence[Any] = ()) -> None:
        """Apply, and wait until everything serves."""
        file = self.write(processors, plugs)
        self.cluster.flowctl("apply", str(file), "-y", "--wait", "--timeout", f"{PATIENCE:.0f}s")

    def say(self, *words: str, stdin: str = "") -> str:
        """Run a command about this network."""
        return self.cluster.flowctl("-n", self.name, *words, stdin=stdin)

    def send(self, socket: str, values: Sequence[Any], *options: str) -> list[CallId]:
        """Send each value and return the ids."""
        lines = "".join(json.dumps(value) + "\n" for value in values)
        return [
            CallId(i)
            for i in self.say("send", socket, "-", "--each", *options, stdin=lines).split()
        ]

    def ended(self, ids: Sequence[CallId]) -> dict[CallId, Call]:
        """Return the calls once all of them have come to an end."""

        def look() -> dict[CallId, Call]:
            found = {i: call for i in ids if (call := self.call(i)) and call.status in TERMINAL}
            return found if len(found) == len(ids) else {}

        return until(look, f"{len(ids)} calls of {self.name} end")

    def call(self, call_id: CallId) -> Call | None:
        """Return a call as it is on record."""
        calls, _ = self.control.store.traffic.calls(CallFilter(text=call_id, limit=2))
        return next((call for call in calls if call.id == call_id), None)

    def values(self, ids: Sequence[CallId]) -> list[Any]:
        """Return the results of calls, in their order."""
        ended = self.ended(ids)
        assert {call.status for call in ended.values()} == {CallStatus.FINISHED}, ended
        return [self.value(i) for i in ids]

    def value(self, call_id: CallId) -> Any:
        """Return the result of a finished call."""
        return json.loads(self.control.store.traffic.result(call_id).body)

    def calls(self, socket: str, *status: CallStatus) -> list[Call]:
        """Return the calls of a socket on record, oldest first."""
        wanted = CallFilter(
            network=self.name, socket=socket, status=status, limit=5000, ascending=True
        )
        return self.control.store.traffic.calls(wanted)[0]

    def settled(self, socket: str, count: int) -> list[Call]:
        """Return the finished calls of a socket once there are `count`."""

        def look() -> list[Call]:
            found = self.calls(socket, CallStatus.FINISHED)
            return found if len(found) >= count else []

        return until(look, f"{count} calls of {socket} finish")

    def executions(self) -> list[str]:
        """Return what the functions noted, in order."""
        return self.journal.read_text().split() if self.journal.exists() else []

    def await_executions(self, count: int) -> None:
        """Wait until the functions noted so many words."""
        until(lambda: len(self.executions()) >= count, f"{count} executions")

    def open_gate(self) -> None:
        """Let the gated calls go on."""
        Path(f"{self.journal}.open").touch()

    def pids(self, processor: str) -> dict[str, int]:
        """Return the living workers of a processor with their pids."""
        found = self.control.store.fleet.workers(network=self.name, processor=processor)
        return {
            worker.name: worker.pid
            for worker in found
            if psutil.pid_exists(worker.pid) and worker.status is not WorkerStatus.FAILED
        }

    def pid(self, processor: str) -> int:
        """Return the pid of the only worker of a processor."""
        (pid,) = until(lambda: self.pids(processor), f"a worker of {processor}").values()
        return pid

    def executors(self, processor: str) -> list[int]:
        """Return the pids of the executors of a processor."""
        found = []
        for pid in self.pids(processor).values():
            with contextlib.suppress(psutil.Error):
                found += [child.pid for child in psutil.Process(pid).children()]
        return found

    def ready(self, queue: str) -> int:
        """Return how many messages wait in a queue of this network."""
        name = f"{self.name}.{queue}"
        return self.control.broker.depth([name])[name].ready

    def until_processor(self, name: str, condition: Callable[[Any], Any], what: str) -> Any:
        """Wait until a processor is as the condition says, and return it."""

        def look() -> Any:
            found = self.control.store.flows.processor(name, self.name)
            return found if condition(found) else None

        return until(look, f"{name} {what}")


@contextlib.contextmanager
def stage(cluster: Cluster, name: str) -> Iterator[Stage]:
    """Give a test a network of its own, and take it away at the end."""
    with cluster.control() as control:
        made = Stage(cluster, control, name)
        try:
            yield made
        finally:
            made.open_gate()
            if any(each.name == name for each in control.store.flows.networks()):
                cluster.flowctl("delete", "network", name, "-y", "--purge")
