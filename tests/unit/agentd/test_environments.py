"""Environments built from real packages (made here), shared, moved into place, and pruned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentd import environments
from agentd.environments import Environment, build, check_requirements, log_path, prune
from flowctl.clock import SystemClock
from flowctl.errors import BuildFailed
from flowctl.model.fleet import Deployment
from flowctl.model.flow import Processor, ProcessorSpec, Source, SourceKind
from flowctl.model.states import DeploymentStatus, Desired, ProcessorStatus
from flowctl.model.work import Assignment
from flowctl.settings import Settings, load
from tests.wheels import wheel

pytestmark = pytest.mark.process

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"FLOWCTL_HOME": str(tmp_path / "home")})


def assignment(*requirements: str, source: Source | None = None) -> Assignment:
    spec = ProcessorSpec(
        name="parse",
        source=source or Source(kind=SourceKind.CODE, code="def f(x): return x\n"),
        requirements=requirements,
    )
    record = {"id": "i", "receipt": "r", "created_at": AT, "updated_at": AT, "network": "shop"}
    return Assignment(
        deployment=Deployment(
            name="parse.deploy1",
            processor="parse",
            agent="a",
            cpus=1,
            requested_status=Desired.RUNNING,
            status=DeploymentStatus.PENDING,
            **record,
        ),
        processor=Processor(
            name="parse",
            spec=spec,
            generation=1,
            restarts=0,
            requested_status=Desired.RUNNING,
            status=ProcessorStatus.READY,
            **record,
        ),
        sockets=(),
        inbound=(),
        outbound=(),
        targets=(),
    )


@pytest.fixture
def package(tmp_path: Path) -> str:
    """A wheel with a module and a program, as a requirement."""
    return f"tinypkg @ file://{wheel(tmp_path)}"


def ask(environment: Environment, code: str) -> str:
    done = subprocess.run(
        [environment.python, "-s", "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.strip()


def test_without_requirements_the_base_interpreter_serves_and_sees_nothing_of_ours(
    settings: Settings,
) -> None:
    built = build(assignment(), settings=settings)
    assert built.paths == ()
    probe = (
        "import importlib.util as u; print([n for n in ('msgspec', 'flowctl') if u.find_spec(n)])"
    )
    assert ask(built, probe) == "[]"


def test_an_installation_without_a_venv_hides_its_packages_behind_an_empty_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_is_clean", lambda: False)
    built = build(assignment(), settings=settings)
    assert Path(built.python).is_relative_to(settings.paths.cache)
    assert ask(built, "import sys; print(sys.prefix != sys.base_prefix)") == "True"


@pytest.mark.parametrize("tool", ["uv", pytest.param("pip", marks=pytest.mark.slow)])
def test_requirements_are_installed_once_and_moved_into_place(
    settings: Settings, package: str, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    if tool == "pip":
        monkeypatch.setattr(environments, "_find_uv", lambda: "")
    built = build(assignment(package), settings=settings)
    assert ask(built, "import tinypkg; print(tinypkg.ANSWER)") == "42"
    script = Path(built.python).with_name("tiny")
    assert subprocess.check_output([script], text=True) == "tiny 42\n"
    assert ".tmp-" not in script.read_text()
    cached = list(Path(built.python).parents[1].rglob("tinypkg.*.pyc"))
    assert cached, "bytecode is compiled at install"
    before = Path(built.python).parents[1].stat().st_ino
    again = build(assignment(package), settings=settings)
    assert again == built
    assert Path(again.python).parents[1].stat().st_ino == before
    log = log_path(assignment(package).processor.spec, settings).read_text()
    assert log.count("installing") == 0
    assert log.count("$ ") == 2, "the second time nothing is run"


def test_builders_at_the_same_time_share_one_environment(settings: Settings, package: str) -> None:
    built: list[Environment] = []
    threads = [
        threading.Thread(target=lambda: built.append(build(assignment(package), settings=settings)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 3
    assert len(set(built)) == 1
    venvs = [path for path in (settings.paths.cache / "venvs").iterdir() if path.is_dir()]
    assert len(venvs) == 1


def test_processors_of_one_source_are_built_at_the_same_time(settings: Settings) -> None:
    barrier, found = threading.Barrier(4), []

    def many() -> None:
        for _ in range(50):
            barrier.wait(20)
            try:
                found.append(build(assignment(), settings=settings).key)
            except BuildFailed as error:
                found.append(str(error))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert set(found) == {build(assignment(), settings=settings).key}


def test_a_failed_install_leaves_nothing_and_tells_the_last_lines(
    settings: Settings, tmp_path: Path
) -> None:
    wanted = assignment(f"nothing @ file://{tmp_path}/nothing-1.0-py3-none-any.whl")
    with pytest.raises(BuildFailed) as caught:
        build(wanted, settings=settings)
    assert str(caught.value).startswith("installing the requirements failed: ")
    assert "nothing-1.0" in str(caught.value)
    assert Path(caught.value.log) == log_path(wanted.processor.spec, settings)
    assert "failed: installing" in Path(caught.value.log).read_text()
    assert [p for p in (settings.paths.cache / "venvs").iterdir() if p.is_dir()] == []


def test_the_key_follows_what_matters(settings: Settings, package: str, tmp_path: Path) -> None:
    path = Source(kind=SourceKind.PATH, path=str(tmp_path), module="m")
    plain, other, wanted = (
        build(assignment(), settings=settings),
        build(assignment(source=path), settings=settings),
        build(assignment(package, "# a comment"), settings=settings),
    )
    assert len({plain.key, other.key, wanted.key}) == 3
    assert other.paths == (str(tmp_path),)
    assert build(assignment("", "# only words"), settings=settings).key == plain.key


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://evil.example.org",
        "-e .",
        "-r other.txt",
        "requests --global-option=--evil",
        "requests\n--index-url https://evil.example.org",
        "requests --hash sha256:0",
    ],
)
def test_options_among_the_requirements_are_refused(settings: Settings, line: str) -> None:
    with pytest.raises(BuildFailed, match="is not a package") as caught:
        build(assignment(line), settings=settings)
    assert caught.value.log


def test_hashes_are_allowed() -> None:
    lines = ("a==1 --hash=sha256:00", " b>=2 ", "", "# no")
    assert check_requirements(lines) == ("a==1 --hash=sha256:00", "b>=2")


def test_a_source_that_is_not_there_is_a_failed_build(settings: Settings) -> None:
    gone = Source(kind=SourceKind.PATH, path="/nowhere/at/all", module="m")
    with pytest.raises(BuildFailed, match="this host has no folder"):
        build(assignment(source=gone), settings=settings)


def test_the_cache_that_cannot_be_written_is_a_failed_build(
    settings: Settings, package: str
) -> None:
    settings.paths.cache.parent.mkdir(parents=True, exist_ok=True)
    settings.paths.cache.write_text("a file in the way")
    with pytest.raises(BuildFailed, match="cannot be built"):
        build(assignment(package), settings=settings)


class Later:
    """A clock that is ahead."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def monotonic(self) -> float:
        return SystemClock().monotonic()


def test_pruning_keeps_what_is_used_and_what_is_young(settings: Settings, package: str) -> None:
    built = build(assignment(package), settings=settings)
    half = settings.paths.cache / "venvs" / "half.tmp-1"
    half.mkdir()
    assert prune(set(), settings=settings) == ["half.tmp-1"]
    later = Later(timedelta(days=8))
    assert prune({built.key}, settings=settings, clock=later) == []
    assert prune(set(), settings=settings, clock=later) == []  # an agent that shares the cache
    assert Path(built.python).exists()
    later = Later(timedelta(days=16))
    assert prune(set(), settings=settings, clock=later) == [Path(built.python).parents[1].name]
    assert not Path(built.python).exists()
    again = build(assignment(package), settings=settings)
    assert again == built
    assert Path(built.python).exists()


def test_a_pruned_repository_comes_back(settings: Settings, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null")
    who = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(repository)]
    subprocess.run(["git", "init", "-q", str(repository)], check=True, env=env)
    (repository / "job.py").write_text("def f(x): return x\n")
    subprocess.run([*who, "add", "."], check=True, env=env)
    subprocess.run([*who, "commit", "-qm", "x"], check=True, env=env)
    source = Source(kind=SourceKind.GIT, url=f"file://{repository}", module="job")
    built = build(assignment(source=source), settings=settings)
    assert (Path(built.paths[0]) / "job.py").exists()
    assert len(prune(set(), settings=settings, clock=Later(timedelta(days=8)))) == 2
    assert not Path(built.paths[0]).exists()
    assert build(assignment(source=source), settings=settings) == built


def test_uv_is_found_beside_us_or_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: "/opt/uv")
    assert environments._find_uv() == "/opt/uv"
    monkeypatch.undo()
    assert environments._base_python() == sys._base_executable  # type: ignore[attr-defined]
