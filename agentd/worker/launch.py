"""Starting and ending executors: a clean environment, pipes, and no descendant left behind.

An executor leads a session of its own. Whatever it forks is found by that session, by descent, or
by a token in its environment (which also finds a daemon that left the session and lost its parent).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event
from typing import NamedTuple

PROGRAM = Path(__file__).resolve().parent.parent / "executor.py"
ALLOWED = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"})
"""Variables of the worker that user code may see, beside LC_*; no credential is among them."""
MARK = "FLOWCTL_EXECUTOR"
"""The variable that holds the token."""
ROUNDS = 20
"""How often the descendants are looked for: a fork bomb grows while it is being killed."""


class Launched(NamedTuple):
    """A running executor and the worker's ends of what leads to it."""

    process: subprocess.Popen[bytes]
    link: socket.socket
    """Frames go here and come from here."""
    stdout: int
    """What libraries wrote to descriptor 1."""
    stderr: int
    """What libraries, and faulthandler, wrote to descriptor 2."""
    token: str
    """In the environment of everything that the executor starts."""


def spawn(
    python: str,
    *,
    env: Mapping[str, str],
    cwd: str | Path,
    family: str = "",
    nice: int = 0,
    permits: int = -1,
    program: Path = PROGRAM,
) -> Launched:
    """Start an executor on the interpreter `python`, with the processor's variables `env`.

    Its mark begins with `family`, so that the agent can end what a killed worker leaves. With
    `permits` it takes one from that descriptor before each call.

    Call it from a thread that lives as long as the worker: the kernel ends the executor together
    with the thread that started it.

    Raises:
        OSError: the interpreter cannot be started.
    """
    token = family + secrets.token_hex(16)
    link, theirs = socket.socketpair()
    passed = [theirs.fileno(), *([permits] if permits >= 0 else [])]
    numbers = [str(theirs.fileno()), str(os.getpid()), *map(str, passed[1:])]
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        process = subprocess.Popen(
            [python, "-s", str(program), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=err_write,
            pass_fds=passed,
            start_new_session=True,
            cwd=cwd or tempfile.gettempdir(),
            env=scrub(os.environ) | dict(env) | {MARK: token},
        )
    except BaseException:
        link.close()
        os.close(out_read)
        os.close(err_read)
        raise
    finally:
        theirs.close()
        os.close(out_write)
        os.close(err_write)
    if nice:
        os.setpriority(os.PRIO_PROCESS, process.pid, nice)
    return Launched(process, link, out_read, err_read, token)


def scrub(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that user code may inherit.

    >>> scrub({"PATH": "/bin", "LC_ALL": "C", "FLOWCTL_STATE": "postgresql://me:secret@db"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {k: v for k, v in environ.items() if k in ALLOWED or k.startswith("LC_")}


def kill_group(pid: int, token: str) -> bool:
    """Kill an executor with all that descends from it; tell whether nothing of it is left."""
    death = Event()
    for number in range(ROUNDS):
        members = find_group(pid, token)
        if not members:
            return True
        for member in members:
            _kill(member)
        death.wait(number / 1000)  # nobody sets it: the kernel needs a moment to take them down
    return not find_group(pid, token)


def find_group(pid: int, token: str) -> set[int]:
    """Return the living processes of the executor's session, its descendants and token bearers."""
    table = {entry.pid: entry for entry in _processes()}
    marked = {each for each in table if _bears(each, token)}
    leader = table.get(pid)
    if leader is not None and pid not in marked and leader.parent != os.getpid():
        return marked  # the number belongs to a stranger by now
    members = marked | {p for p, entry in table.items() if pid in (p, entry.session, entry.group)}
    while grown := {p for p, entry in table.items() if entry.parent in members} - members:
        members |= grown
    return members - {os.getpid()}


class _Entry(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int


def _processes() -> Iterable[_Entry]:
    """Read the process table; zombies are no longer there for us."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            text = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        state, parent, group, session = text.rpartition(")")[2].split()[:4]
        if state not in "ZX":
            yield _Entry(int(folder.name), int(parent), int(group), int(session))


def _bears(pid: int, token: str) -> bool:
    try:
        environment = Path("/proc", str(pid), "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={token}".encode() in environment.split(b"\0")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
