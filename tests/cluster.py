"""A whole flowctl on this machine, for acceptance tests and chaos: real daemons, real workers.

The cluster plays systemd: a daemon that ends is started again. Everything it starts is ended by pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from flowctl.model.fleet import Worker
from flowctl.services.control import Control, open_control
from flowctl.settings import Settings, load

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds that anything may take on a loaded machine before a test calls it broken."""


def until(
    condition: Callable[[], T], what: str, *, timeout: float = PATIENCE, pause: float = 0.05
) -> T:
    """Return the first true value of `condition`; fail with `what` when it never comes."""
    deadline = time.monotonic() + timeout
    idle = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:.0f} s (last: {value!r})")
        idle.wait(pause)


class Daemon:
    """One daemon that is started again whenever it ends, until it is stopped."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        self._command, self._env, self._log = command, env, log
        self._stopping = threading.Event()
        self.starts = 0
        self.process = self._spawn()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """End it the hard way; it is started again."""
        self.process.kill()

    def abandon(self) -> None:
        """Start it no more, whatever becomes of it."""
        self._stopping.set()

    def stop(self, timeout: float = 40.0) -> None:
        """End it the soft way, for good."""
        self._stopping.set()
        self.process.terminate()
        self._thread.join(timeout)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self._command} ignored SIGTERM; see {self._log}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def _supervise(self) -> None:
        while True:
            self.process.wait()
            if self._stopping.wait(0.2):
                return
            self.process = self._spawn()


class Cluster:
    """Some agents and schedulers over one state and one broker."""

    def __init__(
        self,
        home: Path,
        *,
        state: str = "",
        broker: str = "",
        agents: int = 1,
        cpus: int = 4,
        schedulers: int = 1,
        env: dict[str, str] | None = None,
    ) -> None:
        self.home = home
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FLOWCTL_")},
            "FLOWCTL_HOME": str(home),
            # Of our variables user code sees this one only: by it executors are found.
            "TMPDIR": str(home / "tmp"),
            **({"FLOWCTL_STATE": state} if state else {}),
            **({"FLOWCTL_BROKER": broker} if broker else {}),
            **(env or {}),
        }
        self.settings: Settings = load(self.env)
        self.settings.paths.make()
        (home / "tmp").mkdir(exist_ok=True)
        self._agents, self._cpus, self._schedulers = agents, cpus, schedulers
        self.daemons: dict[str, Daemon] = {}

    def start(self) -> Cluster:
        """Migrate the database, start the daemons and wait until all agents beat."""
        with self.control() as control:
            control.store.migrate()
        for number in range(1, self._schedulers + 1):
            self.start_daemon(f"s{number}", "schedulerd", "--name", f"s{number}")
        for number in range(1, self._agents + 1):
            self.start_agent(f"a{number}")
        with self.control() as control:
            until(lambda: len(control.store.fleet.agents()) == self._agents, "agents beat")
        return self

    def start_agent(self, name: str) -> None:
        """Start an agent that drains its workers when it is stopped."""
        self.start_daemon(
            name, "agentd", "--name", name, "--cpus", str(self._cpus), "--stop-workers"
        )

    def start_daemon(self, name: str, module: str, *options: str) -> None:
        """Start a daemon and keep it running."""
        log = self.settings.paths.logs / f"{name}.log"
        self.daemons[name] = Daemon([sys.executable, "-m", module, *options], self.env, log)

    @contextlib.contextmanager
    def control(self) -> Iterator[Control]:
        """Open the state and the broker of this cluster."""
        with open_control(self.settings, name="test") as control:
            yield control

    def invoke(
        self, *arguments: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line, whatever comes of it."""
        return subprocess.run(
            [sys.executable, "-m", "flowctl", *arguments],
            env=env or self.env, input=stdin, text=True, capture_output=True, timeout=PATIENCE * 2, check=False,
        )  # fmt: skip

    def flowctl(self, *arguments: str, stdin: str = "") -> str:
        """Run the command line; return its standard output."""
        done = self.invoke(*arguments, stdin=stdin)
        if done.returncode:
            raise AssertionError(f"flowctl {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> object:
        """Run a reading command and return what it says as JSON."""
        return json.loads(self.flowctl(*arguments, "-o", "json"))

    def workers(self, control: Control) -> list[Worker]:
        """Return the workers on record whose process lives."""
        return [w for w in control.store.fleet.workers() if w.pid and psutil.pid_exists(w.pid)]

    def processes(self) -> list[psutil.Process]:
        """Return every living process that was started with this home."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                environ = process.environ()
                marks = {
                    "FLOWCTL_HOME": str(self.home), "FLOWCTL_RUN": str(self.settings.paths.run),
                    "TMPDIR": self.env["TMPDIR"],
                }  # fmt: skip
                if any(environ.get(name) == value for name, value in marks.items()):
                    found.append(process)
        return found

    def stop(self) -> None:
        """Stop everything the soft way, agents first; nothing may be left."""
        for name in sorted(self.daemons):
            self.daemons.pop(name).stop()
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        assert not left, f"left behind: {[' '.join(p.cmdline()) for p in left if p.is_running()]}"
