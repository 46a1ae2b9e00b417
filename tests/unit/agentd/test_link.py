"""The link against a store of this test's own, that answers or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from agentd.commands import (
    BeatAgent,
    BeatWorker,
    FinishDeployment,
    ForgetWorker,
    ReportDeployment,
)
from agentd.feeders import Happened
from agentd.link import Link, describe_offer
from agentd.stimuli import Cut, Key, Listed
from flowctl.errors import FlowError, NotFound, SchemaMismatch, StateUnavailable
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired, WorkerStatus
from flowctl.model.work import WorkerBeat
from tests.fleets import agent
from tests.playbook import assigned

KEY = Key("shop", "parse.deploy1")
BEAT = WorkerBeat(
    name="h1.shop.parse.worker.1",
    deployment=KEY.deployment,
    agent="h1",
    network="shop",
    processor="parse",
    pid=1,
    executors=2,
    busy=0,
    restarts=0,
    cpu_percent=0.0,
    memory=0,
    commit="",
    reason="",
    status=WorkerStatus.RUNNING,
)


class Clock:
    at = 100.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.at


class Store:
    """Store, fleet and questions in one; notes what was called."""

    def __init__(self) -> None:
        self.fleet = self.asks = self
        self.calls: list[tuple[Any, ...]] = []
        self.broken: FlowError | None = None
        self.refused: FlowError | None = None
        self.number = 1
        self.requested = Desired.RUNNING
        self.known = True

    def _answer(self, *call: Any) -> None:
        if self.broken:
            raise self.broken
        self.calls.append(call)

    def check_schema(self) -> None:
        self._answer("check_schema")

    def revision(self) -> int:
        self._answer("revision")
        return self.number

    def assignments(self, name: str) -> list[Any]:
        self._answer("assignments", name)
        return [assigned()]

    def agent(self, name: str) -> Any:
        self._answer("agent", name)
        if not self.known:
            raise NotFound("agent", name)
        return agent(name, requested_status=self.requested)

    def live(self, now: datetime) -> list[str]:
        self._answer("live", now)
        return ["a question"]

    def beat(self, beat: Any) -> Any:
        self._answer("beat", beat)
        return agent(beat.name, requested_status=self.requested)

    def beat_worker(self, beat: Any) -> None:
        self._answer("beat_worker", beat)

    def report(self, *words: Any) -> None:
        self._answer("report", *words)
        if self.refused:
            raise self.refused

    def finish(self, *words: Any) -> None:
        self._answer("finish", *words)

    def forget_worker(self, name: str) -> None:
        self._answer("forget_worker", name)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.store, self.clock, self.told = Store(), Clock(), SimpleQueue[Happened]()
        self.control: Any = SimpleNamespace(store=self.store)
        self.heeded: list[Sequence[Any]] = []
        self.link = Link(
            self._open,
            describe_offer("h1", cpus=4, labels={"disk": "ssd"}, port=0, version="1"),
            self.told,
            clock=self.clock,
            folder=tmp_path,
            heed=self.heeded.append,
        )

    @contextmanager
    def _open(self) -> Iterator[Any]:
        yield self.control

    def turn(self) -> list[object]:
        self.clock.at += 0.25
        self.link._turn(self.control)
        return [self.told.get() for _ in range(self.told.qsize())]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_is_listed_at_first_and_at_a_change_and_now_and_then(bench: Bench) -> None:
    listed = [Listed((assigned(),), Desired.RUNNING)]
    assert bench.turn() == listed
    assert bench.turn() == []
    bench.store.number = 2
    assert bench.turn() == listed
    bench.clock.at += 9.4
    assert bench.turn() == []
    bench.clock.at += 0.1
    assert bench.turn() == listed


def test_what_is_asked_of_the_agent_is_handed_on_at_each_list(bench: Bench) -> None:
    bench.turn()
    bench.turn()
    assert bench.heeded == [["a question"]]
    bench.store.number += 1
    bench.turn()
    assert bench.heeded == [["a question"]] * 2


def test_a_quiet_turn_costs_one_query(bench: Bench) -> None:
    bench.turn()
    bench.store.calls.clear()
    bench.turn()
    assert bench.store.calls == [("revision",)]


def test_letters_arrive_as_what_they_are(bench: Bench) -> None:
    bench.link.send(BeatAgent(AgentStatus.RUNNING, "all well"))
    bench.link.send(ReportDeployment(KEY, DeploymentStatus.ERROR, "why"))
    bench.link.send(BeatWorker(BEAT, (1,), measure=True))
    bench.link.send(FinishDeployment(KEY))
    bench.link.send(ForgetWorker(BEAT.name))
    bench.turn()
    ((beat,),) = bench.store.named("beat")
    assert (beat.name, beat.sentence, beat.cpus, beat.labels) == (
        "h1",
        "all well",
        4,
        {"disk": "ssd"},
    )
    assert beat.resources.memory_total > 0
    assert bench.store.named("report") == [("parse.deploy1", "shop", DeploymentStatus.ERROR, "why")]
    assert bench.store.named("beat_worker")[0][0].memory > 0
    assert bench.store.named("finish") == [("parse.deploy1", "shop")]
    assert bench.store.named("forget_worker") == [(BEAT.name,)]


def test_news_of_a_worker_repeats_what_was_measured_last(bench: Bench) -> None:
    bench.link.send(BeatWorker(BEAT, (1,), measure=True))
    bench.turn()
    bench.link.send(BeatWorker(BEAT, (1,), measure=False))
    bench.turn()
    (first,), (second,) = bench.store.named("beat_worker")
    assert first.memory == second.memory > 0


def test_while_the_database_is_away_the_newest_word_waits(bench: Bench) -> None:
    bench.turn()
    bench.store.broken = StateUnavailable("it does not answer")
    for number in range(100):
        bench.link.send(BeatAgent(AgentStatus.RUNNING, f"beat {number}"))
        bench.link.send(ReportDeployment(KEY, DeploymentStatus.RUNNING, f"report {number}"))
    assert bench.turn() == [Cut("it does not answer")]
    assert bench.turn() == []
    bench.store.broken = None
    assert bench.turn() == [Listed((assigned(),), Desired.RUNNING)]
    assert [beat.sentence for (beat,) in bench.store.named("beat")] == ["beat 99"]
    assert [words[-1] for words in bench.store.named("report")] == ["report 99"]


def test_another_schema_is_said_and_waited_for(bench: Bench) -> None:
    bench.store.broken = SchemaMismatch(9, 1)
    assert bench.turn() == [
        Cut("the database has schema 9, this flowctl needs 1; upgrade flowctl on this host")
    ]
    bench.store.broken = SchemaMismatch(0, 1)
    assert bench.turn() == [
        Cut("the database has schema 0, this flowctl needs 1; run `flowctl db migrate`")
    ]
    bench.store.broken = None
    assert len(bench.turn()) == 1


def test_a_letter_about_something_gone_is_dropped(bench: Bench) -> None:
    bench.store.refused = NotFound("deployment", "parse.deploy1")
    bench.link.send(ReportDeployment(KEY, DeploymentStatus.RUNNING))
    bench.turn()
    bench.store.calls.clear()
    bench.turn()
    assert bench.store.named("report") == []


def test_a_request_to_the_agent_is_heard_by_its_own_beat(bench: Bench) -> None:
    bench.turn()
    bench.store.requested = Desired.STOPPED
    assert bench.turn() == []
    bench.link.send(BeatAgent(AgentStatus.RUNNING, ""))
    assert bench.turn() == [Listed((assigned(),), Desired.STOPPED)]


def test_an_agent_that_nobody_knows_yet_runs(bench: Bench) -> None:
    bench.store.known = False
    assert bench.turn() == [Listed((assigned(),), Desired.RUNNING)]


def test_at_the_end_everything_is_delivered(bench: Bench) -> None:
    bench.link.start()
    bench.link.send(BeatAgent(AgentStatus.STOPPED, "bye"))
    bench.link.stop(20)
    assert not bench.link.is_alive()
    assert bench.store.named("beat")[-1][0].status is AgentStatus.STOPPED


def test_the_end_waits_only_so_long(bench: Bench) -> None:
    bench.store.broken = StateUnavailable("it does not answer")
    bench.link.start()
    bench.link.send(BeatAgent(AgentStatus.STOPPED, "bye"))
    bench.link.stop(20)
    assert not bench.link.is_alive()
