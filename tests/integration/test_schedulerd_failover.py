"""Several schedulers over one database: one leads, whatever happens to it another follows, and
nothing is placed or fired twice. Real processes, ended by pid."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.errors import Conflict
from flowctl.model.fleet import Resources
from flowctl.model.flow import Catchup, NetworkSpec, ProcessorSpec, Schedule, SocketSpec
from flowctl.model.states import AgentStatus
from flowctl.model.work import AgentBeat
from flowctl.planning.place import plan
from flowctl.recipe.diff import diff
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests.cluster import until
from tests.fleets import SOURCE

pytestmark = [pytest.mark.process, pytest.mark.slow]

FAST = {
    "FLOWCTL_LEASE_TTL": "2",
    "FLOWCTL_LEASE_RENEW": "0.5",
    "FLOWCTL_SUSPECT_AFTER": "2",
    "FLOWCTL_LOST_AFTER": "4",
}
QUEUE = "shop.parse.tick"


class Schedulers:
    """Schedulers of one home; each is a process."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home, self.env = home, env
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._count = 0

    def start(self, *options: str, **more: str) -> str:
        self._count += 1
        name = f"s{self._count}"
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "schedulerd", "--name", name, *options],
                env={**self.env, **more},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        return name

    def end(self, name: str, number: int) -> int:
        process = self.running.pop(name)
        process.send_signal(number)
        return process.wait(30)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def close(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("FLOWCTL_")}
    own |= {"FLOWCTL_HOME": str(tmp_path), **FAST}
    if request.param == "postgres":
        own["FLOWCTL_STATE"] = request.getfixturevalue("postgres_empty_url")
    return own


@pytest.fixture
def control(env: dict[str, str]) -> Iterator[Control]:
    settings = load(env)
    settings.paths.make()
    with open_control(settings, name="test") as opened:
        opened.store.migrate()
        yield opened


@pytest.fixture
def schedulers(control: Control, env: dict[str, str], tmp_path: Path) -> Iterator[Schedulers]:
    several = Schedulers(tmp_path, env)
    yield several
    several.close()


def leader(control: Control, *, not_in_term: int = 0) -> tuple[str, int]:
    """Wait until somebody leads (in another term) and return name and term."""

    def found() -> tuple[str, int] | None:
        lease = control.store.duty.lease()
        if lease is None or lease.term == not_in_term:
            return None
        return lease.holder.partition("#")[0], lease.term

    return until(found, "somebody leads")


def declare(control: Control, *processors: ProcessorSpec) -> None:
    wanted = NetworkSpec(name="shop", processors=processors)
    control.store.flows.apply(diff(None, wanted), expect=None)


def ticking(**schedule: object) -> ProcessorSpec:
    timed = Schedule(**schedule)
    sockets = (SocketSpec(name="tick", task="tick", schedule=timed),)
    return ProcessorSpec(name="parse", source=SOURCE, cpus=1, sockets=sockets)


def beat(control: Control, name: str, cpus: int = 4) -> None:
    control.store.fleet.beat(
        AgentBeat(
            name=name,
            hostname=name,
            boot_id="b",
            pid=1,
            version="0",
            cpus=cpus,
            labels={},
            port=0,
            sentence="",
            resources=Resources(cpus=cpus),
            status=AgentStatus.RUNNING,
        )
    )


def test_a_killed_leader_is_followed_within_its_lease(
    control: Control, schedulers: Schedulers
) -> None:
    schedulers.start()
    schedulers.start()
    first, term = leader(control)
    schedulers.end(first, signal.SIGKILL)
    second, _ = leader(control, not_in_term=term)
    assert second != first


def test_a_stopped_leader_hands_over_at_once(control: Control, schedulers: Schedulers) -> None:
    long = {"FLOWCTL_LEASE_TTL": "60"}
    schedulers.start(**long)
    first, term = leader(control)
    schedulers.start(**long, FLOWCTL_LOG_LEVEL="debug")
    until(lambda: "waiting: s1" in schedulers.log("s2"), "the other waits")
    assert schedulers.end(first, signal.SIGTERM) == 0
    second, _ = leader(control, not_in_term=term)
    assert (first, second) == ("s1", "s2")


def test_a_leader_that_hung_is_fenced(control: Control, schedulers: Schedulers) -> None:
    schedulers.start()
    first, term = leader(control)
    schedulers.running[first].send_signal(signal.SIGSTOP)
    schedulers.start()
    second, new_term = leader(control, not_in_term=term)
    schedulers.running[first].send_signal(signal.SIGCONT)
    beat(control, "a1")
    declare(control, ProcessorSpec(name="parse", source=SOURCE, cpus=2))
    until(lambda: control.store.fleet.deployments(), "the new leader places")
    until(lambda: "no longer leading" in schedulers.log(first), "the old leader notices")
    assert leader(control) == (second, new_term)
    with pytest.raises(Conflict):
        control.store.fleet.place([], term=term)
    assert [each.cpus for each in control.store.fleet.deployments()] == [2]


def test_due_times_fire_once_through_failovers(control: Control, schedulers: Schedulers) -> None:
    declare(control, ticking(every=0.5, catchup=Catchup.ALL))
    created = control.store.flows.sockets()[0].updated_at
    schedulers.start()
    schedulers.start()
    term = 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        name, term = leader(control, not_in_term=term)
        until(lambda: _fired(control) > 3, "it fires")
        schedulers.start()
        schedulers.end(name, number)
    leader(control, not_in_term=term)
    seen = _fired(control)
    until(lambda: _fired(control) > seen + 4, "the last one fires")
    for name in list(schedulers.running):
        schedulers.end(name, signal.SIGTERM)
    last = control.store.duty.last_fire(QUEUE)
    assert last is not None
    due = round((last - created).total_seconds() / 0.5)
    sent = {each.id: each for each in _messages(control)}
    left = {each.message.id for each in control.store.traffic.unsent(_later(last), 10_000)}
    assert len(sent.keys() | left) == due


@pytest.mark.parametrize("point", ["scheduler.fired:kill:2", "scheduler.placed:kill:1"])
def test_a_crash_in_each_window_costs_nothing(
    control: Control, schedulers: Schedulers, point: str
) -> None:
    declare(control, ticking(every=1, catchup=Catchup.ALL))
    beat(control, "a1")
    name = schedulers.start(FLOWCTL_FAILPOINT=point)
    assert schedulers.running.pop(name).wait(60) == -signal.SIGKILL
    schedulers.start(FLOWCTL_SWEEP_AFTER="1")
    last = control.store.duty.last_fire(QUEUE)
    until(lambda: control.store.duty.last_fire(QUEUE) != last, "it fires on")
    until(lambda: control.store.fleet.deployments(), "it places")
    far = _later(control.store.flows.sockets()[0].updated_at)
    until(lambda: not control.store.traffic.unsent(far, 10), "the outbox is swept")
    schedulers.end("s2", signal.SIGTERM)
    ids = [each.id for each in _messages(control)]
    assert len(ids) == len(set(ids))
    assert [each.cpus for each in control.store.fleet.deployments()] == [1]


def test_a_silent_agent_is_lost_and_what_it_had_moves(
    control: Control, schedulers: Schedulers
) -> None:
    beat(control, "a1")
    declare(control, ProcessorSpec(name="parse", source=SOURCE, cpus=2))
    schedulers.start()
    until(lambda: _hosts(control) == ["a1"], "placed")

    def moved() -> bool:
        beat(control, "a2")
        return _hosts(control) == ["a2"]

    until(moved, "what a1 had is on a2", pause=0.3)
    assert control.store.fleet.agent("a1").status is AgentStatus.LOST
    beat(control, "a1")
    assert control.store.fleet.agent("a1").status is AgentStatus.RUNNING


def test_planners_that_race_never_overfill(control: Control) -> None:
    for number in range(4):
        beat(control, f"a{number}", cpus=3)
    specs = [ProcessorSpec(name=f"p{n}", source=SOURCE, cpus=2) for n in range(9)]
    declare(control, *specs)
    wrong: list[str] = []

    def race() -> None:
        for _ in range(15):
            steps = plan(control.store.fleet.snapshot()).steps
            control.store.fleet.place(steps, term=None)
            used: Counter[str] = Counter()
            for each in control.store.fleet.deployments():
                used[each.agent] += each.cpus
            wrong.extend(name for name, cpus in used.items() if cpus > 3)

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(each.cpus for each in control.store.fleet.deployments()) == 12


def test_it_waits_for_the_schema_and_says_so(schedulers: Schedulers, control: Control) -> None:
    control.store.drop()
    schedulers.start()
    until(lambda: "flowctl db migrate" in schedulers.log("s1"), "it says what lacks")
    control.store.migrate()
    leader(control)


def test_every_cycle_ends_in_a_sentence(control: Control, schedulers: Schedulers) -> None:
    beat(control, "a1")
    declare(control, ProcessorSpec(name="parse", source=SOURCE, cpus=6))
    schedulers.start()
    pattern = r"leading: 1 agent, 0 of 4 cpus serve.*parse wants 2 more cpus, 0 free on 1 agent"
    until(lambda: re.search(pattern, schedulers.log("s1")), "the sentence")


def _fired(control: Control) -> int:
    found = control.broker.depth([QUEUE]).get(QUEUE)
    return found.ready if found else 0


def _messages(control: Control) -> list:
    found: list = []
    while page := control.broker.peek(QUEUE, limit=500, offset=len(found)):
        found += page
    return found


def _later(moment):
    return moment.replace(year=moment.year + 1)


def _hosts(control: Control) -> list[str]:
    return [each.agent for each in control.store.fleet.deployments()]
