"""The roster with real processes: start, find again, let go; strangers are never touched."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from agentd import processes
from agentd.commands import StartWorker
from agentd.journal import Entry, Journal
from agentd.processes import Identity
from agentd.roster import LOG_CAP, UNKNOWN, Roster
from agentd.stimuli import Adopted, Key, Perished, Site, Started, StartFailed, Version
from flowctl.settings import Settings, load
from tests.playbook import assigned

STAND_IN = str(Path(__file__).parents[1] / "stand_in.py")
KEY = Key("shop", "parse.deploy1")
NAME = "h1.shop.parse.worker.1"
pytestmark = pytest.mark.process


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"FLOWCTL_HOME": str(tmp_path), "HOME": str(tmp_path)})


@pytest.fixture
def new(settings: Settings) -> Iterator[Callable[..., Roster]]:
    rosters = []

    def make(manner: str = "calm", python: str = sys.executable) -> Roster:
        roster = Roster(
            settings, "h1", program=(python, "-S", STAND_IN, manner), environ=dict(os.environ)
        )
        rosters.append(roster)
        return roster

    yield make
    for _pid, _path in processes.scan(rosters[0].folder):
        os.kill(_pid, signal.SIGKILL)
    for roster in rosters:
        for process in roster._held.values():
            select.select([process.pidfd], [], [], 20)
            processes.reap(process.pidfd)


def _order(name: str = NAME) -> StartWorker:
    return StartWorker(
        key=KEY,
        name=name,
        version=Version(1, 0),
        site=Site(python=sys.executable, commit="c0ffee"),
        assignment=assigned(),
        restarts=4,
    )


def _start(roster: Roster) -> int:
    started = roster.start(_order())
    assert isinstance(started, Started), started
    return started.pid


def _await_report(roster: Roster) -> None:
    waiting = select.epoll()
    for _ in range(400):
        if NAME in roster.read_reports():
            break
        waiting.poll(0.05)
    waiting.close()
    assert NAME in roster.read_reports()


def _await_end(roster: Roster) -> None:
    assert select.select([roster.pidfd(KEY)], [], [], 20)[0]


def test_a_worker_lives_from_start_to_end(new: Callable[..., Roster], settings: Settings) -> None:
    roster = new()
    pid = _start(roster)
    _await_report(roster)
    report = roster.read_reports()[NAME]
    assert (report.pid, report.executors) == (pid, 2)
    roster.drain(KEY)
    _await_end(roster)
    exited = roster.collect(KEY)
    assert (exited.code, exited.tail) == (0, f"stand-in for {NAME}")
    assert list(roster.folder.iterdir()) == []
    roster.drain(KEY)


def test_how_it_crashed_is_told_with_its_last_words(new: Callable[..., Roster]) -> None:
    roster = new("crash")
    _start(roster)
    _await_end(roster)
    exited = roster.collect(KEY)
    assert exited.code == 3
    assert exited.tail.endswith("boom")


def test_the_next_life_finds_it_again(new: Callable[..., Roster]) -> None:
    pid = _start(new())
    roster = new()
    (found,) = roster.recover()
    assert found == Adopted(
        key=KEY, name=NAME, pid=pid, version=Version(1, 0), site=_order().site, restarts=4
    )
    roster.kill(KEY)
    _await_end(roster)


def test_killed_between_spawn_and_record_it_is_found_by_its_token(
    new: Callable[..., Roster],
) -> None:
    roster = new()
    pid = _start(roster)
    journal = Journal(roster.folder)
    (entry,) = journal.read()
    journal.write(msgspec.structs.replace(entry, identity=None))
    (found,) = new().recover()
    assert isinstance(found, Adopted)
    assert found.pid == pid
    (again,) = journal.read()
    assert again.identity == entry.identity


def test_a_worker_whose_record_is_lost_is_found_and_of_unknown_version(
    new: Callable[..., Roster],
) -> None:
    roster = new()
    pid = _start(roster)
    Journal(roster.folder).strike(NAME)
    (found,) = new().recover()
    assert isinstance(found, Adopted)
    assert (found.pid, found.version, found.site) == (pid, UNKNOWN, None)


def test_a_worker_that_ended_meanwhile_has_perished(new: Callable[..., Roster]) -> None:
    roster = new()
    pid = _start(roster)
    os.kill(pid, signal.SIGKILL)
    _await_end(roster)
    assert list(new().recover()) == [Perished(KEY, NAME)]
    assert list(new().recover()) == []
    assert list(roster.folder.iterdir()) == []


@pytest.mark.parametrize("foreign", ["pid", "boot", "token"])
def test_a_stranger_is_never_touched(new: Callable[..., Roster], foreign: str) -> None:
    """Journal entries that name a living process which is not our worker."""
    roster = new()
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE
    ) as stranger:
        identity = processes.identify(stranger.pid)
        assert identity is not None
        seen = {
            "pid": Identity(identity.boot_id, identity.pid, identity.started - 1),
            "boot": Identity("another boot", identity.pid, identity.started),
            "token": identity,
        }[foreign]
        Journal(roster.folder).write(
            Entry(name=NAME, key=KEY, token="t", version=Version(1, 0), site=None, identity=seen)
        )
        assert list(roster.recover()) == [Perished(KEY, NAME)]
        roster.kill(KEY)
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=20)
        assert stranger.returncode == 0


def test_a_start_that_fails_leaves_nothing(new: Callable[..., Roster]) -> None:
    roster = new(python="/no/such/python")
    answer = roster.start(_order())
    assert isinstance(answer, StartFailed)
    assert "No such file" in answer.reason
    assert list(roster.folder.iterdir()) == []


def test_secrets_stay_in_files_and_environments_of_our_own(new: Callable[..., Roster]) -> None:
    roster = new()
    pid = _start(roster)
    _await_report(roster)
    environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    names = {line.partition("=")[0] for line in environment}
    assert {"FLOWCTL_STATE", "FLOWCTL_BROKER", "PATH"} <= names
    assert "NOTIFY_SOCKET" not in names
    assert "VIRTUAL_ENV" not in names
    for path in roster.folder.glob("*.json"):
        assert path.stat().st_mode & 0o077 == 0
    assert roster.folder.stat().st_mode & 0o077 == 0


def test_a_log_that_grew_is_cut_and_the_worker_goes_on_writing(
    new: Callable[..., Roster], settings: Settings
) -> None:
    roster = new()
    _start(roster)
    _await_report(roster)
    log = settings.paths.logs / "workers" / f"{NAME}.log"
    with log.open("ab") as file:
        file.write(b"x" * LOG_CAP + b"end")
        file.flush()
        roster.trim_logs()
        assert log.stat().st_size == 0
        assert log.with_suffix(".log.1").read_bytes().endswith(b"xend")
        file.write(b"on")
    assert log.read_bytes() == b"on"


def test_thirty_workers_leave_no_descriptor_and_no_zombie(new: Callable[..., Roster]) -> None:
    roster = new("crash")
    before = processes.count_descriptors()
    for _ in range(30):
        pid = _start(roster)
        _await_end(roster)
        roster.collect(KEY)
        assert not Path(f"/proc/{pid}").exists()
    assert processes.count_descriptors() == before


def test_a_sign_of_life_that_cannot_be_given_is_noticed(
    new: Callable[..., Roster], settings: Settings
) -> None:
    roster = new()
    assert roster.show_life()
    alive = settings.paths.run / "agentd-h1.alive"
    assert alive.stat().st_size > 0
    alive.unlink()
    alive.mkdir()
    assert not roster.show_life()


def test_what_a_killed_worker_leaves_is_ended_and_nothing_else(new: Callable[..., Roster]) -> None:
    roster = new("parent")
    pid = _start(roster)
    _await_report(roster)
    (entry,) = Journal(roster.folder).read()
    family = {p for p in psutil.pids() if processes._is_of_family(p, entry.token)}
    assert len(family) == 1
    scratch = roster.folder / f"{NAME}.scratch"
    scratch.mkdir()
    (scratch / "file").write_text("x")
    other = {"FLOWCTL_EXECUTOR": "another token"}
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, env=other) as stranger:
        os.kill(pid, signal.SIGKILL)
        _await_end(roster)
        roster.collect(KEY)
        assert not any(processes.identify(member) for member in family)
        assert stranger.poll() is None
    assert list(roster.folder.iterdir()) == []
