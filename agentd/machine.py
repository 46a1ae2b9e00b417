"""Every decision of agentd: stimuli in, commands out, no I/O and no clock.

A stimulus only changes what the machine knows; then every post is asked what it needs. So the
order in which facts arrive does not matter, and a fact that never arrives costs one tick.
The invariants: no deployment has two workers; what is not wanted ends; what cannot be known
(the database is away, an adopted worker before the first list) is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatchmethod

from agentd.commands import BeatAgent, BeatWorker, Command, Leave, ReportDeployment
from agentd.post import (
    Held,
    Patience,
    Post,
    decide,
    describe,
    fail,
    observe,
    take_exit,
    want,
)
from agentd.stimuli import (
    Adopted,
    BuildBroke,
    Built,
    Cut,
    Exited,
    Key,
    Listed,
    Perished,
    Started,
    StartFailed,
    Stimulus,
    StopAsked,
    Tick,
    WorkerReport,
)
from flowctl.model.states import (
    SERVING,
    AgentStatus,
    DeploymentStatus,
    Desired,
    WorkerStatus,
)
from flowctl.model.work import WorkerBeat

PATIENCE = Patience()
LONGEST_STEP = 2.0
"""Seconds that one tick adds to a silence: a pause of this agent is not a worker's."""
IDLE_INTERVAL = 10.0
"""Seconds between the beats of a worker that does nothing."""
_NAMED = 3
_MOVING = frozenset(
    {
        DeploymentStatus.BUILDING,
        DeploymentStatus.STARTING,
        DeploymentStatus.UPDATING,
        DeploymentStatus.STOPPING,
    }
)


class Machine:
    """What one agent knows and decides."""

    def __init__(
        self,
        agent: str,
        *,
        jitter: Callable[[], float],
        interval: float = 2.0,
        patience: Patience = PATIENCE,
    ) -> None:
        self.agent = agent
        self.posts: dict[Key, Post] = {}
        self.listed = False
        """Whether the state database has told anything yet."""
        self.cut = ""
        """Why the state database cannot be used; empty where it can."""
        self.ending = False
        self.requested = Desired.RUNNING
        self._jitter = jitter
        self._interval = interval
        self._patience = patience
        self._ticked_at: float | None = None
        self._beat_at: float | None = None
        self._changed: set[Key] = set()
        self._abandoned = False
        self._left = False

    def handle(self, stimulus: Stimulus, now: float) -> list[Command]:
        """Return what has to be done now that this has happened."""
        self._take(stimulus, now)
        commands: list[Command] = []
        for post in list(self.posts.values()):
            commands += decide(post, self.agent, now, self._patience, ending=self.ending)
            if post.released and post.held is None and post.building is None:
                del self.posts[post.key]
        commands += self._report()
        commands += self._beat(now)
        commands += self._leave()
        return commands

    @singledispatchmethod
    def _take(self, stimulus: Stimulus, now: float) -> None:
        raise TypeError(f"not a stimulus: {stimulus!r}")

    @_take.register
    def _tick(self, stimulus: Tick, now: float) -> None:
        blind = stimulus.blind or self._ticked_at is None
        passed = 0.0 if blind else min(now - (self._ticked_at or now), LONGEST_STEP)
        self._ticked_at = now
        for key, post in self.posts.items():
            report = stimulus.reports.get(post.held.name) if post.held else None
            if observe(post, report, passed, now, self._patience.well):
                self._changed.add(key)

    @_take.register
    def _listed(self, stimulus: Listed, now: float) -> None:
        self.listed, self.cut, self.requested = True, "", stimulus.requested
        self.ending = self.ending or stimulus.requested in {Desired.STOPPED, Desired.REMOVED}
        for post in self.posts.values():
            post.released = True
        for assignment in stimulus.assignments:
            key = Key(assignment.deployment.network, assignment.deployment.name)
            want(self._post(key), assignment)

    @_take.register
    def _cut_off(self, stimulus: Cut, now: float) -> None:
        self.cut = stimulus.reason

    @_take.register
    def _built(self, stimulus: Built, now: float) -> None:
        if post := self.posts.get(stimulus.key):
            post.building = None
            post.site, post.site_version = stimulus.site, stimulus.version
            post.trouble = post.trouble if post.looping else ""

    @_take.register
    def _build_broke(self, stimulus: BuildBroke, now: float) -> None:
        if post := self.posts.get(stimulus.key):
            post.building = None
            # A failure of a version that nobody wants any more says nothing about the next.
            if post.version == stimulus.version:
                post.trouble = stimulus.reason
                fail(post, now, self._patience, self._jitter)

    @_take.register
    def _started(self, stimulus: Started, now: float) -> None:
        post = self.posts[stimulus.key]
        assert post.held is not None
        post.held.pid, post.held.since = stimulus.pid, now
        self._changed.add(stimulus.key)

    @_take.register
    def _start_failed(self, stimulus: StartFailed, now: float) -> None:
        post = self.posts[stimulus.key]
        post.held, post.trouble = None, stimulus.reason
        # Its interpreter may be gone: the next try builds again.
        post.site = post.site_version = None
        fail(post, now, self._patience, self._jitter)

    @_take.register
    def _adopted(self, stimulus: Adopted, now: float) -> None:
        post = self._post(stimulus.key)
        post.held = Held(stimulus.name, stimulus.version, since=now, pid=stimulus.pid)
        post.recorded, post.restarts = stimulus.name, stimulus.restarts
        if stimulus.site is not None:
            post.site, post.site_version = stimulus.site, stimulus.version
            post.held.commit = stimulus.site.commit

    @_take.register
    def _perished(self, stimulus: Perished, now: float) -> None:
        self._post(stimulus.key).recorded = stimulus.name

    @_take.register
    def _exited(self, stimulus: Exited, now: float) -> None:
        post = self.posts[stimulus.key]
        take_exit(post, stimulus.code, stimulus.tail, now, self._patience, self._jitter)

    @_take.register
    def _stop(self, stimulus: StopAsked, now: float) -> None:
        self._abandoned = not stimulus.workers
        if self.ending and stimulus.workers:
            self._hurry(now)
        self.ending = self.ending or stimulus.workers

    def _hurry(self, now: float) -> None:
        """Wait no longer for workers that drain: asked twice, a person means it."""
        for post in self.posts.values():
            if post.held and post.held.drain_by:
                post.held.drain_by = now

    def _post(self, key: Key) -> Post:
        return self.posts.setdefault(key, Post(key))

    def _report(self) -> Iterator[Command]:
        for post in self.posts.values():
            if post.wanted is None or post.released or post.finished:
                continue
            seen = describe(post, ending=self.ending)
            if seen != post.reported:
                post.reported = seen
                yield ReportDeployment(post.key, *seen)

    def _beat(self, now: float) -> Iterator[Command]:
        due = self._beat_at is None or now - self._beat_at >= self._interval
        if due:
            self._beat_at = now
            self._changed |= {post.key for post in self.posts.values() if self._has_news(post, now)}
            yield BeatAgent(self.status, self.sentence)
        posts = [self.posts[key] for key in sorted(self._changed) if key in self.posts]
        self._changed = set()
        for post in posts:
            if post.recorded:
                yield self._beat_worker(post, now, measure=due)

    def _has_news(self, post: Post, now: float) -> bool:
        """Whether its worker worked since its last beat, or was silent for long."""
        return now - post.beat_at >= IDLE_INTERVAL or post.work != post.beat_work

    def _leave(self) -> Iterator[Command]:
        over = self.ending and not any(post.held for post in self.posts.values())
        if self._left or not (self._abandoned or over):
            return
        self._left = True
        if over:
            yield BeatAgent(AgentStatus.STOPPED, self.sentence)
        yield Leave(goodbye=over)

    def _beat_worker(self, post: Post, now: float, *, measure: bool) -> BeatWorker:
        post.beat_at, post.beat_work = now, post.work
        report = post.held.report if post.held else None
        worker = (post.held.pid,) if post.held and post.held.pid else ()
        executors = report.executor_pids if report else ()
        return BeatWorker(self._describe_worker(post, report), worker + executors, measure)

    def _describe_worker(self, post: Post, report: WorkerReport | None) -> WorkerBeat:
        held = post.held
        processor = post.wanted.processor.name if post.wanted else ""
        return WorkerBeat(
            name=post.recorded,
            deployment=post.key.deployment,
            agent=self.agent,
            network=post.key.network,
            processor=processor or post.key.deployment.partition(".")[0],
            pid=held.pid if held else 0,
            executors=report.executors if report else 0,
            busy=report.busy if report else 0,
            restarts=post.restarts,
            cpu_percent=0.0,
            memory=0,
            commit=held.commit if held else "",
            reason=report.reason if report else post.note or post.trouble,
            status=_worker_status(held),
        )

    def site_keys(self) -> set[str]:
        """Return the keys of the environments that are in use."""
        return {post.site.key for post in self.posts.values() if post.site}

    @property
    def is_moving(self) -> bool:
        """Whether something is on its way, so that a look a little later may see more."""
        return self.ending or any(self._is(post, *_MOVING) for post in self.posts.values())

    @property
    def failing(self) -> int:
        """How many deployments are in error."""
        return sum(self._is(post, DeploymentStatus.ERROR) for post in self.posts.values())

    @property
    def restarts(self) -> int:
        """How often the workers of present deployments ended unasked."""
        return sum(post.restarts for post in self.posts.values())

    def worker_statuses(self) -> list[WorkerStatus]:
        """Return the status of each worker that runs."""
        return [_worker_status(post.held) for post in self.posts.values() if post.held]

    @property
    def status(self) -> AgentStatus:
        """What this agent is."""
        if self.ending:
            return AgentStatus.DRAINING
        if self.requested is Desired.PAUSED:
            return AgentStatus.DRAINING
        return AgentStatus.RUNNING

    @property
    def sentence(self) -> str:
        """What this agent does, for people."""
        serving = [post for post in self.posts.values() if self._is(post, *SERVING)]
        parts = [_count_serving(serving)] if serving else []
        for verb, statuses in _VERBS.items():
            names = [
                post.key.deployment for post in self.posts.values() if self._is(post, *statuses)
            ]
            verb = verb if len(names) == 1 else verb.removesuffix("s")
            parts += [f"{_names(sorted(names))} {verb}"] if names else []
        nothing = "no deployments" if self.listed else "asks what is wanted"
        text = "; ".join(parts) or nothing
        text = f"ending: {text}" if self.ending else text
        return f"{text}; no state database: {self.cut}" if self.cut else text

    def _is(self, post: Post, *statuses: DeploymentStatus) -> bool:
        known = post.wanted is not None or post.held is not None
        return known and describe(post, ending=self.ending)[0] in statuses


_VERBS = {
    "builds": (DeploymentStatus.BUILDING,),
    "starts": (DeploymentStatus.STARTING,),
    "stops": (DeploymentStatus.STOPPING,),
    "rests": (DeploymentStatus.PAUSED,),
    "fails": (DeploymentStatus.ERROR,),
}


def _worker_status(held: Held | None) -> WorkerStatus:
    if held is None:
        return WorkerStatus.FAILED
    if held.drain_by:
        return WorkerStatus.DRAINING
    return held.report.status if held.report else WorkerStatus.STARTING


def _count_serving(posts: list[Post]) -> str:
    cpus = sum(post.held.report.executors for post in posts if post.held and post.held.report)
    workers = "1 worker serves" if len(posts) == 1 else f"{len(posts)} workers serve"
    return f"{workers} 1 cpu" if cpus == 1 else f"{workers} {cpus} cpus"


def _names(names: list[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
