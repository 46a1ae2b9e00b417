"""The shell around the machine: one queue, one deciding thread, and a list of acts to obey.

Feeders and the link put what happened into the queue; this thread takes it out, asks the machine,
and does what it says. It never waits for the database, a build or a worker.
"""

from __future__ import annotations

import logging
import signal
from queue import Empty, SimpleQueue

from msgspec import Struct

from agentd.commands import (
    BuildEnvironment,
    Command,
    DrainWorker,
    KillWorker,
    Leave,
    StartWorker,
)
from agentd.feeders import Builders, Ended, Happened, Signalled, Watcher
from agentd.link import Link
from agentd.machine import Machine
from agentd.roster import Roster
from agentd.stimuli import Adopted, BuildBroke, Exited, Started, Stimulus, StopAsked, Tick
from flowctl import systemd
from flowctl.clock import Clock
from flowctl.model.states import Desired

_log = logging.getLogger(__name__)
TICK = 0.25
REST = 1.0
"""Seconds between ticks while nothing is on its way."""
ALIVE = 2.0
"""Seconds between touches of the file that tells the workers that their agent lives."""
PRUNE = 3600.0
"""Seconds between looks for environments that nobody uses."""
_FAREWELL = 5.0


class View(Struct, frozen=True):
    """What the daemon shows of itself, as of one tick."""

    at: float
    sentence: str
    cut: str
    failing: int
    workers: dict[str, int]
    """Number of workers by status."""
    restarts: int


class Daemon:
    """Takes stimuli, asks the machine, obeys."""

    def __init__(
        self,
        machine: Machine,
        roster: Roster,
        *,
        link: Link,
        builders: Builders,
        watcher: Watcher,
        inbox: SimpleQueue[Happened],
        clock: Clock,
        stop_workers: bool = False,
    ) -> None:
        self._machine = machine
        self._roster = roster
        self._link = link
        self._builders = builders
        self._watcher = watcher
        self._inbox = inbox
        self._clock = clock
        self._stop_workers = stop_workers
        self._code: int | None = None
        self._next_tick = 0.0
        self._next_touch = 0.0
        self._next_prune = clock.monotonic() + PRUNE
        self._sentence = ""
        self._blind = False
        self.view = View(clock.monotonic(), "starts", "", 0, {}, 0)

    def run(self) -> int:
        """Serve until asked to end; return the exit code."""
        self._watcher.listen(signal.SIGTERM, signal.SIGINT)
        self._watcher.start()
        for found in self._roster.recover():
            self._recover(found)
        self._link.start()
        systemd.notify(systemd.READY)
        while self._code is None:
            self._turn()
        systemd.notify(systemd.STOPPING)
        self._link.stop(_FAREWELL)
        return self._code

    def _recover(self, found: Stimulus) -> None:
        if isinstance(found, Adopted):
            self._watcher.watch(self._roster.pidfd(found.key), found.key)
            _log.info("worker %s (pid %d) is ours again", found.name, found.pid)
        self._take(found)

    def _turn(self) -> None:
        wait = self._next_tick - self._clock.monotonic()
        if wait <= 0:
            self._tick()
            return
        try:
            happened = self._inbox.get(timeout=wait)
        except Empty:
            return
        self._take(self._translate(happened))
        self._next_tick = min(self._next_tick, self._clock.monotonic() + TICK)

    def _translate(self, happened: Happened) -> Stimulus:
        match happened:
            case Ended(key):
                return _tell_exit(self._roster.collect(key))
            case Signalled(number):
                _log.info("got %s", signal.Signals(number).name)
                return StopAsked(self._stop_workers)
            case BuildBroke(key, _, reason):
                _log.warning("%s: %s", key, reason)
                return happened
            case _:
                return happened

    def _take(self, stimulus: Stimulus) -> None:
        for command in self._machine.handle(stimulus, self._clock.monotonic()):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case StartWorker():
                self._start(command)
            case DrainWorker(key):
                self._roster.drain(key)
            case KillWorker(key):
                _log.warning("worker of %s is killed", key)
                self._roster.kill(key)
            case BuildEnvironment():
                self._builders.order(command)
            case Leave():
                self._leave(command)
            case _:
                self._link.send(command)

    def _start(self, command: StartWorker) -> None:
        answer = self._roster.start(command)
        if isinstance(answer, Started):
            self._watcher.watch(self._roster.pidfd(command.key), command.key)
            _log.info("worker %s started, pid %d", command.name, answer.pid)
        self._inbox.put(answer)

    def _leave(self, command: Leave) -> None:
        asked = f"; `flowctl start agent {self._machine.agent}` lets it serve again"
        stopped = asked if self._machine.requested in {Desired.STOPPED, Desired.REMOVED} else ""
        _log.info("%s", f"goodbye{stopped}" if command.goodbye else "leaving; the workers go on")
        if command.goodbye:
            self._roster.say_goodbye()
        self._code = 0

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._take(Tick(self._roster.read_reports(), self._blind))
        self._next_tick = now + (TICK if self._machine.is_moving else REST)
        self._say(self._machine.sentence)
        if now >= self._next_touch:
            self._next_touch = now + ALIVE
            self._look_after()
        if now >= self._next_prune:
            self._next_prune = now + PRUNE
            self._builders.prune(self._machine.site_keys())
        if not self._link.is_alive() and self._code is None:
            # Without it the agent would be blind and look healthy; its next life finds the workers.
            _log.error("the link to the state database broke; agentd ends, the workers go on")
            self._code = 1

    def _look_after(self) -> None:
        self._blind = not self._roster.show_life()
        self._roster.trim_logs()
        systemd.notify(systemd.WATCHDOG)

    def _say(self, sentence: str) -> None:
        self.view = self._show(sentence)
        if sentence != self._sentence:
            self._sentence = sentence
            _log.info("%s", sentence)
            systemd.notify(systemd.status(sentence))

    def _show(self, sentence: str) -> View:
        workers: dict[str, int] = {}
        for status in self._machine.worker_statuses():
            workers[status] = workers.get(status, 0) + 1
        return View(
            self._clock.monotonic(),
            sentence,
            self._machine.cut or ("" if self._machine.listed else "not asked yet"),
            self._machine.failing,
            workers,
            self._machine.restarts,
        )


def _tell_exit(exited: Exited) -> Exited:
    level = logging.WARNING if exited.code else logging.INFO
    how = {None: "ended", 0: "ended well"}.get(exited.code, f"ended with {exited.code}")
    _log.log(level, "worker of %s %s", exited.key, how)
    return exited
