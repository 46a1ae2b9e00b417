"""The others: Celery and Dramatiq in an environment of their own, as safe as each can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.race.marks import Marks, Nap, rate

HERE = Path(__file__).parent
ENVIRONMENT = Path(__file__).parents[3] / "build" / "peers"
PACKAGES = (
    "celery[redis,sqlalchemy]==5.7.*",
    "dramatiq[rabbitmq,redis]==2.2.*",
    "psycopg2-binary==2.9.*",
)
PATIENCE = 300.0


def environment() -> Path:
    """Return the Python of the peers' environment, made when it is missing."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / ".made").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, "venv", "-q", "--clear", "--python", sys.executable, ENVIRONMENT], check=True
        )
        subprocess.run(
            [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, *PACKAGES],
            check=True,
        )
        (ENVIRONMENT / ".made").touch()
    return python


@dataclass(frozen=True, slots=True)
class Peer:
    """One system in one setting."""

    name: str
    guarantees: str
    program: str
    """`celery` or `dramatiq`."""
    broker: str
    results: str
    marks: Marks
    pace: float
    """About how many calls a second it takes: a run is made as long as wanted."""

    @property
    def has_results(self) -> bool:
        """Whether one can wait for a call."""
        return bool(self.results)

    def rate(self, count: int, processes: int = 1) -> float:
        """Return no-op calls a second, all queued before the first runs."""
        return self._counted("send", count, processes)

    def flows(self, count: int) -> float:
        """Return two-stage flows a second."""
        return self._counted("flows", count, 1, stages=2)

    def trips(self, count: int) -> list[float]:
        """Return the seconds of single calls to an idle worker."""
        with self._serving(1):
            found: list[float] = json.loads(self._drive("trips", str(count)))
        return found

    def naps(self, seconds: Sequence[float], workers: int) -> list[Nap]:
        """Run naps on so many workers of one executor each."""
        self._drive("naps", json.dumps(list(seconds)))
        self.marks.clear()
        with ExitStack() as stack:
            for number in range(workers):
                stack.enter_context(self._serving(1, f"w{number}"))
            self.marks.await_(len(seconds), width=24)
        return self.marks.naps()

    def timed(self, verb: str, count: int) -> float:
        """Return the seconds that the program took for something by its own clock."""
        with self._serving(1):
            found: float = json.loads(self._drive(verb, str(count)))
        return found

    def _counted(self, verb: str, count: int, processes: int, stages: int = 1) -> float:
        self._drive(verb, str(count))
        self.marks.clear()
        with self._serving(processes):
            self.marks.await_(count * stages)
        return rate(self.marks.moments()) / stages

    def _drive(self, verb: str, argument: str) -> str:
        done = subprocess.run(
            [environment(), f"on_{self.program}.py", verb, argument],
            cwd=HERE, env=self._env(), capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.name} {verb}\n{done.stderr[-2000:]}"
        return done.stdout

    @contextmanager
    def _serving(self, processes: int, name: str = "w") -> Iterator[None]:
        with self.marks.path.with_suffix(".log").open("ab") as log:
            process = subprocess.Popen(
                [environment(), *self._server(processes, name)],
                cwd=HERE, env=self._env(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _server(self, processes: int, name: str) -> list[str]:
        if self.program == "celery":
            quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error"]
            return [
                "-m",
                "celery",
                "-A",
                "on_celery",
                "worker",
                "-c",
                str(processes),
                "-n",
                name,
                *quiet,
            ]
        threads = "1" if name != "w" else "8"
        return [
            "-m",
            "dramatiq",
            "on_dramatiq",
            "--processes",
            str(processes),
            "--threads",
            threads,
        ]

    def _env(self) -> dict[str, Any]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("FLOWCTL_")},
            "RACE_BROKER": self.broker, "RACE_RESULTS": self.results,
            "RACE_QUEUE": self.marks.path.stem, "RACE_MARKS": str(self.marks.path),
        }  # fmt: skip
