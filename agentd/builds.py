"""How things are built on disk: by one builder at a time, aside, with a log, in bounded time.

Whatever is half done lies in `<name>.tmp-<pid>`; only a rename makes it real. Builders of the same
thing wait for each other by a lock that the kernel takes back when its holder dies, so whoever
holds the lock may throw away what a dead builder left.
"""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer

from flowctl.clock import Clock
from flowctl.errors import BuildFailed

WAIT_SECONDS = 1800.0
"""How long a builder waits for another one of the same thing."""
FILE_BYTES = 4 << 30
"""No file that a build writes may be larger."""
LOG_BYTES = 1 << 20
"""A log that is longer begins anew."""
TOLD_LINES = 8
"""How many of the last lines a failure repeats."""
TOOLS = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "SSH_AUTH_SOCK"}
)
PREFIXES = ("LC_", "PIP_", "UV_", "XDG_", "GIT_SSL_", "SSL_CERT_", "CURL_CA_", "REQUESTS_CA_")
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


class BuildLog:
    """The text of the builds of one thing; no secret gets into it."""

    def __init__(self, path: Path, secrets: Sequence[str] = ()) -> None:
        self.path = path
        self._secrets = [secret for secret in secrets if secret]

    def begin(self, title: str, clock: Clock) -> None:
        """Open a new section."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.exists() and self.path.stat().st_size > LOG_BYTES:
            self.path.unlink()
        self.write(f"== {clock.now():%Y-%m-%d %H:%M:%S} UTC  {title}")

    def write(self, line: str) -> None:
        """Add a line."""
        line = self.redact(line.rstrip())
        with self.path.open("a", errors="backslashreplace") as file:
            file.write(line + "\n")

    def redact(self, text: str) -> str:
        """Return text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def fail(self, what: str, *, remedy: str = "") -> BuildFailed:
        """Return the error that says `what` and names this log."""
        return BuildFailed(self.redact(what), log=str(self.path), remedy=remedy)


def run(
    command: Sequence[str],
    what: str,
    *,
    log: BuildLog,
    timeout: float,
    env: Mapping[str, str] | None = None,
    shown: Sequence[str] = (),
) -> str:
    """Run a program to its end; return what it wrote, which is in the log as well.

    Raises:
        BuildFailed: it cannot be started, fails, or takes longer than `timeout` seconds.
    """
    log.write("$ " + " ".join(shown or command))
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=tool_environment() | dict(env or {}),
            start_new_session=True,
            text=True,
            errors="backslashreplace",
        )
    except OSError as error:
        raise log.fail(f"{what}: {command[0]} cannot be run: {error.strerror}") from error
    return _follow(process, what, log, timeout)


def tool_environment() -> dict[str, str]:
    """Return the variables that git and installers get: they run foreign code, so no credentials."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in TOOLS or name.startswith(PREFIXES) or name.lower() in PROXIES
    }


@contextmanager
def alone(target: Path, *, clock: Clock, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Be the only builder of `target` among all processes; what a dead one left is removed.

    Raises:
        BuildFailed: another one held the lock all the time.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = os.open(_lock_of(target), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(number, target, clock, wait)
        _sweep(target)
        yield
    finally:
        os.close(number)


def is_busy(target: Path) -> bool:
    """Tell whether somebody builds `target` now."""
    try:
        number = os.open(_lock_of(target), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """Give a fresh folder to build in; it becomes `target` at the end, or nothing at all."""
    work = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    work.mkdir(mode=0o700)
    try:
        yield work
        _settle(work)
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def unfinished(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Go through what builders left half done: each with the target it was meant for."""
    for work in sorted(folder.glob("*.tmp-*")):
        yield work, work.with_name(work.name.rpartition(".tmp-")[0])


def _follow(process: subprocess.Popen[str], what: str, log: BuildLog, timeout: float) -> str:
    _bound(process.pid)
    late = Event()
    timer = Timer(timeout, _stop, (process, late))
    timer.start()
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                lines.append(line)
                log.write("  " + line)
        status = process.wait()
    except BaseException:
        _stop(process, late)
        process.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise log.fail(f"{what} took longer than {timeout:g} s")
    if status:
        raise log.fail(f"{what} failed: {_end_of(lines) or f'exit status {status}'}")
    return "".join(lines)


def _end_of(lines: list[str]) -> str:
    told = [line.rstrip() for line in lines if line.strip()]
    return "\n".join(told[-TOLD_LINES:])


def _bound(pid: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    most = FILE_BYTES if hard == resource.RLIM_INFINITY else min(FILE_BYTES, hard)
    with suppress(ProcessLookupError):  # it is through already
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def _stop(process: subprocess.Popen[str], late: Event) -> None:
    late.set()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _lock_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _lock(number: int, target: Path, clock: Clock, wait: float) -> None:
    deadline = clock.monotonic() + wait
    pause = Event()
    while True:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= deadline:
                raise BuildFailed(
                    f"{target} has been under construction by another process for {wait:g} s",
                    remedy=f"see who holds {_lock_of(target)}",
                ) from None
            pause.wait(0.05)
        else:
            return


def _sweep(target: Path) -> None:
    for work, meant in unfinished(target.parent):
        if meant == target:
            shutil.rmtree(work, ignore_errors=True)


def _settle(work: Path) -> None:
    """Have the disk hold what was built, before its name says that it is complete."""
    number = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
    sync = shutil.which("sync")
    if sync is not None:
        subprocess.run([sync, "-f", str(work)], check=False, stdin=subprocess.DEVNULL, timeout=60)
