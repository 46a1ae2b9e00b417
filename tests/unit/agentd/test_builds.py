"""Building aside, alone, in bounded time, with a log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentd.builds import BuildLog, alone, aside, is_busy, run, tool_environment, unfinished
from flowctl.clock import SystemClock
from flowctl.errors import BuildFailed

pytestmark = pytest.mark.process

CLOCK = SystemClock()


@pytest.fixture
def log(tmp_path: Path) -> BuildLog:
    log = BuildLog(tmp_path / "build.log", ["hunter2"])
    log.begin("test", CLOCK)
    return log


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with aside(tmp_path / "good") as work:
        (work / "file").write_text("x")
        assert not (tmp_path / "good").exists()
    assert (tmp_path / "good" / "file").read_text() == "x"
    with pytest.raises(RuntimeError), aside(tmp_path / "bad"):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_one_builds_and_the_others_wait(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with alone(target, clock=CLOCK):
        assert is_busy(target)
        with (
            pytest.raises(BuildFailed, match="under construction"),
            alone(target, clock=CLOCK, wait=0.0),
        ):
            pass
    assert not is_busy(target)
    assert not is_busy(tmp_path / "never")


def test_the_lock_of_a_killed_builder_is_free_and_its_work_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "x"
    code = (
        "import os, sys, signal\nfrom pathlib import Path\n"
        "from agentd.builds import alone, aside\nfrom flowctl.clock import SystemClock\n"
        f"with alone(Path({str(target)!r}), clock=SystemClock()), aside(Path({str(target)!r})):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], check=False, timeout=30, cwd=root)
    assert len(list(unfinished(tmp_path))) == 1
    with alone(target, clock=CLOCK):
        assert list(unfinished(tmp_path)) == []


def test_what_a_program_says_is_logged_and_the_end_is_told(log: BuildLog) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i hunter2; done; exit 3"
    with pytest.raises(BuildFailed) as caught:
        run(["sh", "-c", script], "the script", log=log, timeout=10)
    assert "the script failed: line 3 ***" in str(caught.value)
    assert str(caught.value).endswith("line 10 ***")
    assert caught.value.log == str(log.path)
    text = log.path.read_text()
    assert "line 1 ***" in text
    assert "hunter2" not in text
    assert run(["echo", "hello"], "echo", log=log, timeout=10) == "hello\n"


def test_a_program_that_hangs_is_ended_with_its_children(log: BuildLog) -> None:
    with pytest.raises(BuildFailed, match=r"took longer than 0\.2 s"):
        run(["sh", "-c", "sleep 300 & sleep 300"], "the script", log=log, timeout=0.2)


def test_a_program_that_is_not_there_is_said(log: BuildLog) -> None:
    with pytest.raises(BuildFailed, match="cannot be run"):
        run(["/nowhere/tool"], "the tool", log=log, timeout=1)


def test_tools_see_no_credentials(monkeypatch: pytest.MonkeyPatch, log: BuildLog) -> None:
    monkeypatch.setenv("FLOWCTL_STATE", "postgresql://me:secret@db/x")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    seen = tool_environment()
    assert "FLOWCTL_STATE" not in seen
    assert seen["HTTPS_PROXY"] == "http://proxy:3128"
    assert seen["PATH"] == os.environ["PATH"]
    assert "secret" not in run(["env"], "env", log=log, timeout=10)


def test_a_long_log_begins_anew(log: BuildLog) -> None:
    log.write("x" * (1 << 20))
    log.begin("again", CLOCK)
    assert log.path.stat().st_size < 200
