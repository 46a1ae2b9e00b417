"""Code from real repositories, made here; hostile addresses and refs are refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentd.builds import BuildLog
from agentd.sources import Code, check_ref, check_url, fetch_code, passwords
from flowctl.clock import SystemClock
from flowctl.errors import BuildFailed
from flowctl.model.flow import Source, SourceKind

pytestmark = pytest.mark.process


class Repository:
    """A repository with two commits on main, a tag on the first and a branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.first = self.commit("one")
        self.git("tag", "-a", "-m", "first", "v1")
        self.git("branch", "side")
        self.second = self.commit("two")

    def git(self, *words: str) -> str:
        env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *who, *words], cwd=self.folder, env=env, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, text: str, name: str = "src/job.py") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def log(tmp_path: Path) -> BuildLog:
    log = BuildLog(tmp_path / "logs" / "build.log")
    log.begin("test", SystemClock())
    return log


def fetch(tmp_path: Path, log: BuildLog, url: str, ref: str = "", path: str = "") -> Code:
    source = Source(kind=SourceKind.GIT, url=url, ref=ref, path=path, module="job")
    return fetch_code(source, cache=tmp_path / "cache", log=log, clock=SystemClock())


@pytest.mark.parametrize(
    ("ref", "text"),
    [("", "two"), ("main", "two"), ("side", "one"), ("v1", "one"), ("feature/x", "three")],
)
def test_branches_tags_and_the_default_are_pinned_to_a_commit(
    tmp_path: Path, repository: Repository, log: BuildLog, ref: str, text: str
) -> None:
    repository.git("checkout", "-q", "-b", "feature/x")
    repository.commit("three")
    repository.git("checkout", "-q", "main")
    code = fetch(tmp_path, log, repository.url, ref, "src")
    (path,) = code.paths
    assert (Path(path) / "job.py").read_text() == text
    assert repository.git("rev-parse", f"{ref or 'HEAD'}^{{commit}}") == code.commit
    assert code.commit in path
    assert code.note == ""


def test_a_commit_is_had_by_its_full_or_short_name(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    assert fetch(tmp_path, log, repository.url, repository.first).commit == repository.first
    assert fetch(tmp_path, log, repository.url, repository.second[:9]).commit == repository.second
    other = tmp_path / "other"
    source = Source(kind=SourceKind.GIT, url=repository.url, ref=repository.first[:8], module="j")
    code = fetch_code(source, cache=other, log=log, clock=SystemClock())
    assert code.commit == repository.first


def test_a_branch_moves_and_the_old_checkout_stays(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    before = fetch(tmp_path, log, str(repository.folder), "main")
    repository.git("commit", "-q", "--amend", "-m", "rewritten")
    after = fetch(tmp_path, log, str(repository.folder), "main")
    assert before.commit != after.commit
    assert Path(before.paths[0]).is_dir()
    assert Path(after.paths[0]).is_dir()
    assert before.identity != after.identity


def test_what_was_fetched_before_serves_when_the_remote_is_gone(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    commit = fetch(tmp_path, log, repository.url, "main").commit
    fetch(tmp_path, log, repository.url)
    repository.folder.rename(tmp_path / "away")
    code = fetch(tmp_path, log, repository.url, "main")
    assert code.commit == commit
    assert "cannot be reached" in code.note
    assert commit[:12] in code.note
    assert fetch(tmp_path, log, repository.url).commit == commit
    assert fetch(tmp_path, log, repository.url, commit).note == "", "a commit is what it is"
    with pytest.raises(BuildFailed, match="does not appear to be a git repository"):
        fetch(tmp_path, log, repository.url, "side")


def test_a_ref_that_is_not_there_is_named(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    with pytest.raises(BuildFailed, match='no branch, tag or commit "nowhere"') as caught:
        fetch(tmp_path, log, repository.url, "nowhere")
    assert caught.value.log == str(log.path)
    with pytest.raises(BuildFailed, match='no branch, tag or commit "0123456"'):
        fetch(tmp_path, log, repository.url, "0123456")
    with pytest.raises(BuildFailed, match='has no folder "lib"'):
        fetch(tmp_path, log, repository.url, "main", "lib")


def test_hooks_and_links_of_a_repository_do_nothing(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    witness = tmp_path / "ran"
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        hook = repository.folder / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
        hook.chmod(0o755)
    (repository.folder / "out").symlink_to("/etc")
    repository.commit("linked", "src/more.py")
    witness.unlink(missing_ok=True)
    fetch(tmp_path, log, repository.url, "main")
    assert not witness.exists()
    with pytest.raises(BuildFailed, match="leads out of the repository"):
        fetch(tmp_path, log, repository.url, "main", "out")
    with pytest.raises(BuildFailed, match="leads out of the repository"):
        fetch(tmp_path, log, repository.url, "main", "../..")


def test_what_a_killed_builder_left_is_swept(
    tmp_path: Path, repository: Repository, log: BuildLog
) -> None:
    half = tmp_path / "cache" / "checkouts" / f"{repository.second}.tmp-1"
    half.mkdir(parents=True)
    code = fetch(tmp_path, log, repository.url, "main")
    assert not half.exists()
    assert [p.name for p in half.parent.iterdir() if p.is_dir()] == [code.commit]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "-c",
        "ext::sh -c 'touch /tmp/x'",
        "https://example.org/a\n--upload-pack=x",
        "https://example.org/a b",
        "http://example.org/a",
        "git://example.org/a",
        "ftp://example.org/a",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-user@example.org/x",
        "https:///path",
        "https://",
        "file://elsewhere/path",
        "user@host:-oProxyCommand=x",
        "user@-host:path",
        "user@host::path",
        "relative/path",
        "https://[broken",
        "https://example.org\\@evil.org/x",
        "https://example.org/\u202eevil",
    ],
)
def test_a_hostile_address_never_reaches_git(url: str) -> None:
    with pytest.raises(BuildFailed, match="not an address") as caught:
        check_url(url)
    assert "https://" in caught.value.remedy


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a/b.git",
        "https://token@example.org:8443/a",
        "ssh://git@example.org:22/a",
        "git@example.org:a/b.git",
        "file:///srv/a.git",
    ],
)
def test_an_honest_address_is_left_as_it_is(url: str) -> None:
    assert check_url(url) == url


def test_a_folder_is_an_address_too() -> None:
    assert check_url("/srv/a.git") == "file:///srv/a.git"


@pytest.mark.parametrize(
    "ref",
    [
        "-x",
        "--upload-pack=x",
        "a..b",
        "a b",
        "a\nb",
        "@{-1}",
        "a^{}",
        "a:b",
        "/a",
        "a/",
        "main@{1}",
        "ä",
    ],
)
def test_a_hostile_ref_never_reaches_git(ref: str) -> None:
    with pytest.raises(BuildFailed, match="not a ref"):
        check_ref(ref)


def test_a_password_stays_out_of_the_log_and_the_error(tmp_path: Path) -> None:
    url = "https://me:p%40ss-w0rd@127.0.0.1:9/x.git"
    assert passwords(url) == ("p%40ss-w0rd", "p@ss-w0rd")
    log = BuildLog(tmp_path / "logs" / "b.log", passwords(url))
    log.begin("test", SystemClock())
    with pytest.raises(BuildFailed) as caught:
        fetch(tmp_path, log, url)
    for text in (log.path.read_text(), str(caught.value)):
        assert "w0rd" not in text
    stored = "".join(p.read_text() for p in (tmp_path / "cache").rglob("config"))
    assert "w0rd" not in stored


def test_a_folder_of_this_host_is_taken_as_it_is(tmp_path: Path, log: BuildLog) -> None:
    source = Source(kind=SourceKind.PATH, path=str(tmp_path), module="m")
    code = fetch_code(source, cache=tmp_path / "cache", log=log, clock=SystemClock())
    assert code.paths == (str(tmp_path),)
    gone = Source(kind=SourceKind.PATH, path=str(tmp_path / "gone"), module="m")
    with pytest.raises(BuildFailed, match="this host has no folder"):
        fetch_code(gone, cache=tmp_path, log=log, clock=SystemClock())
    crooked = Source(kind=SourceKind.PATH, path="here", module="m")
    with pytest.raises(BuildFailed, match="not absolute"):
        fetch_code(crooked, cache=tmp_path, log=log, clock=SystemClock())


def test_text_and_commands_need_nothing_on_disk(tmp_path: Path, log: BuildLog) -> None:
    text = Source(kind=SourceKind.CODE, code="def f(x): return x\n")
    command = Source(kind=SourceKind.COMMAND, command=("cat",))
    codes = [fetch_code(s, cache=tmp_path, log=log, clock=SystemClock()) for s in (text, command)]
    assert [code.paths for code in codes] == [(), ()]
    assert len({code.identity for code in codes}) == 2
