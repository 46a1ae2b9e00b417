"""The worker's one thread that decides: deliveries in, calls to executors, outcomes to the keeper.

Other threads (the broker's, the keeper) only post functions to its inbox and wake it. It never
waits for anything but its selector: the database and the broker are the keeper's.
"""

from __future__ import annotations

import contextlib
import logging
import random
import selectors
import socket
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from agentd.worker.crew import Crew, Reports
from agentd.worker.executors import Executor
from agentd.worker.follow import Follower, arguments_of
from agentd.worker.identity import Identity
from agentd.worker.intake import Intake, Key, Sorted, key_of
from agentd.worker.items import Item
from agentd.worker.joins import arrival
from agentd.worker.keeper import Answers, Commit, Keeper
from agentd.worker.ledger import Ledger
from agentd.worker.nodes import Desk
from agentd.worker.rate import Bucket
from agentd.worker.report import Reporter, View
from agentd.worker.routing import Outcome, skip
from agentd.worker.setup import make_executor, setup_of, tasks_of
from agentd.worker.steps import bind, reject, settle
from agentd.worker.window import window
from flowctl.broker.base import Broken, Delivery, Subscription
from flowctl.errors import Malformed
from flowctl.model.canvas import BOUND
from flowctl.model.flow import Task
from flowctl.model.states import Desired
from flowctl.model.traffic import Failure
from flowctl.model.work import Assignment
from flowctl.services.control import Control

log = logging.getLogger(__name__)

TICK = 0.5
DRAIN_SECONDS = 30.0


class Core:
    """Holds the calls that are in this worker; only `post`, `ring` and `stop` are for others."""

    def __init__(self, control: Control, identity: Identity) -> None:
        self._control = control
        self._clock = control.clock
        self._identity = identity
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake, self._bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        reports = Reports(self._ended, self._returned, self._welcome, self._mourn)
        self._crew = Crew(self._selector, self._make_executor, reports, control.clock)
        self._intake = Intake(identity, self._clock)
        self._desk = Desk(self._clock)
        self._ledger = Ledger(identity.worker, self._clock)
        self._reporter = Reporter(identity.status)
        self._ready: deque[Item] = deque()
        self._flight: dict[Key, Item] = {}
        """Every call that was delivered and is not acknowledged yet."""
        self._bucket = Bucket(None)
        self._assignment: Assignment | None = None
        self._subscription: Subscription | None = None
        self._window = 0
        self._tasks: tuple[Task, ...] = ()
        self._troubles: dict[str, str] = {}
        self._deadline: float | None = None
        self._next_tick = 0.0
        self._recall_at = inf
        self._follower = Follower(
            control,
            identity,
            assign=lambda assignment: self.post(lambda: self._assign(assignment)),
            cancel=lambda calls: self.post(lambda: self._crew.cancel(calls)),
            trouble=lambda why: self.post(lambda: self._note_trouble("follower", why)),
        )
        self._keeper = Keeper(
            control,
            Answers(
                run=lambda items: self.post(lambda: self._ready.extend(items)),
                release=lambda items: self.post(lambda: self._release(items)),
                trouble=lambda why: self.post(lambda: self._note_trouble("keeper", why)),
                tick=self._follower.tick,
            ),
        )

    def post(self, act: Callable[[], None]) -> None:
        """Have `act` done in the core's thread; may be called from any thread."""
        self._inbox.append(act)
        self.ring()

    def ring(self) -> None:
        """Wake the core; safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):  # full: it has enough to wake up for
            self._bell.send(b"\0")

    def stop(self) -> None:
        """Finish what runs, give back the rest, then end; a second time, end at once."""
        now = self._clock.monotonic()
        self._deadline = now if self._deadline is not None else now + DRAIN_SECONDS
        self._next_tick = 0.0
        self.ring()

    def run(self) -> int:
        """Serve until stopped; return the exit status."""
        self._wake.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self._report()
        self._keeper.start()
        while not self._is_over():
            self._turn(self._pause())
        self._close()
        return 0

    def _turn(self, timeout: float) -> None:
        for key, events in self._selector.select(timeout):
            if key.data is None:
                self._wake.recv(65536)
            elif key.fileobj in self._selector.get_map():
                self._crew.attend(key.data[0], key.data[1], events)
        for _ in range(len(self._inbox)):
            self._inbox.popleft()()
        self._dispatch()
        self._recall_at = self._crew.recall()
        if self._clock.monotonic() >= self._next_tick:
            self._tick()

    def _pause(self) -> float:
        """Return how long nothing needs to be done unless somebody says something."""
        if self._inbox:
            return 0.0
        now = self._clock.monotonic()
        times = [self._next_tick - now, self._recall_at - now]
        if limit := self._timeout():
            times += [item.started + limit - now for item in self._crew.running()]
        if self._ready and (wait := self._bucket.wait(now)):
            times.append(wait)
        return max(0.0, min(times))

    def _dispatch(self) -> None:
        touched: dict[int, Executor] = {}
        now = self._clock.monotonic()
        answered: list[tuple[Item, Outcome]] = []
        while self._ready and not self._bucket.wait(now):
            item = self._ready[0]
            if outcome := self._answer(item):
                answered.append((item, outcome))
            elif executor := self._crew.take(item):
                touched[executor.number] = executor
            else:
                break
            self._ready.popleft()
            self._bucket.take()
        if answered:
            self._ended(answered)
        for executor in touched.values():
            self._crew.pool.flush(executor)

    def _answer(self, item: Item) -> Outcome | None:
        """Return how a call ends for which no executor is needed."""
        if item.content_type == BOUND and self._crew.pool.serving():
            bind(item, arguments_of(self._tasks, item.route.socket.spec.task))
        if item.checked or item.route.socket.name not in self._desk.concerns:
            return None
        arguments = arguments_of(self._tasks, item.route.socket.spec.task)
        outcome = self._desk.answer(item, arguments)
        item.checked = outcome is None
        return outcome

    # What is wanted

    def _assign(self, assignment: Assignment | None) -> None:
        """Take over what is wanted now; nothing restarts that does not have to."""
        before, self._assignment = self._assignment, assignment
        if assignment is None:
            log.info("the deployment is gone")
            self.stop()
            return
        self._intake.assign(assignment)
        self._desk.assign(assignment.processor.spec, assignment.sockets)
        self._bucket = Bucket(assignment.processor.spec.rate, assignment.workers)
        if before is not None and self._setup(before) != self._setup(assignment):
            self._crew.pool.replace_all()
        self._crew.pool.wanted = assignment.deployment.cpus
        self._subscribe()
        self._tick()

    def _setup(self, assignment: Assignment) -> dict[str, Any]:
        return setup_of(assignment, self._identity)

    def _make_executor(self, number: int, now: float) -> Executor:
        assert self._assignment is not None  # the pool wants none before
        return make_executor(self._assignment, self._identity, number, now)

    def _subscribe(self) -> None:
        queues = self._intake.queues()
        if self._subscription is None:
            self._subscription = self._control.broker.consume(
                queues,
                prefetch=0,
                on_delivery=lambda batch: self.post(lambda: self._receive(batch)),
                on_state=lambda up, why: self.post(lambda: self._note_broker(up, why)),
                name=self._identity.worker,
            )
            self._keeper.subscription = self._subscription
        else:
            self._subscription.add(queues - self._intake.consumed)
            self._subscription.drop(self._intake.consumed - queues)
        self._intake.consumed = queues

    def _timeout(self) -> float:
        return self._assignment.processor.spec.timeout if self._assignment else 0.0

    # Deliveries

    def _receive(self, batch: Sequence[Delivery | Broken]) -> None:
        found = self._intake.sort(batch, self._flight)
        for item in found.all():
            self._flight[key_of(item.message)] = item
        self._ready.extend(found.run)
        if found.look:
            self._keeper.look(found.look)
        self._contribute(found)
        self._refuse(found)

    def _contribute(self, found: Sorted) -> None:
        arrivals = []
        for item in found.arrive:
            arguments = arguments_of(self._tasks, item.route.socket.spec.task)
            try:
                arrivals.append((item, arrival(item, arguments)))
            except Malformed as error:
                found.refused.append((item, Failure(type="gather", message=str(error))))
        if arrivals:
            self._keeper.arrive(arrivals)

    def _refuse(self, found: Sorted) -> None:
        at = self._clock.now()
        commits = [Commit(item, skip(item.route, item.message, at)) for item in found.absent]
        for item, failure in found.refused:
            self._reporter.count(failed=True)
            commits.append(Commit(item, reject(item.route, item.message, failure, at)))
        if commits:
            self._keeper.commit(commits)

    def _release(self, items: Sequence[Item]) -> None:
        for item in items:
            key = key_of(item.message)
            if self._flight.get(key) is item:
                del self._flight[key]
        # Copies that came between the acknowledgement and now.
        late = [tag for item in items for tag in item.give_tags()]
        if late and self._subscription is not None:
            self._subscription.ack(late)

    # What the crew reports

    def _ended(self, ended: Sequence[tuple[Item, Outcome]]) -> None:
        self._keeper.commit([self._settle(item, outcome) for item, outcome in ended])

    def _settle(self, item: Item, outcome: Outcome) -> Commit:
        outcome.gathers = item.gathers
        self._reporter.count(failed=outcome.failure is not None)
        luck = random.random()  # jitter, no secret
        finished = settle(item.route, item.message, outcome, item.received_at, luck)
        finished.given, finished.is_told = item.given(), item.begun or item.is_told
        finished.events = (*item.emitted.give(), *finished.events)
        return Commit(item, finished)

    def _returned(self, items: Sequence[Item]) -> None:
        self._ready.extendleft(reversed(items))

    def _welcome(self, head: dict[str, Any]) -> None:
        self._reporter.reason = ""
        tasks = tasks_of(head, self._assignment)
        if tasks != self._tasks:
            self._tasks = tasks
            self._follower.show_tasks(tasks)
        self._tick()

    def _mourn(self, reason: str) -> None:
        """The user's code cannot be loaded: no message may be burnt on it."""
        self._reporter.reason = reason
        self._tick()

    # Time

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._next_tick = now + TICK
        self._crew.end_late(self._timeout())
        self._crew.pool.adjust(now)
        self._set_window()
        begun, claims = self._ledger.due(self._crew.running(), now)
        told = [
            event for item in self._crew.running() if item.begun for event in item.emitted.give()
        ]
        if begun or claims or told:
            self._keeper.begin(begun, claims, told)
        self._report()

    def _set_window(self) -> None:
        if self._subscription is None:
            return
        closed = self._assignment is not None and self._assignment.processor.closed
        idle = closed or self._is_paused() or self._is_stopping or bool(self._reporter.reason)
        stuck = self._crew.is_stuck()
        serving = len(self._crew.pool.serving())
        # A claimed call is acknowledged: its executor has no room, but the broker does not know.
        claimed = sum(item.claimed for item in self._crew.running())
        held = 0 if idle else max(0, window(self._crew.pace, serving, stuck=stuck) - claimed)
        if held != self._window:
            self._window = held
            self._subscription.window(held)
        if idle or stuck:
            self._give_back(self._subscription)

    def _is_paused(self) -> bool:
        wanted = self._assignment.deployment.requested_status if self._assignment else None
        return wanted is not Desired.RUNNING

    def _give_back(self, subscription: Subscription) -> None:
        """Return what has not begun, so that somebody else may run it."""
        if self._ready:
            items, self._ready = list(self._ready), deque()
            subscription.nack([tag for item in items for tag in item.give_tags()])
            self._release(items)

    def _report(self) -> None:
        pool, assignment = self._crew.pool, self._assignment
        self._reporter.write(
            View(
                serving=len(pool.serving()),
                busy=pool.busy(),
                pids=tuple(executor.pid for executor in pool),
                is_draining=self._is_stopping,
                is_paused=assignment is not None and self._is_paused(),
                generation=assignment.processor.generation if assignment else 0,
                restarts=assignment.processor.restarts if assignment else 0,
                at=self._clock.monotonic(),
            )
        )

    def _note_trouble(self, source: str, why: str) -> None:
        """Remember what one of the three that can be in trouble says; each takes back its own."""
        self._troubles[source] = why
        worst = next(filter(None, self._troubles.values()), "")
        if worst != self._reporter.trouble:
            self._reporter.trouble = worst
            log.warning("%s", worst or "state and broker answer again")
            self._report()

    def _note_broker(self, up: bool, why: str) -> None:
        self._note_trouble("broker", "" if up else why or "the broker does not answer")
        if up:
            self._window = -1  # the new connection knows nothing of the old window
            self._set_window()

    # The end

    @property
    def _is_stopping(self) -> bool:
        return self._deadline is not None

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        return not self._crew.running() or self._clock.monotonic() >= self._deadline

    def _close(self) -> None:
        self._set_window()
        self._crew.close()
        self._keeper.stop(DRAIN_SECONDS)
        if self._subscription is not None:
            self._subscription.close()
        self._reporter.end(self._clock.monotonic())
