"""The daemon: run, one cycle, shut down. Every cycle ends in one sentence.

The main thread looks at the fleet. Others keep the lease, send what is due, do what may take long,
and remove what is old, so that a slow broker never costs the lease and a slow database never blocks
a stop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from flowctl.errors import Conflict, FlowError, SchemaMismatch, StateUnavailable
from flowctl.services.control import Control
from flowctl.systemd import READY, STOPPING, WATCHDOG, notify, status
from schedulerd import outbox
from schedulerd.duties import Duties, take_up
from schedulerd.leader import Leadership
from schedulerd.planner import Look
from schedulerd.policy import Policy
from schedulerd.retention import retire
from schedulerd.timer import Timer

log = logging.getLogger(__name__)

LEASE, PROMPT, SLOW, OLD = "lease", "prompt", "slow", "old"
"""The threads beside the main one."""

RESTLESS = 0.25
"""Seconds between two looks while something is on its way."""


class Daemon:
    """One scheduler process."""

    def __init__(
        self, control: Control, policy: Policy, name: str, *, observe: bool = False
    ) -> None:
        self.leadership = Leadership(control, policy, name)
        self.sentence = ""
        self._control = control
        self._policy = policy
        self._observe = observe
        # A plain flag: a signal handler may not touch locks that this thread may be holding.
        self._stopping = False
        self._idle = threading.Event()
        self._lock = threading.Lock()
        self._duties: Duties | None = None
        self._look: Look | None = None
        self._next_look = 0.0
        self._troubles: dict[str, str] = {}
        self._timer = Timer((LEASE, PROMPT, SLOW, OLD))

    def run(self) -> None:
        """Work until `stop` is called.

        Raises:
            SchemaMismatch: the database is newer than this program.
        """
        self._wait_for_schema()
        self._set_timer()
        notify(READY)
        self._timer.start()
        try:
            while not self._stopping:
                self._say(self.cycle())
                self._idle.wait(self._policy.tick)
        finally:
            self.shut_down()

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler."""
        self._stopping = True

    def shut_down(self) -> None:
        """Let another lead at once, then end what is still being done."""
        notify(STOPPING)
        self._stopping = True
        self.leadership.close()
        self._timer.stop()

    def cycle(self) -> str:
        """Look at the fleet if it is time, and return what is to be said of it."""
        duties = self._current()
        if duties is None:
            self._look = None
            return self._waiting()
        try:
            if self._is_time(duties):
                self._look_now(duties)
        except Conflict as error:
            self.leadership.depose(error.message)
            return self._waiting()
        except StateUnavailable as error:
            return f"waiting: {error}"
        return self._look.sentence if self._look else ""

    def _is_time(self, duties: Duties) -> bool:
        revision = duties.shelf.revision()
        if self._look is None or self._control.clock.monotonic() >= self._next_look:
            return True
        return revision != self._look.revision

    def _look_now(self, duties: Duties) -> None:
        clock = self._control.clock
        began = clock.monotonic()
        self._look = look = duties.planner.look()
        ended = clock.monotonic()
        pause = RESTLESS if look.restless else self._policy.look
        # A large fleet takes long to read: never more than a fifth of the time goes into looking.
        rest = 0.0 if look.placed else 4 * (ended - began)
        self._next_look = ended + max(pause, rest)

    def _current(self) -> Duties | None:
        """Return the duties of the present term, or None while another leads."""
        with self._lock:
            term = self.leadership.term()
            if term is None:
                self._duties = None
            elif self._duties is None or self._duties.term != term:
                self._look = None
                self._duties = take_up(self._control, self._policy, term, observe=self._observe)
            return self._duties

    def _waiting(self) -> str:
        seen = self.leadership.seen
        if seen is None:
            return "waiting: nobody leads yet"
        until = seen.lease.expires_at.strftime("%H:%M:%S")
        return f"waiting: {seen.lease.holder} leads until {until}"

    def _say(self, sentence: str) -> None:
        troubles = [f"{name}: {text}" for name, text in sorted(self._troubles.items())]
        sentence = "; ".join([sentence, *troubles])
        if sentence != self.sentence:
            level = logging.DEBUG if sentence.startswith("waiting") else logging.INFO
            log.log(level, "%s", sentence)
            notify(status(sentence))
        self.sentence = sentence
        notify(WATCHDOG)

    def _wait_for_schema(self) -> None:
        said = ""
        while not self._stopping:
            try:
                self._control.store.check_schema()
            except SchemaMismatch as error:
                if error.found > error.wanted:
                    raise
                said = self._grumble(said, f"waiting: {error} ({error.remedy})")
            except StateUnavailable as error:
                said = self._grumble(said, f"waiting: {error}")
            else:
                return
            self._idle.wait(1.0)

    def _grumble(self, said: str, sentence: str) -> str:
        if sentence != said:
            log.warning("%s", sentence)
            notify(status(sentence))
        return sentence

    def _set_timer(self) -> None:
        policy, control, now = self._policy, self._control, self.leadership.now
        self._timer.every(min(1.0, policy.lease_renew / 2), self._lead, thread=LEASE)
        duties: tuple[tuple[str, float, str, Callable[[Duties], int]], ...] = (
            (PROMPT, 0.5, "schedules", lambda each: each.cron.fire(now())),
            (PROMPT, 2.0, "outbox", self._sweep),
            (PROMPT, 5.0, "claims", lambda each: each.claims.reissue(now())),
            (PROMPT, 0.5, "adaptors", lambda each: each.adaptors.run()),
            (SLOW, 1.0, "queues", lambda each: each.queues.run()),
            (SLOW, policy.autoscale_every, "autoscale", self._rescale),
            (SLOW, policy.sample_every, "stats", lambda each: each.sampler.run(now())),
            (OLD, policy.retire_every, "retention", lambda _: retire(control, policy, now())),
        )
        for thread, seconds, name, act in duties:
            self._timer.every(seconds, self._duty(name, act), thread=thread)

    def _sweep(self, duties: Duties) -> int:
        age = self._policy.sweep_after
        return outbox.sweep(self._control, duties.shelf, self.leadership.now(), age)

    def _rescale(self, duties: Duties) -> int:
        return 0 if self._observe else duties.autoscaler.run()

    def _lead(self) -> None:
        try:
            self.leadership.step()
        except StateUnavailable as error:
            self._troubles["lease"] = error.message
        else:
            self._troubles.pop("lease", None)

    def _duty(self, name: str, act: Callable[[Duties], int]) -> Callable[[], None]:
        """Return a job that acts while we lead, and survives what may go wrong."""

        def job() -> None:
            duties = self._current()
            if duties is None or self._stopping:
                self._troubles.pop(name, None)
                return
            try:
                act(duties)
            except Conflict as error:
                self.leadership.depose(error.message)
            except FlowError as error:
                if self._troubles.get(name) != error.message:
                    log.warning("%s: %s", name, error)
                self._troubles[name] = error.message
            else:
                self._troubles.pop(name, None)

        return job
