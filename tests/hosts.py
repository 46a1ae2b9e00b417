"""A home folder with a real agent in it, whose workers are stand-ins; and looks at both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from agentd import processes
from flowctl.clock import SystemClock
from flowctl.model.flow import NetworkSpec, ProcessorSpec, SocketSpec, Source, SourceKind
from flowctl.model.states import DeploymentStatus, Desired, WorkerStatus
from flowctl.model.work import Create
from flowctl.recipe.diff import diff
from flowctl.settings import load
from flowctl.state.store import Store, open_store

PROGRAM = str(Path(__file__).with_name("agent_program.py"))
DEPLOYMENT = "parse.deploy1"
PATIENCE = 40.0
SPEC = ProcessorSpec(
    name="parse",
    source=Source(kind=SourceKind.CODE, module="up", code="def up(x):\n    return x\n"),
    sockets=(SocketSpec(name="rows", task="up"),),
    cpus=2,
)


class Host:
    """A home folder with a database, the agent that runs in it, and looks at both."""

    def __init__(self, home: Path, *, migrated: bool = True, state: str = "") -> None:
        self.environ = {
            "FLOWCTL_HOME": str(home),
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "FLOWCTL_STATE": state,
        }
        self.settings = load(self.environ)
        self.settings.paths.make()
        self.log = home / "agentd.log"
        self.store: Store = open_store(self.settings.state, clock=SystemClock())
        self.agents: list[subprocess.Popen[bytes]] = []
        if migrated:
            self.prepare()

    def prepare(self) -> None:
        self.store.migrate()
        self.store.flows.apply(
            diff(None, NetworkSpec(name="shop", processors=(SPEC,))), expect=None
        )

    def start(self, *options: str, manner: str = "calm", **environ: str) -> subprocess.Popen[bytes]:
        with self.log.open("w") as log:
            agent = subprocess.Popen(
                [sys.executable, PROGRAM, manner, "--name", "h1", *options],
                env=self.environ | environ,
                stderr=log,
            )
        self.agents.append(agent)
        return agent

    def ends(self, expected: int = 0) -> str:
        """Wait until the agent that was started last has ended; return what it said."""
        assert self.agents[-1].wait(PATIENCE) == expected, self.log.read_text()
        return self.log.read_text()

    def kill(self) -> None:
        self.agents[-1].kill()
        self.agents[-1].wait()

    def place(self, deployment: str = DEPLOYMENT, cpus: int = 2) -> None:
        self.until(lambda: self.store.fleet.agents() != [])
        step = Create(
            network="shop", processor="parse", agent="h1", deployment=deployment, cpus=cpus
        )
        assert self.store.fleet.place([step], term=None) == []

    def request(self, wanted: Desired) -> None:
        self.store.flows.request("shop", "parse", wanted)

    def until(self, happened: Callable[[], Any]) -> Any:
        """Wait, looking often, until something has happened; return it."""
        clock, never = SystemClock(), Event()
        end = clock.monotonic() + PATIENCE
        while clock.monotonic() < end:
            if seen := happened():
                return seen
            never.wait(0.05)
        rows = self.store.fleet.deployments(), self.store.fleet.workers()
        raise AssertionError(f"did not happen; {rows}")

    def deployment(self, name: str = DEPLOYMENT) -> Any:
        return self.store.fleet.deployment(name, "shop")

    def is_in(self, status: DeploymentStatus) -> Callable[[], bool]:
        return lambda: self.deployment().status is status

    def runs(self) -> int:
        """Wait until the worker serves; return its pid."""
        self.until(self.is_in(DeploymentStatus.RUNNING))
        worker = self.until(
            lambda: next(
                (w for w in self.store.fleet.workers() if w.status is WorkerStatus.RUNNING), None
            )
        )
        return int(worker.pid)

    def living(self) -> list[int]:
        return [pid for pid, _ in processes.scan(self.settings.paths.run / "agentd-h1")]

    def close(self) -> None:
        for agent in self.agents:
            agent.kill()
            agent.wait()
        for pid in self.living():
            os.kill(pid, signal.SIGKILL)
        self.until(lambda: not self.living())
        self.store.close()
