"""The daemons of this machine as child processes: start, find again, end.

What was started is on record in the run folder with pid and start time, so that `down` ends exactly
those processes and never a stranger who got the same pid.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from flowctl.clock import Clock
from flowctl.errors import Conflict, Refused
from flowctl.services import waiting
from flowctl.services.control import Control
from flowctl.settings import Paths, Settings

LEAST_CPUS = 8
GRACE = 45.0
"""Seconds that a daemon gets to end by itself: a worker may take 30 to finish what it holds."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon that runs, or ran, on this machine."""

    name: str
    """`scheduler`, or the name of the agent."""
    program: str
    """`agentd` or `schedulerd`."""
    pid: int
    started: str
    """What the system says of its start; another process with this pid says something else."""
    log: str
    options: tuple[str, ...] = ()
    """What it was started with."""


def offered() -> int:
    """Return the cpus that a local agent offers where nobody says how many.

    On a machine of one's own a small flow must find room: executors that wait share a cpu well.
    """
    return max(LEAST_CPUS, os.cpu_count() or 1)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be started."""

    agents: tuple[str, ...]
    """Names."""
    cpus: int = 0
    """Offered by each agent; 0 means all of the machine."""


def record_file(paths: Paths) -> Path:
    """Return the file that says what runs."""
    return paths.run / "up.json"


def recorded(paths: Paths) -> list[Member]:
    """Return what was started here, whether it still runs or not."""
    try:
        return msgspec.json.decode(record_file(paths).read_bytes(), type=list[Member])
    except (OSError, msgspec.MsgspecError):
        return []


def alive(paths: Paths) -> list[Member]:
    """Return what was started here and still runs."""
    return [member for member in recorded(paths) if is_alive(member)]


def is_alive(member: Member) -> bool:
    """Tell whether a member runs: a process of its pid that started when it did."""
    return bool(member.started) and start_of(member.pid) == member.started


def start_of(pid: int) -> str:
    """Return the start time of a process as the system tells it; empty where there is none."""
    fields = _stat(pid)
    if not fields:
        return "" if Path("/proc/self/stat").exists() else _start_by_ps(pid)
    return "" if fields[0] == "Z" else fields[19]


def _stat(pid: int) -> list[str]:
    """Return what the kernel tells of a process: state, parent and so on; nothing if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _start_by_ps(pid: int) -> str:
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def start(settings: Settings, order: Order, *, detached: bool) -> list[Member]:
    """Start one scheduler and the agents; without `detached` they end with this process.

    Where some of an earlier start still run, those that are gone are started again, as they were.
    Returns what was started now.

    Raises:
        Conflict: they run already.
    """
    settings.paths.make()
    running = alive(settings.paths)
    gone = [member for member in recorded(settings.paths) if member not in running]
    if running and not (gone and detached):
        raise _already_up(running, gone)
    wanted = gone if running else _ordered(order)
    members = [_spawn(settings, member, detached=detached) for member in wanted]
    _record(settings.paths, [*running, *members])
    return members


def _already_up(running: Sequence[Member], gone: Sequence[Member]) -> Conflict:
    names = ", ".join(member.name for member in running)
    if not gone:
        return Conflict(f"already up: {names}", remedy="flowctl down")
    ended = ", ".join(member.name for member in gone)
    return Conflict(
        f"already up: {names}; gone: {ended}", remedy="flowctl up -d starts what is gone"
    )


def _ordered(order: Order) -> list[Member]:
    """Return what an order asks for, not started yet."""
    cpus = ("--cpus", str(order.cpus)) if order.cpus else ()
    agents = [
        _unborn("agentd", name, "--name", name, "--stop-workers", *cpus) for name in order.agents
    ]
    return [_unborn("schedulerd", "scheduler"), *agents]


def _unborn(program: str, name: str, *options: str) -> Member:
    return Member(name=name, program=program, pid=0, started="", log="", options=options)


def _spawn(settings: Settings, member: Member, *, detached: bool) -> Member:
    program, name = member.program, member.name
    log = settings.paths.logs / (
        f"{program}-{name}.log" if program == "agentd" else f"{program}.log"
    )
    with log.open("ab") as stream:
        child = subprocess.Popen(
            [sys.executable, "-m", program, *member.options],
            env={**os.environ, **settings.environment()},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            preexec_fn=None if detached else _end_with_parent,
        )
    # The child is followed by pid and start time; Popen's own bookkeeping would warn at exit.
    child.returncode = 0
    return msgspec.structs.replace(member, pid=child.pid, started=start_of(child.pid), log=str(log))


def _end_with_parent() -> None:
    """Ask the kernel to end this child when its parent is gone, however that went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _record(paths: Paths, members: Sequence[Member]) -> None:
    file = record_file(paths)
    aside = file.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(members))
    aside.replace(file)


def await_ready(control: Control, members: Sequence[Member], *, timeout: float = 30.0) -> str:
    """Wait until every agent beats and a scheduler leads.

    Raises:
        Refused: one of them ended; the message holds the end of its log.
        TimedOut: they were not ready in time.
    """
    return waiting.until(lambda: _readiness(control, members), control.clock, timeout=timeout)


def _readiness(control: Control, members: Sequence[Member]) -> waiting.Standing:
    for member in members:
        reap(member)
        if not is_alive(member):
            raise Refused(
                f"{member.program} ended: {last_words(member)}", remedy=f"read {member.log}"
            )
    beating = {agent.name: agent.pid for agent in control.store.fleet.agents()}
    for member in members:
        if member.program == "agentd" and beating.get(member.name) != member.pid:
            return waiting.Standing(False, f"agent {member.name} has not spoken yet")
    lease = control.store.duty.lease()
    if lease is None or lease.expires_at <= control.clock.now():
        return waiting.Standing(False, "no scheduler leads yet")
    return waiting.Standing(True, "ready")


def last_words(member: Member) -> str:
    """Return the last line that a daemon logged."""
    try:
        lines = Path(member.log).read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def stop(
    paths: Paths, members: Sequence[Member], clock: Clock, *, workers: Sequence[int] = ()
) -> list[Member]:
    """End these daemons, agents first, and wait until they are gone; return who had to be killed.

    `workers` are pids of workers that need not finish what they hold: they are killed.
    """
    killed: list[Member] = []
    for program in ("agentd", "schedulerd"):
        group = [member for member in members if member.program == program and is_alive(member)]
        for member in group:
            signal_member(member, signal.SIGTERM)
        # After the signal: an agent that is ending does not replace a worker that is gone.
        _kill_children(group, workers)
        killed += _await_end(group, clock)
    record_file(paths).unlink(missing_ok=True)
    return killed


def _kill_children(group: Sequence[Member], pids: Sequence[int]) -> None:
    """Kill those of these processes that are children of the group; nobody else has their pids."""
    parents = {str(member.pid) for member in group}
    for pid in pids:
        if parents.intersection(_stat(pid)[1:2]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _await_end(group: Sequence[Member], clock: Clock) -> list[Member]:
    deadline = clock.monotonic() + GRACE

    def look() -> waiting.Standing:
        for member in group:
            reap(member)
        left = [member for member in group if is_alive(member)]
        return waiting.Standing(not left or clock.monotonic() > deadline, f"{len(left)} left")

    waiting.until(look, clock)
    left = [member for member in group if is_alive(member)]
    for member in left:
        signal_member(member, signal.SIGKILL)
        reap(member)
    return left


def signal_member(member: Member, number: signal.Signals) -> None:
    """Send a signal to a member, if it still is who it was."""
    if is_alive(member):
        with suppress(ProcessLookupError):
            os.kill(member.pid, number)


def reap(member: Member) -> None:
    """Collect a member that is our own ended child, so that it does not stay as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(member.pid, os.WNOHANG)
