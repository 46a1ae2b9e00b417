"""The door to processes: spawn, recognise, signal and reap; nothing here decides.

A pid alone names nobody: it is reused. A process is recognised by boot, pid, start time and the
token among its arguments, and from then on it is held by a pidfd, which can never mean another.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from msgspec import Struct

FAMILY = "FLOWCTL_EXECUTOR"
"""In the environment of every executor and of all that it starts; begins with the worker's token."""
_ROUNDS = 20
"""How often is looked again: what is being killed may fork meanwhile."""
_ADJUSTMENT = "300"
"""Under memory pressure the kernel ends a worker before its agent: it is restarted."""


class Identity(Struct, frozen=True):
    """One process among all that ever ran on this host."""

    boot_id: str
    pid: int
    started: int
    """Clock ticks after boot."""


def boot_id() -> str:
    """Return the identity of this boot of the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """Return who has this pid now; None where nobody has, or only a zombie is left."""
    try:
        # The name in parentheses may hold anything, also spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Identity(boot_id(), pid, int(fields[19]))


def carries(pid: int, token: str) -> bool | None:
    """Tell whether the process has this token as an argument; None where nobody can tell."""
    try:
        words = _split(pid, "cmdline")
    except OSError:
        return None
    # For a moment after it was spawned, a process shows none.
    return token.encode() in words if any(words) else None


def end_family(token: str) -> int:
    """Kill everything that executors of the worker with this token left; return how much it was."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = [pid for pid in psutil.pids() if _is_of_family(pid, token)]
        killed.update(found)
        for pid in found:
            _kill_if(pid, token)
        if not found:
            break
    return len(killed)


def _kill_if(pid: int, token: str) -> None:
    with contextlib.suppress(OSError):
        pidfd = os.pidfd_open(pid)
        try:
            # Asked again after opening: from here on it can be no other process.
            if _is_of_family(pid, token):
                send(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


def _is_of_family(pid: int, token: str) -> bool:
    try:
        words = _split(pid, "environ")
    except OSError:
        return False
    return bool(token) and any(word.startswith(f"{FAMILY}={token}".encode()) for word in words)


def scan(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield pid and assignment file of every process whose last argument is a file in `folder`."""
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            words = [word for word in _split(pid, "cmdline") if word]
            path = Path(os.fsdecode(words[-1])) if words else Path()
            if path.parent == folder:
                yield pid, path


def _split(pid: int, name: str) -> list[bytes]:
    return Path(f"/proc/{pid}/{name}").read_bytes().split(b"\0")


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own that writes into `log`; return its pid.

    Raises:
        OSError: it cannot be started, or the log cannot be opened.
    """
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE],
    )
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_ADJUSTMENT)
    return pid


def hold(identity: Identity) -> int | None:
    """Return a pidfd of exactly this process; None where it has ended."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except OSError:
        return None
    # Asked after opening: were the pid another's by now, its start time would differ.
    if identify(identity.pid) == identity:
        return pidfd
    os.close(pidfd)
    return None


def send(pidfd: int, number: signal.Signals) -> None:
    """Send a signal to the process that is held; one that has ended needs none."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def reap(pidfd: int) -> int | None:
    """Return how a process that has ended did so, and let it go.

    Returns the exit code, the negative number of a signal, or None where the process was not
    started by this one.
    """
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    finally:
        os.close(pidfd)
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def count_descriptors() -> int:
    """Return how many file descriptors this process has open."""
    return psutil.Process().num_fds()


def own_pid() -> int:
    """Return the pid of this process."""
    return os.getpid()
