"""What was started is found again by pid and start time, and a stranger never signalled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from flowctl.clock import SystemClock
from flowctl.services import crew
from flowctl.settings import load


@pytest.fixture
def sleeper() -> Iterator[crew.Member]:
    """A process of ours that does nothing."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield crew.Member(
        name="a1", program="agentd", pid=child.pid, started=crew.start_of(child.pid), log="/none"
    )
    child.kill()
    child.wait()


def test_a_member_is_alive_while_its_process_is(sleeper: crew.Member) -> None:
    assert crew.is_alive(sleeper)
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not crew.is_alive(sleeper), "a zombie does not run"


def test_another_process_with_the_same_pid_is_a_stranger(sleeper: crew.Member) -> None:
    stranger = msgspec.structs.replace(sleeper, started="1")
    crew.signal_member(stranger, signal.SIGKILL)
    assert crew.is_alive(sleeper)


def test_a_member_without_a_start_time_is_never_alive() -> None:
    nobody = crew.Member(name="a", program="agentd", pid=2**22 + 1, started="", log="")
    assert not crew.is_alive(nobody)


def test_stopping_ends_members_and_forgets_them(sleeper: crew.Member, tmp_path: Path) -> None:
    paths = load({"FLOWCTL_HOME": str(tmp_path)}).paths
    paths.make()
    crew.record_file(paths).write_bytes(msgspec.json.encode([sleeper]))
    assert crew.alive(paths) == [sleeper]
    assert crew.stop(paths, [sleeper], SystemClock()) == []
    assert not crew.is_alive(sleeper)
    assert crew.recorded(paths) == []


def test_a_damaged_record_is_no_record(tmp_path: Path) -> None:
    paths = load({"FLOWCTL_HOME": str(tmp_path)}).paths
    paths.make()
    crew.record_file(paths).write_text("{")
    assert crew.recorded(paths) == []


def test_the_last_words_of_a_daemon(tmp_path: Path, sleeper: crew.Member) -> None:
    log = tmp_path / "a.log"
    log.write_text("first\nwhy it ended\n\n")
    assert crew.last_words(msgspec.structs.replace(sleeper, log=str(log))) == "why it ended"
    assert crew.last_words(sleeper) == "it left no log"
