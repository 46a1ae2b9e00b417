from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd import processes
from agentd.processes import Identity

SLEEP = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(100)"]


def _spawn(tmp_path: Path, *command: str) -> int:
    return processes.spawn(list(command), {"PATH": "/bin"}, tmp_path / "logs" / "w.log")


def _end(pidfd: int) -> int | None:
    assert select.select([pidfd], [], [], 20)[0], "did not end"
    return processes.reap(pidfd)


def _sleep(tmp_path: Path, *words: str) -> int:
    """Start a process that sleeps, and wait until it has really begun."""
    pid = _spawn(tmp_path, *SLEEP, *words)
    never = threading.Event()
    for _ in range(400):
        if "up" in (tmp_path / "logs" / "w.log").read_text():
            break
        never.wait(0.05)
    return pid


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[int]:
    pid = _sleep(tmp_path, "t1")
    yield pid
    pidfd = os.pidfd_open(pid)
    processes.send(pidfd, signal.SIGKILL)
    assert _end(pidfd) == -signal.SIGKILL


def test_a_process_is_itself_and_nobody_else(sleeper: int) -> None:
    identity = processes.identify(sleeper)
    assert identity is not None
    assert identity.boot_id == processes.boot_id()
    pidfd = processes.hold(identity)
    assert pidfd is not None
    os.close(pidfd)
    assert processes.hold(Identity(identity.boot_id, sleeper, identity.started + 1)) is None


def test_a_token_is_found_among_the_arguments(sleeper: int) -> None:
    assert processes.carries(sleeper, "t1") is True
    assert processes.carries(sleeper, "t") is False
    assert processes.carries(2**22 + 1, "t1") is None


def test_it_leads_a_session_of_its_own(sleeper: int) -> None:
    assert os.getsid(sleeper) == sleeper


def test_nobody_has_a_pid_that_was_never_given() -> None:
    assert processes.identify(2**22 + 1) is None
    assert processes.hold(Identity(processes.boot_id(), 2**22 + 1, 1)) is None


def test_a_zombie_is_nobody_until_it_is_reaped(tmp_path: Path) -> None:
    pid = _spawn(tmp_path, "/bin/true")
    pidfd = os.pidfd_open(pid)
    assert select.select([pidfd], [], [], 20)[0]
    assert processes.identify(pid) is None
    processes.send(pidfd, signal.SIGKILL)
    assert processes.reap(pidfd) == 0
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(3)", 3), ("os.abort()", -6)])
def test_how_it_ended(tmp_path: Path, code: str, expected: int) -> None:
    pid = _spawn(tmp_path, sys.executable, "-S", "-c", f"import os; {code}")
    assert _end(os.pidfd_open(pid)) == expected


def test_of_a_process_of_others_only_the_end_is_known(sleeper: int) -> None:
    pidfd = os.pidfd_open(os.getppid())
    assert processes.reap(pidfd) is None


def test_output_goes_to_the_log_which_nobody_else_reads(tmp_path: Path) -> None:
    for text in ("one", "two"):
        pid = _spawn(tmp_path, "/bin/sh", "-c", f"echo {text}; echo err >&2")
        assert _end(os.pidfd_open(pid)) == 0
    log = tmp_path / "logs" / "w.log"
    assert log.read_text() == "one\nerr\ntwo\nerr\n"
    assert log.stat().st_mode & 0o077 == 0


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        _spawn(tmp_path, "/no/such/program")


def test_descriptors_do_not_leak(tmp_path: Path) -> None:
    before = processes.count_descriptors()
    for _ in range(20):
        assert _end(os.pidfd_open(_spawn(tmp_path, "/bin/true"))) == 0
    assert processes.count_descriptors() == before


def test_a_scan_finds_only_those_whose_last_argument_lies_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    path = folder / "w.json"
    pid = _sleep(tmp_path, str(path))
    pidfd = os.pidfd_open(pid)
    assert list(processes.scan(folder)) == [(pid, path)]
    assert list(processes.scan(tmp_path)) == []
    processes.send(pidfd, signal.SIGKILL)
    assert _end(pidfd) == -9
