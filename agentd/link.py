"""The agent's link to the state database: one thread, so that no other ever waits for it.

What is to be written waits as letters, the newest of each kind and object only; what could not be
delivered is tried again for as long as it takes. What is wanted is read whenever the revision
changes, and now and then without a reason.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from agentd import processes, resources
from agentd.commands import (
    BeatAgent,
    BeatWorker,
    FinishDeployment,
    ForgetWorker,
    ReportDeployment,
)
from agentd.feeders import Happened
from agentd.stimuli import Cut, Listed
from flowctl.clock import Clock
from flowctl.errors import FlowError, NotFound, SchemaMismatch, StateUnavailable
from flowctl.model.asks import Ask
from flowctl.model.fleet import Agent
from flowctl.model.states import Desired
from flowctl.model.work import AgentBeat, WorkerBeat

if TYPE_CHECKING:
    from flowctl.services.control import Control

_log = logging.getLogger(__name__)
POLL = 0.25
RELIST = 10.0
PAUSE = 1.0
"""Seconds between tries while the database is away."""

Letter = BeatAgent | BeatWorker | ReportDeployment | FinishDeployment | ForgetWorker


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What this agent says of itself that does not change while it runs."""

    name: str
    hostname: str
    boot_id: str
    pid: int
    version: str
    cpus: int
    labels: dict[str, str]
    port: int


class Link(threading.Thread):
    """Delivers letters and tells what is wanted."""

    def __init__(
        self,
        opener: Callable[[], AbstractContextManager[Control]],
        offer: Offer,
        tell: SimpleQueue[Happened],
        *,
        clock: Clock,
        folder: Path,
        heed: Callable[[Sequence[Ask]], None] = lambda _asks: None,
    ) -> None:
        super().__init__(name="link", daemon=True)
        self._opener = opener
        self._offer = offer
        self._tell = tell
        self._clock = clock
        self._folder = folder
        self._heed = heed
        self._meter = resources.Meter()
        self._measured: dict[str, tuple[float, int]] = {}
        self._letters: dict[tuple[object, ...], Letter] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._cut = "not asked yet"
        self._revision = -1
        self._looked_at = 0.0
        self._listed_at = 0.0
        self._requested = Desired.RUNNING

    def send(self, letter: Letter) -> None:
        """Have a letter delivered; a newer one about the same takes its place."""
        with self._lock:
            self._letters.pop(_subject(letter), None)
            self._letters[_subject(letter)] = letter
        self._wake.set()

    def stop(self, grace: float) -> None:
        """Deliver what waits, within `grace` seconds, and end."""
        self._stopping.set()
        self._wake.set()
        self.join(grace)

    def run(self) -> None:
        """Serve until `stop`; the loop of the thread."""
        with self._opener() as control:
            while not self._stopping.is_set():
                self._turn(control)
                self._wake.wait(PAUSE if self._cut else POLL)
                self._wake.clear()
            self._turn(control)

    def _turn(self, control: Control) -> None:
        try:
            if self._cut:
                control.store.check_schema()
            self._deliver(control)
            self._look(control)
        except (StateUnavailable, SchemaMismatch) as error:
            self._say_cut(f"{error}; {error.remedy}" if error.remedy else str(error))

    def _say_cut(self, reason: str) -> None:
        if reason != self._cut:
            self._tell.put(Cut(reason))
        self._cut, self._listed_at = reason, 0.0

    def _deliver(self, control: Control) -> None:
        while letter := self._take():
            try:
                self._write(control, letter)
            except (StateUnavailable, SchemaMismatch):
                self._put_back(letter)
                raise
            except FlowError as error:
                # The object went away meanwhile, or is another's: the next list will tell.
                _log.info("%s was not taken: %s", type(letter).__name__, error)

    def _take(self) -> Letter | None:
        with self._lock:
            subject = next(iter(self._letters), None)
            return self._letters.pop(subject) if subject else None

    def _put_back(self, letter: Letter) -> None:
        with self._lock:
            self._letters = {_subject(letter): letter} | self._letters

    def _write(self, control: Control, letter: Letter) -> None:
        fleet = control.store.fleet
        match letter:
            case BeatAgent():
                self._beat(control, letter)
            case BeatWorker():
                fleet.beat_worker(self._measure(letter))
            case ReportDeployment(key, status, reason):
                fleet.report(key.deployment, key.network, status, reason)
            case FinishDeployment(key):
                fleet.finish(key.deployment, key.network)
            case ForgetWorker(name):
                self._forget(control, name)

    def _beat(self, control: Control, letter: BeatAgent) -> None:
        agent = control.store.fleet.beat(
            AgentBeat(
                **msgspec.structs.asdict(self._offer),
                sentence=letter.sentence,
                status=letter.status,
                resources=resources.measure_host(self._folder),
            )
        )
        if agent.requested_status is not self._requested:
            self._listed_at = 0.0

    def _measure(self, letter: BeatWorker) -> WorkerBeat:
        name = letter.beat.name
        if letter.measure or name not in self._measured:
            self._measured[name] = self._meter.measure(name, letter.pids)
        cpu, memory = self._measured[name]
        return msgspec.structs.replace(letter.beat, cpu_percent=cpu, memory=memory)

    def _forget(self, control: Control, name: str) -> None:
        self._meter.forget(name)
        self._measured.pop(name, None)
        control.store.fleet.forget_worker(name)

    def _look(self, control: Control) -> None:
        now = self._clock.monotonic()
        if not self._cut and self._listed_at and now < self._looked_at + POLL:
            return
        self._looked_at, revision = now, control.store.revision()
        if not self._cut and revision == self._revision and now < self._listed_at + RELIST:
            return
        assignments = tuple(control.store.fleet.assignments(self._offer.name))
        self._requested = _requested(control, self._offer.name)
        self._heed(control.store.asks.live(self._clock.now()))
        self._revision, self._listed_at, self._cut = revision, now, ""
        self._tell.put(Listed(assignments, self._requested))


def _requested(control: Control, name: str) -> Desired:
    try:
        agent: Agent = control.store.fleet.agent(name)
    except NotFound:
        return Desired.RUNNING
    return agent.requested_status


def _subject(letter: Letter) -> tuple[object, ...]:
    """Return what a letter is about: only the newest about one subject matters."""
    match letter:
        case ReportDeployment(key, _, _) | FinishDeployment(key):
            return type(letter), key
        case ForgetWorker(name):
            return type(letter), name
        case BeatWorker(beat, _, _):
            return type(letter), beat.name
        case _:
            return (type(letter),)


def describe_offer(
    name: str, *, cpus: int, labels: dict[str, str], port: int, version: str
) -> Offer:
    """Return what the agent `name` on this host says of itself."""
    return Offer(
        name=name,
        hostname=resources.hostname(),
        boot_id=processes.boot_id(),
        pid=processes.own_pid(),
        version=version,
        cpus=cpus,
        labels=labels,
        port=port,
    )
