"""Where the code of a processor comes from: a folder of this host, or a commit of a git repository.

A repository is mirrored once a host, bare; a commit is checked out once, aside, and shared. Foreign
repositories are hostile until shown otherwise: addresses and refs are checked before git sees them,
git gets neither our environment nor the user's configuration, and runs no hook and no helper.
A password in an address goes to git through its environment, never through the command line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from agentd.builds import BuildLog, alone, aside, run
from flowctl.clock import Clock
from flowctl.errors import BuildFailed
from flowctl.model.flow import Source, SourceKind

SCHEMES = ("https", "ssh", "file")
FETCH_SECONDS = 600.0
LOCAL_SECONDS = 120.0

_SCP = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?![-:])[\w.~/+-]+")
_REF = re.compile(r"[A-Za-z0-9][\w./+@-]*")
_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{7,40}")
_FLAGS = (
    "-c", "protocol.ext.allow=never",
    "-c", "protocol.file.allow=user",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "credential.helper=",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "fetch.fsckObjects=true",
    "-c", "submodule.recurse=false",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a processor as it lies on this host."""

    identity: str
    """What tells it from any other code; equal where the code is equal."""
    paths: tuple[str, ...] = ()
    """Folders that go on the import path."""
    commit: str = ""
    mirror: str = ""
    """The folder of the repository in the cache."""
    note: str = ""
    """What a person should know, such as that the remote could not be asked."""


def fetch_code(source: Source, *, cache: Path, log: BuildLog, clock: Clock) -> Code:
    """Bring the code of `source` to this host.

    Raises:
        BuildFailed: it cannot be had.
    """
    if source.kind is SourceKind.GIT:
        return _from_git(source, cache, log, clock)
    if source.kind is SourceKind.CODE:
        return Code(identity=f"code {source.code}")
    if source.path:
        _check_folder(Path(source.path), log)
    if source.kind is SourceKind.COMMAND:
        return Code(identity=f"command {source.path} {source.command!r}")
    return Code(identity=f"path {source.path}", paths=(source.path,))


def check_url(url: str) -> str:
    """Return the address as git may have it.

    Raises:
        BuildFailed: it is not an https, ssh or file address, or it tries to be more than one.
    """
    hint = f"write an address that begins with {', '.join(f'{s}://' for s in SCHEMES)}"
    refused = BuildFailed(f'git source: "{_shown(url)}" is not an address to use', remedy=hint)
    if not url or url.startswith("-") or "::" in url or not url.isprintable() or "\\" in url:
        raise refused
    if " " in url:
        raise refused
    if url.startswith("/"):
        return f"file://{url}"
    if _SCP.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refused from None
    if parts.scheme not in SCHEMES or not _is_place(parts):
        raise refused
    return url


def check_ref(ref: str) -> str:
    """Return a branch, tag or commit as git may have it.

    Raises:
        BuildFailed: it could be read as an option, a range or a path.
    """
    if ref and (not _REF.fullmatch(ref) or ".." in ref or "@{" in ref or ref.endswith("/")):
        raise BuildFailed(
            f'git source: "{_shown(ref)}" is not a ref', remedy="name a branch, a tag or a commit"
        )
    return ref


def passwords(url: str) -> tuple[str, ...]:
    """Return the secrets in an address, as written and as meant."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    secret = parts.password or (parts.username if parts.scheme == "https" else "") or ""
    return tuple(dict.fromkeys((secret, unquote(secret)))) if secret else ()


class Mirror:
    """The local copy of one repository; use it while holding its lock."""

    def __init__(self, url: str, folder: Path, log: BuildLog) -> None:
        self._url, self._secret_url = _split_secret(url)
        self._folder = folder
        self._log = log

    def prepare(self) -> None:
        """Create the mirror where it is missing."""
        if not (self._folder / "HEAD").exists():
            with aside(self._folder) as work:
                self._run(["init", "--quiet", "--bare", "--template=", str(work)], "git init")

    def resolve(self, ref: str) -> tuple[str, str]:
        """Return the commit that `ref` names now, fetched, and a note.

        Raises:
            BuildFailed: there is no such ref, or the remote and the mirror both fail to give it.
        """
        if _SHA.fullmatch(ref) and self._has(ref):
            return ref, ""
        try:
            listed = self._list()
        except BuildFailed:
            known = self._known(ref)
            if not known:
                raise
            note = f"the repository cannot be reached; using commit {known[:12]}, fetched before"
            self._log.write(note)
            return known, note
        return self._fetch(ref, listed), ""

    def check_out(self, commit: str, folder: Path, *, clock: Clock) -> None:
        """Write the files of a commit into `folder`, whole or not at all."""
        if folder.exists():
            return
        with alone(folder, clock=clock):
            if folder.exists():
                return
            with aside(folder) as work:
                self._write_tree(commit, work)

    def _write_tree(self, commit: str, work: Path) -> None:
        index = self._folder / f"index.{work.name}"
        env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(work)}
        try:
            self._local(["read-tree", commit], env)
            tree = self._local(["write-tree"], env).strip()
            wanted = self._local(["rev-parse", "--verify", f"{commit}^{{tree}}"]).strip()
            if tree != wanted:
                raise self._log.fail(f"commit {commit} holds other files than it should")
            self._local(["checkout-index", "--all"], env)
        finally:
            index.unlink(missing_ok=True)

    def _list(self) -> dict[str, str]:
        """Ask the remote for its refs."""
        text = self._remote(["ls-remote", "--", self._url], 120.0)
        pairs = (line.strip().partition("\t") for line in text.splitlines())
        return {name: sha for sha, _, name in pairs if _SHA.fullmatch(sha)}

    def _fetch(self, ref: str, listed: dict[str, str]) -> str:
        wanted = [f"refs/tags/{ref}", f"refs/heads/{ref}", ref] if ref else ["HEAD"]
        name = next((name for name in wanted if name in listed), "")
        if name and not (_SHORT.fullmatch(ref) and name.startswith("refs/heads/")):
            return self._fetch_ref(name)
        if _SHORT.fullmatch(ref) and (commit := self._fetch_commit(ref)):
            return commit
        if name:
            return self._fetch_ref(name)
        raise self._log.fail(
            f'the repository has no branch, tag or commit "{ref}"' if ref else "it has no commit"
        )

    def _fetch_ref(self, name: str) -> str:
        kept = _kept(name)
        options = ["fetch", "--no-tags", "--no-recurse-submodules", "--depth=1", "--force"]
        self._remote([*options, "--", self._url, f"+{name}:{kept}"], FETCH_SECONDS)
        return self._local(["rev-parse", "--verify", f"{kept}^{{commit}}"]).strip()

    def _fetch_commit(self, ref: str) -> str:
        """Fetch a commit that no ref names: alone where the remote lets us, else with everything."""
        options = ["fetch", "--no-recurse-submodules", "--force"]
        if _SHA.fullmatch(ref):
            try:
                one = [*options, "--no-tags", "--depth=1", "--", self._url, ref]
                self._remote(one, FETCH_SECONDS)
            except BuildFailed:
                self._log.write("the remote does not give single commits; fetching all branches")
        if not self._has(ref):
            shallow = ["--unshallow"] if (self._folder / "shallow").exists() else []
            everything = ["+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*"]
            self._remote([*options, *shallow, "--", self._url, *everything], FETCH_SECONDS)
        if not self._has(ref):
            return ""
        return self._local(["rev-parse", "--verify", f"{ref}^{{commit}}"]).strip()

    def _known(self, ref: str) -> str:
        """Return the commit that `ref` named when it was fetched last."""
        names = [_kept(f"refs/tags/{ref}"), _kept(f"refs/heads/{ref}")] if ref else [_kept("HEAD")]
        if _SHORT.fullmatch(ref):
            names.append(ref)
        for name in names:
            if self._has(name):
                return self._local(["rev-parse", "--verify", f"{name}^{{commit}}"]).strip()
        return ""

    def _has(self, name: str) -> bool:
        try:
            self._local(["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"])
        except BuildFailed:
            return False
        return True

    def _local(self, words: Sequence[str], env: dict[str, str] | None = None) -> str:
        return self._run(["--git-dir", str(self._folder), *words], f"git {words[0]}", env=env)

    def _remote(self, words: Sequence[str], timeout: float) -> str:
        env = {}
        if self._secret_url:
            key = f"url.{self._secret_url}.insteadOf"
            env = {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": key,
                "GIT_CONFIG_VALUE_0": self._url,
            }
        command = ["--git-dir", str(self._folder), *words]
        return self._run(command, f"git {words[0]} of {self._url}", timeout=timeout, env=env)

    def _run(
        self,
        words: Sequence[str],
        what: str,
        *,
        timeout: float = LOCAL_SECONDS,
        env: dict[str, str] | None = None,
    ) -> str:
        command = ["git", *_FLAGS, *words]
        guarded = _environment(self._url) | (env or {})
        shown = ["git", *words]
        return run(command, what, log=self._log, timeout=timeout, env=guarded, shown=shown)


def _from_git(source: Source, cache: Path, log: BuildLog, clock: Clock) -> Code:
    url, ref = check_url(source.url), check_ref(source.ref)
    folder = cache / "git" / hashlib.sha256(url.encode()).hexdigest()[:24]
    mirror = Mirror(url, folder, log)
    with alone(folder, clock=clock):
        mirror.prepare()
        commit, note = mirror.resolve(ref)
        checkout = cache / "checkouts" / commit
        mirror.check_out(commit, checkout, clock=clock)
    root = _inside(checkout, source.path, log)
    identity = f"git {commit} {source.path}"
    return Code(identity, (str(root),), commit=commit, mirror=folder.name, note=note)


def _inside(checkout: Path, path: str, log: BuildLog) -> Path:
    """Return a folder of the checkout; nothing may lead out of it."""
    root = (checkout / path).resolve()
    if not root.is_relative_to(checkout.resolve()):
        raise log.fail(f'the path "{path}" leads out of the repository')
    if not root.is_dir():
        raise log.fail(f'the repository has no folder "{path}"')
    return root


def _check_folder(folder: Path, log: BuildLog) -> None:
    if not folder.is_absolute():
        raise log.fail(f'the path "{folder}" is not absolute')
    if not folder.is_dir():
        raise log.fail(
            f'this host has no folder "{folder}"',
            remedy="use a git source, or a folder that every host has",
        )


def _is_place(parts: SplitResult) -> bool:
    if parts.scheme == "file":
        return parts.netloc in ("", "localhost") and parts.path.startswith("/")
    host, user = parts.hostname or "", parts.username or ""
    return bool(host and parts.path) and not host.startswith("-") and not user.startswith("-")


def _split_secret(url: str) -> tuple[str, str]:
    """Return the address without its secret, and with it where it has one."""
    if not passwords(url):
        return url, ""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), url


def _environment(url: str) -> dict[str, str]:
    """Return what makes git deaf to everything but its command line."""
    local = url.startswith("file:")
    return {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ALLOW_PROTOCOL": "file" if local else "https:ssh",
        "GIT_ASKPASS": "true",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oControlMaster=no"
        " -oConnectTimeout=15",
    }


def _kept(name: str) -> str:
    """Return the ref of the mirror that remembers a ref of the remote."""
    return f"refs/kept/{name.removeprefix('refs/')}"


def _shown(text: str) -> str:
    for secret in passwords(text):
        text = text.replace(secret, "***")
    return ascii(text[:200])[1:-1]
