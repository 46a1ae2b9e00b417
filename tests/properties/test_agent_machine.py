"""The machine against a host and a database that do what they like, in any order.

The model plays daemon, processes and database. After every step: never two workers for a
deployment, nothing but our own processes signalled, nothing started that was not asked for. And
from anywhere, once people and faults are quiet, everything converges.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentd.commands import (
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
from tests.playbook import assigned

NUMBERS = st.integers(1, 3)
SITE = Site(python="/env/bin/python")


class Process(msgspec.Struct):
    """A worker on the host of the model."""

    name: str
    version: Version
    draining: bool = False
    hung: bool = False


class Agent(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.wanted: dict[int, tuple[Desired, int, int]] = {}
        self.statuses: dict[Key, tuple[DeploymentStatus, str]] = {}
        self.rows: set[str] = set()
        self.processes: dict[int, Process] = {}
        self.journal: dict[Key, int] = {}
        self.builds: list[BuildEnvironment] = []
        self.answers: list[Stimulus] = []
        self.pids = 10
        self.left = False
        self.machine = self._new()

    def _new(self) -> Machine:
        return Machine("h1", jitter=lambda: 0.5)

    def hear(self, stimulus: Stimulus) -> None:
        if not self.left:
            for command in self.machine.handle(stimulus, self.now):
                self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case BuildEnvironment():
                assert not any(build.key == command.key for build in self.builds), "one at a time"
                self.builds.append(command)
            case StartWorker():
                self._start(command)
            case DrainWorker(key):
                if pid := self._find(key):
                    self.processes[pid].draining = True
            case KillWorker(key):
                self._end(key, -9)
            case ReportDeployment(key, status, reason):
                self.statuses[key] = status, reason
            case FinishDeployment(key):
                number = _number(key)
                assert key not in self.journal, "finished while its worker runs"
                if number in self.wanted and self.wanted[number][0] is Desired.REMOVED:
                    del self.wanted[number]
                    self.statuses.pop(key, None)
            case ForgetWorker(name):
                assert name not in {process.name for process in self.processes.values()}
                self.rows.discard(name)
            case Leave(goodbye):
                assert not goodbye or not self.processes, "said goodbye with workers running"
                self.left = True
            case _:
                pass

    def _find(self, key: Key) -> int:
        """Return the process that a signal is meant for; 0 where its end is not yet heard of."""
        ended = any(isinstance(answer, Exited) and answer.key == key for answer in self.answers)
        assert key in self.journal or ended, "signalled nobody it may know"
        return self.journal.get(key, 0)

    def _start(self, command: StartWorker) -> None:
        assert command.key not in self.journal, "two workers for a deployment"
        self.pids += 1
        self.processes[self.pids] = Process(command.name, command.version)
        self.journal[command.key] = self.pids
        self.rows.add(command.name)
        self.answers.append(Started(command.key, self.pids))

    def _end(self, key: Key, code: int) -> None:
        pid = self.journal.pop(key, 0)
        if pid:
            del self.processes[pid]
            self.answers.append(Exited(key, code))

    # What the daemon does by itself.

    @rule()
    def answer(self) -> None:
        if self.answers:
            self.hear(self.answers.pop(0))

    @rule(seconds=st.sampled_from([0.25, 1.0, 30.0, 400.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.hear(Tick(self._reports()))

    def _reports(self) -> dict[str, WorkerReport]:
        return {
            process.name: WorkerReport(
                pid=pid,
                status=WorkerStatus.DRAINING if process.draining else WorkerStatus.RUNNING,
                executors=2,
                at=self.now,
            )
            for pid, process in self.processes.items()
            if not process.hung
        }

    @rule()
    def relist(self) -> None:
        self.hear(Listed(tuple(self._assignments())))

    def _assignments(self) -> Iterable[object]:
        for number, (requested, generation, restarts) in self.wanted.items():
            one = assigned(
                number=number, requested=requested, generation=generation, restarts=restarts
            )
            status, reason = self.statuses.get(_key(number), (DeploymentStatus.PENDING, ""))
            claim = msgspec.structs.replace(one.deployment, status=status, reason=reason)
            yield msgspec.structs.replace(one, deployment=claim)

    # What people do.

    @rule(number=NUMBERS, requested=st.sampled_from(Desired))
    def want(self, number: int, requested: Desired) -> None:
        _, generation, restarts = self.wanted.get(number, (requested, 1, 0))
        self.wanted[number] = requested, generation, restarts

    @rule(number=NUMBERS)
    def change(self, number: int) -> None:
        if number in self.wanted:
            requested, generation, restarts = self.wanted[number]
            self.wanted[number] = requested, generation + 1, restarts

    @rule(number=NUMBERS)
    def move_away(self, number: int) -> None:
        self.wanted.pop(number, None)
        self.statuses.pop(_key(number), None)

    @rule()
    def go_on(self) -> None:
        """Let everything happen that is on its way, but for workers that drain."""
        if self.left:
            self.kill_the_agent()
        self.relist()
        while self.answers or self.builds:
            self.answer()
            self.finish_build(ok=True)
        self.tick(1.0)

    # What goes wrong.

    @rule()
    def lose_state(self) -> None:
        self.hear(Cut("gone"))

    @rule(ok=st.booleans())
    def finish_build(self, ok: bool) -> None:
        if self.builds:
            build = self.builds.pop(0)
            answer = Built if ok else BuildBroke
            self.hear(answer(build.key, build.version, SITE if ok else "no network"))

    @rule(number=NUMBERS)
    def crash(self, number: int) -> None:
        self._end(_key(number), -11)

    @rule(number=NUMBERS)
    def finish_drain(self, number: int) -> None:
        pid = self.journal.get(_key(number), 0)
        if pid and self.processes[pid].draining:
            self._end(_key(number), 0)

    @rule(number=NUMBERS)
    def hang(self, number: int) -> None:
        if pid := self.journal.get(_key(number), 0):
            self.processes[pid].hung = True

    @rule(number=NUMBERS)
    def refuse_start(self, number: int) -> None:
        """Turn a start that nobody heard of yet into one that failed."""
        for place, answer in enumerate(self.answers):
            if isinstance(answer, Started) and answer.key == _key(number):
                if self.journal.get(answer.key) == answer.pid:
                    del self.processes[self.journal.pop(answer.key)]
                    self.answers[place] = StartFailed(answer.key, "no space")
                return

    @rule()
    def kill_the_agent(self) -> None:
        """Begin a new life: only journal and processes are left of the old one."""
        self.answers, self.builds, self.left = [], [], False
        self.machine = self._new()
        for key, pid in self.journal.items():
            process = self.processes[pid]
            self.hear(
                Adopted(key=key, name=process.name, pid=pid, version=process.version, site=SITE)
            )
        for name in self.rows - {process.name for process in self.processes.values()}:
            self.hear(Perished(_key(int(name.rpartition(".")[2])), name))

    @precondition(lambda self: not self.machine.ending)
    @rule(workers=st.booleans())
    def stop(self, workers: bool) -> None:
        self.hear(StopAsked(workers))

    @precondition(lambda self: self.left)
    @rule()
    def begin_again(self) -> None:
        self.kill_the_agent()

    # What must hold.

    @invariant()
    def one_process_a_deployment(self) -> None:
        names = [process.name for process in self.processes.values()]
        assert len(names) == len(set(names))

    @invariant()
    def the_machine_knows_its_processes(self) -> None:
        if not self.left and not self.answers:
            held = {key: post.held.pid for key, post in self.machine.posts.items() if post.held}
            assert held == self.journal

    def teardown(self) -> None:
        self.kill_the_agent()
        for _ in range(40):
            self._calm_down()
        running = {_number(key): self.processes[pid].version for key, pid in self.journal.items()}
        expected = {
            number: Version(generation, restarts)
            for number, (requested, generation, restarts) in self.wanted.items()
            if requested in {Desired.RUNNING, Desired.PAUSED}
        }
        assert running == expected
        assert not any(wish[0] is Desired.REMOVED for wish in self.wanted.values())
        for number, (requested, *_) in self.wanted.items():
            stopped = requested is Desired.STOPPED
            status = DeploymentStatus.STOPPED if stopped else DeploymentStatus.RUNNING
            assert self.statuses[_key(number)][0] is status
        assert self.rows == {process.name for process in self.processes.values()}

    def _calm_down(self) -> None:
        while self.answers:
            self.answer()
        while self.builds:
            self.finish_build(ok=True)
        for number in (1, 2, 3):
            self.finish_drain(number)
        self.relist()
        self.tick(20.0)


def _key(number: int) -> Key:
    return Key("shop", f"parse.deploy{number}")


def _number(key: Key) -> int:
    return int(key.deployment.removeprefix("parse.deploy"))


TestAgent = Agent.TestCase
TestAgent.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
