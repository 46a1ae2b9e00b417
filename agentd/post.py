"""One deployment on this host: what is wanted of it, who holds it, and what to do next. Pure.

A post is held by at most one worker: a new one is started only after the old one's process was
seen to have ended. `decide` compares wanted with observed every time anew, so that no stimulus is
ever missed for good; it only writes down what it has ordered, so that it orders it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agentd.commands import (
    BuildEnvironment,
    Command,
    DrainWorker,
    FinishDeployment,
    ForgetWorker,
    KillWorker,
    StartWorker,
)
from agentd.stimuli import Key, Site, Version, WorkerReport
from flowctl.model.states import DeploymentStatus, Desired, WorkerStatus
from flowctl.model.work import Assignment

LONGEST_REASON = 4000
_ENDINGS = {6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM"}
_DOWN = frozenset({Desired.STOPPED, Desired.REMOVED})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what may take, in seconds."""

    drain: float = 35.0
    """A worker gives back what it cannot finish after 30; then it is killed."""
    silence: float = 20.0
    """Without a sign of life, a worker hangs."""
    first_sign: float = 60.0
    """The same for a worker that has just been started."""
    backoff: float = 0.5
    longest_backoff: float = 300.0
    well: float = 600.0
    """A worker that lived so long is forgiven what was before."""
    loop_exits: int = 5
    loop_window: float = 300.0


@dataclass(slots=True)
class Held:
    """The worker process that holds a post."""

    name: str
    version: Version
    since: float
    commit: str = ""
    pid: int = 0
    """0 between the order to start it and the answer."""
    report: WorkerReport | None = None
    silence: float = 0.0
    """Seconds without a sign of life, in which this agent itself was awake."""
    drain_by: float = 0.0
    killed: str = ""
    """Why it was killed; empty while it was not."""


@dataclass(slots=True)
class Post:
    """A deployment as the machine sees it."""

    key: Key
    wanted: Assignment | None = None
    """None until the database has told."""
    released: bool = False
    """The database has told that it is no longer ours."""
    held: Held | None = None
    site: Site | None = None
    site_version: Version | None = None
    building: Version | None = None
    retry_at: float = 0.0
    failures: int = 0
    exits: list[float] = field(default_factory=list)
    looping: bool = False
    trouble: str = ""
    """Why it cannot serve (build failed, crash loop); kept while it is tried again."""
    note: str = ""
    """What happened last, where it mends by itself."""
    restarts: int = 0
    settled: int = 0
    """The cpus that its worker has reached once."""
    recorded: str = ""
    """The name of the worker that the database may know of."""
    finished: bool = False
    reported: tuple[DeploymentStatus, str] | None = None
    beat_at: float = 0.0
    beat_work: tuple[int, ...] = ()

    @property
    def work(self) -> tuple[int, ...]:
        """What changes while its worker works."""
        report = self.held.report if self.held else None
        return (report.busy, report.calls, report.failed) if report else ()

    @property
    def version(self) -> Version | None:
        """The version that is wanted."""
        if self.wanted is None:
            return None
        return Version(self.wanted.processor.generation, self.wanted.processor.restarts)

    @property
    def requested(self) -> Desired:
        """What is wanted, of the deployment and of its processor together."""
        if self.wanted is None:
            return Desired.RUNNING
        processor = self.wanted.processor
        if self.wanted.deployment.requested_status in _DOWN:
            return self.wanted.deployment.requested_status
        if processor.requested_status in _DOWN or not processor.spec.enabled:
            return Desired.STOPPED
        return self.wanted.deployment.requested_status

    @property
    def unwanted(self) -> bool:
        """Whether no process shall hold it."""
        return self.released or self.requested in _DOWN

    @property
    def outdated(self) -> bool:
        """Whether its worker runs another version than the wanted one."""
        return self.held is not None and self.version not in (None, self.held.version)


def worker_name(agent: str, wanted: Assignment) -> str:
    """Return the name of the worker of a deployment; no two deployments of a host share one."""
    deployment, processor = wanted.deployment.name, wanted.processor.name
    number = deployment.removeprefix(f"{processor}.deploy")
    ending = number if number.isdecimal() else deployment
    return f"{agent}.{wanted.deployment.network}.{processor}.worker.{ending}"


def decide(post: Post, agent: str, now: float, limits: Patience, *, ending: bool) -> list[Command]:
    """Return what has to be done for this post now, and note that it was ordered."""
    if post.held is None:
        return list(_fill(post, agent, now, ending=ending))
    if post.held.pid == 0 or post.held.killed:
        return []
    return list(_mind(post, post.held, now, limits, ending=ending))


def _fill(post: Post, agent: str, now: float, *, ending: bool) -> Iterator[Command]:
    """Order what an empty post needs."""
    if post.unwanted or ending:
        yield from _clear(post)
    elif post.wanted and post.version and not post.building and now >= post.retry_at:
        if post.site is None or post.site_version != post.version:
            yield _build(post, post.wanted, post.version)
        else:
            yield _start(post, agent, post.wanted, post.site, now)


def _clear(post: Post) -> Iterator[Command]:
    if post.recorded:
        yield ForgetWorker(post.recorded)
        post.recorded = ""
    if post.requested is Desired.REMOVED and not post.released and not post.finished:
        post.finished = True
        yield FinishDeployment(post.key)


def _build(post: Post, wanted: Assignment, version: Version) -> Command:
    post.building = version
    return BuildEnvironment(post.key, version, wanted)


def _start(post: Post, agent: str, wanted: Assignment, site: Site, now: float) -> Command:
    name, version = worker_name(agent, wanted), post.version
    assert version is not None
    post.held = Held(name, version, since=now, commit=site.commit)
    post.recorded = name
    return StartWorker(
        key=post.key,
        name=name,
        version=version,
        site=site,
        assignment=wanted,
        restarts=post.restarts,
    )


def _mind(
    post: Post, held: Held, now: float, limits: Patience, *, ending: bool
) -> Iterator[Command]:
    """Order what a post needs whose worker runs."""
    patience = limits.silence if held.report else limits.first_sign
    if held.drain_by:
        if now >= held.drain_by:
            yield _kill(post, held, "did not end in time")
    elif held.silence >= patience:
        yield _kill(post, held, f"gave no sign of life for {patience:.0f} s")
    elif post.unwanted or ending or (post.outdated and post.site_version == post.version):
        held.drain_by = now + limits.drain
        yield DrainWorker(post.key)
    elif post.outdated and not post.building and now >= post.retry_at:
        assert post.wanted is not None
        assert post.version is not None
        yield _build(post, post.wanted, post.version)


def _kill(post: Post, held: Held, why: str) -> Command:
    held.killed = why
    return KillWorker(post.key)


def want(post: Post, wanted: Assignment) -> None:
    """Take note of what the database wants; a new version is tried at once, whatever was before."""
    before = post.version
    post.wanted, post.released, post.finished = wanted, False, False
    post.reported = (wanted.deployment.status, wanted.deployment.reason)
    if before not in (None, post.version):
        forgive(post)


def forgive(post: Post) -> None:
    """Forget all failures."""
    post.exits.clear()
    post.failures, post.retry_at = 0, 0.0
    post.looping, post.trouble, post.note = False, "", ""


def observe(
    post: Post, report: WorkerReport | None, passed: float, now: float, well: float
) -> bool:
    """Take note of a status file; tell whether it shows something new besides the time."""
    held = post.held
    if held is None or held.pid == 0:
        return False
    before, held.silence = held.report, held.silence + passed
    if report is None or report.pid != held.pid or report == before:
        return False
    held.report, held.silence = report, 0.0
    if post.wanted and report.executors == post.wanted.deployment.cpus:
        post.settled = report.executors
    if now - held.since >= well and not post.outdated:
        forgive(post)
    return before is None or _face(report) != _face(before)


def _face(report: WorkerReport) -> tuple[object, ...]:
    return report.status, report.executors, report.reason


def take_exit(
    post: Post,
    code: int | None,
    tail: str,
    now: float,
    limits: Patience,
    jitter: Callable[[], float],
) -> None:
    """Take note that the worker's process has ended, and when to try again."""
    held, post.held, post.settled = post.held, None, 0
    if held is None or held.drain_by or post.unwanted:
        return
    if now - held.since >= limits.well:
        forgive(post)
    post.restarts += 1
    post.exits = [at for at in post.exits if now - at < limits.loop_window] + [now]
    ending = f"worker {held.killed}" if held.killed else _tell_ending(code)
    post.looping = post.looping or len(post.exits) >= limits.loop_exits
    if post.looping:
        post.retry_at = now + limits.longest_backoff
        minutes = round(limits.loop_window / 60)
        post.trouble = _cap(
            f"crash loop: {limits.loop_exits} exits in {minutes} minutes; {ending}", tail
        )
    else:
        post.note = _cap(ending, tail)
        fail(post, now, limits, jitter)


def fail(post: Post, now: float, limits: Patience, jitter: Callable[[], float]) -> None:
    """Wait before the next try: full jitter, doubling, capped."""
    longest = min(limits.longest_backoff, limits.backoff * 2.0 ** min(post.failures, 30))
    post.failures += 1
    post.retry_at = now + longest * jitter()


def _tell_ending(code: int | None) -> str:
    if code is None:
        return "worker ended"
    if code < 0:
        return f"worker ended by {_ENDINGS.get(-code, f'signal {-code}')}"
    return f"worker exited with code {code}"


def _cap(sentence: str, tail: str) -> str:
    text = f"{sentence}\n{tail}".strip()
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + " ..."


def describe(post: Post, *, ending: bool) -> tuple[DeploymentStatus, str]:
    """Return what the deployment is, and why."""
    if post.held is None or post.held.pid == 0:
        return _describe_empty(post, ending=ending)
    if post.unwanted or ending:
        return DeploymentStatus.STOPPING, ""
    if post.outdated:
        return _describe_outdated(post)
    return _describe_worker(post, post.held)


def _describe_empty(post: Post, *, ending: bool) -> tuple[DeploymentStatus, str]:
    if post.unwanted:
        return DeploymentStatus.STOPPED, ""
    if ending:
        return DeploymentStatus.STOPPED, "its agent was stopped"
    if post.trouble:
        return DeploymentStatus.ERROR, post.trouble
    if post.building:
        return DeploymentStatus.BUILDING, ""
    return DeploymentStatus.STARTING, post.note


def _describe_outdated(post: Post) -> tuple[DeploymentStatus, str]:
    if post.trouble:
        return DeploymentStatus.ERROR, _cap("the version before keeps serving", post.trouble)
    return DeploymentStatus.UPDATING, "its next version is built" if post.building else ""


def _describe_worker(post: Post, held: Held) -> tuple[DeploymentStatus, str]:
    status = held.report.status if held.report else WorkerStatus.STARTING
    reason = held.report.reason[:LONGEST_REASON] if held.report else ""
    match status:
        case WorkerStatus.STARTING if post.settled:
            # Its executors ended and come again: it served, and serves in a moment.
            return DeploymentStatus.RUNNING, reason
        case WorkerStatus.STARTING if post.trouble:
            return DeploymentStatus.ERROR, post.trouble
        case WorkerStatus.STARTING:
            return DeploymentStatus.STARTING, reason or post.note
        case WorkerStatus.RUNNING if held.report and _unsettled(post, held.report):
            return DeploymentStatus.UPDATING, reason
        case WorkerStatus.FAILED:
            return DeploymentStatus.ERROR, reason
        case _:
            return _SEEN[status], reason


_SEEN = {
    WorkerStatus.RUNNING: DeploymentStatus.RUNNING,
    # Its executors live and work goes on as soon as broker or database answer again.
    WorkerStatus.UNREACHABLE: DeploymentStatus.RUNNING,
    WorkerStatus.PAUSED: DeploymentStatus.PAUSED,
    WorkerStatus.DRAINING: DeploymentStatus.STOPPING,
    WorkerStatus.STOPPED: DeploymentStatus.STOPPING,
}


def _unsettled(post: Post, report: WorkerReport) -> bool:
    """Whether executors are on their way; one that crashed and comes again does not count."""
    cpus = post.wanted.deployment.cpus if post.wanted else report.executors
    return cpus not in (report.executors, post.settled)
