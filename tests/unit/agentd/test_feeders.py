from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from agentd import processes
from agentd.commands import BuildEnvironment
from agentd.feeders import BUILDS_AT_ONCE, Builders, Ended, Happened, Signalled, Watcher
from agentd.stimuli import BuildBroke, Built, Key, Site, Version
from flowctl.errors import BuildFailed
from flowctl.model.work import Assignment
from tests.playbook import assigned

KEY = Key("shop", "parse.deploy1")
ORDER = BuildEnvironment(KEY, Version(1, 0), assigned())
SITE = Site(python="/env/bin/python")


def _prune(keep: set[str]) -> list[str]:
    return []


def _order(build: object) -> object:
    told: SimpleQueue[Happened] = SimpleQueue()
    Builders(build, told, prune=_prune).order(ORDER)  # type: ignore[arg-type]
    answer = told.get(timeout=20)
    for thread in threading.enumerate():
        if thread.name.startswith("build "):
            thread.join(20)
    return answer


def test_a_build_answers_with_its_site() -> None:
    assert _order(lambda _: SITE) == Built(KEY, Version(1, 0), SITE)


def test_a_build_that_fails_answers_with_reason_and_remedy_and_log() -> None:
    def build(_: Assignment) -> Site:
        raise BuildFailed("pip ended with code 1", log="/logs/b.log", remedy="see the index")

    reason = "build: pip ended with code 1\nsee the index\nlog: /logs/b.log"
    assert _order(build) == BuildBroke(KEY, Version(1, 0), reason)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_build_that_breaks_in_a_new_way_answers_too() -> None:
    def build(_: Assignment) -> Site:
        raise ZeroDivisionError

    answer = _order(build)
    assert isinstance(answer, BuildBroke)
    assert "unexpected error" in answer.reason


def test_only_a_few_are_built_at_once() -> None:
    told: SimpleQueue[Happened] = SimpleQueue()
    entered, go = threading.Semaphore(0), threading.Event()
    running: list[int] = []
    most: list[int] = []

    def build(_: Assignment) -> Site:
        running.append(1)
        most.append(len(running))
        entered.release()
        go.wait(20)
        running.pop()
        return SITE

    builders = Builders(build, told, prune=_prune)
    for _ in range(5):
        builders.order(ORDER)
    for _ in range(BUILDS_AT_ONCE):
        assert entered.acquire(timeout=20)
    go.set()
    for _ in range(5):
        told.get(timeout=20)
    assert max(most) == BUILDS_AT_ONCE


@pytest.mark.parametrize("broken", [False, True])
def test_old_environments_are_removed_or_stay(
    broken: bool, caplog: pytest.LogCaptureFixture
) -> None:
    asked: SimpleQueue[set[str]] = SimpleQueue()

    def prune(keep: set[str]) -> list[str]:
        asked.put(keep)
        if broken:
            raise PermissionError("not yours")
        return ["old"]

    caplog.set_level("INFO")
    Builders(lambda _: SITE, SimpleQueue(), prune=prune).prune({"k1"})
    assert asked.get(timeout=20) == {"k1"}
    for thread in threading.enumerate():
        if thread.name == "prune":
            thread.join(20)
    assert ("not yours" if broken else "removed 1") in caplog.text


def test_ends_and_signals_arrive_in_one_queue(tmp_path: Path) -> None:
    told: SimpleQueue[Happened] = SimpleQueue()
    watcher = Watcher(told)
    before = signal.getsignal(signal.SIGUSR1)
    watcher.listen(signal.SIGUSR1)
    watcher.start()
    try:
        pid = processes.spawn([sys.executable, "-S", "-c", ""], {}, tmp_path / "log")
        pidfd = os.pidfd_open(pid)
        watcher.watch(pidfd, KEY)
        assert told.get(timeout=20) == Ended(KEY)
        assert processes.reap(pidfd) == 0
        signal.raise_signal(signal.SIGUSR1)
        assert told.get(timeout=20) == Signalled(signal.SIGUSR1)
        assert told.empty()
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGUSR1, before)
