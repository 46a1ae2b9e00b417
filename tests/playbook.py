"""Write a history of an agent as a transcript: what it hears, and in words what it does.

    play = Playbook()
    assert play.lists(parse) == ["build parse.deploy1 v1.0", "report parse.deploy1 building"]
    assert play.builds("parse.deploy1") == ["start h1.shop.parse.worker.1 v1.0", ...]

The playbook plays the daemon and the host: it remembers what was ordered and answers as told.
Beats are kept aside in `beats` and `seen`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agentd.commands import (
    BeatAgent,
    BeatWorker,
    BuildEnvironment,
    Command,
    DrainWorker,
    FinishDeployment,
    ForgetWorker,
    KillWorker,
    Leave,
    ReportDeployment,
    StartWorker,
)
from agentd.machine import Machine
from agentd.stimuli import (
    Adopted,
    BuildBroke,
    Built,
    Cut,
    Exited,
    Key,
    Listed,
    Perished,
    Site,
    Started,
    StartFailed,
    Stimulus,
    StopAsked,
    Tick,
    Version,
    WorkerReport,
)
from flowctl.model.states import DeploymentStatus, Desired, WorkerStatus
from flowctl.model.work import Assignment
from tests.fleets import deployment, processor

FIRST = Version(1, 0)
SITE = Site(python="/env/bin/python", paths=("/src",), commit="c0ffee", key="k1")


def assigned(
    name: str = "parse",
    number: int = 1,
    *,
    cpus: int = 2,
    requested: Desired = Desired.RUNNING,
    generation: int = 1,
    restarts: int = 0,
    status: DeploymentStatus = DeploymentStatus.PENDING,
    **spec: object,
) -> Assignment:
    """Return an assignment of deployment `<name>.deploy<number>` to agent h1."""
    logical = msgspec.structs.replace(
        processor(name, **spec), generation=generation, restarts=restarts
    )
    claim = msgspec.structs.replace(
        deployment(logical.name, "h1", cpus),
        name=f"{name}.deploy{number}",
        requested_status=requested,
        status=status,
    )
    return Assignment(
        deployment=claim, processor=logical, sockets=(), inbound=(), outbound=(), targets=()
    )


class Playbook:
    """A machine, its clock, and what was ordered of the host."""

    def __init__(self, agent: str = "h1", *, jitter: float = 1.0) -> None:
        self.machine = Machine(agent, jitter=lambda: jitter)
        self.now = 1000.0
        self.beats: list[BeatAgent] = []
        self.seen: list[BeatWorker] = []
        self.ordered: dict[Key, BuildEnvironment | StartWorker] = {}
        self.statuses: dict[str, DeploymentStatus] = {}
        self.reasons: dict[str, str] = {}
        self._pids = 100
        self._reports: dict[str, WorkerReport] = {}
        self._names: dict[Key, str] = {}

    def hears(self, stimulus: Stimulus) -> list[str]:
        """Give one stimulus; return the commands as words."""
        words = [self._note(command) for command in self.machine.handle(stimulus, self.now)]
        return [word for word in words if word]

    def lists(self, *assignments: Assignment, agent: Desired = Desired.RUNNING) -> list[str]:
        """Tell what the database wants; it knows what was reported before."""
        return self.hears(Listed(tuple(map(self._with_status, assignments)), agent))

    def builds(self, name: str, site: Site = SITE) -> list[str]:
        """Answer an ordered build with success."""
        order = self.ordered[_key(name)]
        return self.hears(Built(order.key, order.version, site))

    def breaks(self, name: str, reason: str = "build: no network") -> list[str]:
        """Answer an ordered build with failure."""
        order = self.ordered[_key(name)]
        return self.hears(BuildBroke(order.key, order.version, reason))

    def spawns(self, name: str) -> list[str]:
        """Answer an ordered start: the process is there."""
        self._pids += 1
        return self.hears(Started(_key(name), self._pids))

    def refuses(self, name: str, reason: str = "no such file") -> list[str]:
        """Answer an ordered start: there is no process."""
        return self.hears(StartFailed(_key(name), reason))

    def writes(self, name: str, status: WorkerStatus, **fields: object) -> list[str]:
        """Have the worker write its status file, and tick."""
        held = self.machine.posts[_key(name)].held
        assert held is not None
        self._reports[held.name] = WorkerReport(
            pid=held.pid, status=status, at=self.now, **{"executors": 2, **fields}
        )
        return self.ticks()

    def ticks(self, seconds: float = 0.25) -> list[str]:
        """Let one tick come."""
        self.now += seconds
        return self.hears(Tick(dict(self._reports)))

    def waits(self, seconds: float) -> list[str]:
        """Let time pass, tick by tick; return everything that was done."""
        words: list[str] = []
        for _ in range(round(seconds)):
            words += self.ticks(1.0)
        return words

    def lives(self, seconds: float) -> list[str]:
        """Let time pass while every worker goes on writing its status file."""
        words: list[str] = []
        for _ in range(round(seconds)):
            self._reports = {
                name: msgspec.structs.replace(report, at=self.now)
                for name, report in self._reports.items()
            }
            words += self.ticks(1.0)
        return words

    def exits(self, name: str, code: int | None = -9, tail: str = "") -> list[str]:
        """End the worker's process."""
        held = self.machine.posts[_key(name)].held
        assert held is not None
        self._reports.pop(held.name, None)
        return self.hears(Exited(_key(name), code, tail))

    def adopts(self, name: str, version: Version = FIRST, *, known: bool = True) -> list[str]:
        """Find a worker of an earlier life."""
        self._pids += 1
        key = _key(name)
        processor, _, number = name.partition(".deploy")
        worker = f"h1.shop.{processor}.worker.{number}"
        return self.hears(
            Adopted(
                key=key, name=worker, pid=self._pids, version=version, site=SITE if known else None
            )
        )

    def misses(self, name: str) -> list[str]:
        """Find only the record of a worker of an earlier life."""
        processor, _, number = name.partition(".deploy")
        return self.hears(Perished(_key(name), f"h1.shop.{processor}.worker.{number}"))

    def loses_state(self, reason: str = "it does not answer") -> list[str]:
        """Lose the database."""
        return self.hears(Cut(reason))

    def stops(self, *, workers: bool = True) -> list[str]:
        """Get a signal to end."""
        return self.hears(StopAsked(workers))

    def runs(self, *assignments: Assignment) -> None:
        """Bring deployments to running, without looking at how."""
        self.lists(*assignments)
        for one in assignments:
            name = one.deployment.name
            self.builds(name)
            self.spawns(name)
            self.writes(name, WorkerStatus.RUNNING, executors=one.deployment.cpus)

    def _with_status(self, one: Assignment) -> Assignment:
        name = one.deployment.name
        claim = msgspec.structs.replace(
            one.deployment,
            status=self.statuses.get(name, one.deployment.status),
            reason=self.reasons.get(name, one.deployment.reason),
        )
        return msgspec.structs.replace(one, deployment=claim)

    def _note(self, command: Command) -> str:
        match command:
            case BuildEnvironment() | StartWorker():
                self.ordered[command.key] = command
            case ReportDeployment(key, status, reason):
                self.statuses[key.deployment], self.reasons[key.deployment] = status, reason
            case BeatAgent():
                self.beats.append(command)
            case BeatWorker():
                self.seen.append(command)
            case _:
                pass
        say = _WORDS.get(type(command))
        return say(command) if say else ""


_WORDS: dict[type, Callable[[Any], str]] = {
    BuildEnvironment: lambda c: (
        f"build {c.key.deployment} v{c.version.generation}.{c.version.restarts}"
    ),
    StartWorker: lambda c: f"start {c.name} v{c.version.generation}.{c.version.restarts}",
    DrainWorker: lambda c: f"drain {c.key.deployment}",
    KillWorker: lambda c: f"kill {c.key.deployment}",
    ReportDeployment: lambda c: f"report {c.key.deployment} {c.status}",
    FinishDeployment: lambda c: f"finish {c.key.deployment}",
    ForgetWorker: lambda c: f"forget {c.name}",
    Leave: lambda c: "leave, all stopped" if c.goodbye else "leave",
}


def _key(name: str) -> Key:
    return Key("shop", name)
