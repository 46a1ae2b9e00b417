"""The workers of this agent as processes and files; it obeys, and remembers only what it holds.

Everything of one agent lies in one folder that nobody else may enter: an assignment, a status and
a journal entry for each worker. A process whose last argument is a file in that folder is ours.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from agentd import processes
from agentd.commands import StartWorker
from agentd.journal import Entry, Journal, write_atomically
from agentd.processes import Identity
from agentd.stimuli import (
    Adopted,
    Exited,
    Key,
    Perished,
    Started,
    StartFailed,
    Version,
    WorkerReport,
)
from flowctl.failpoints import reach
from flowctl.settings import Settings

_log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parent.parent
_KEPT = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"})
_KEPT_BEGINNINGS = (
    "LC_",
    "PYTHON",
    "FLOWCTL_FAILPOINT",
    "FLOWCTL_CLAIM_AFTER",
    "FLOWCTL_ORPHAN_AFTER",
)
UNKNOWN = Version(-1, -1)
"""The version of a worker whose journal entry is lost: it differs from any, so it is replaced."""
LOG_CAP = 8 << 20
_LOG_KEPT = 1 << 20
_TAIL = 2000
_LIFE = "This agent lives: the time of this file is renewed every two seconds.\n" * 4


class Assigned(msgspec.Struct, frozen=True):
    """What is needed of an assignment file in order to recognise its worker."""

    worker: str
    deployment: str
    network: str
    token: str


@dataclass(frozen=True, slots=True)
class Process:
    """A worker that is held."""

    name: str
    key: Key
    pidfd: int
    token: str


class Roster:
    """Starts, finds again, signals and lets go the workers of one agent."""

    def __init__(
        self,
        settings: Settings,
        agent: str,
        *,
        program: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        self.folder = settings.paths.run / f"agentd-{quote(agent, safe='')}"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._agent = agent
        self._program = tuple(program)
        self._environment = _pick(environ) | settings.environment()
        self._alive = self.folder.with_name(f"{self.folder.name}.alive")
        self._logs = settings.paths.logs / "workers"
        self._journal = Journal(self.folder)
        self._held: dict[Key, Process] = {}

    def recover(self) -> Iterator[Adopted | Perished]:
        """Yield what became of the workers of an earlier life; those that live are held again."""
        running = {path: pid for pid, path in processes.scan(self.folder)}
        for entry in self._journal.read():
            pid = running.pop(self._path(entry.name, "json"), 0)
            yield self._adopt(entry, entry.identity or _recognise(pid, entry.token))
        for path, pid in running.items():
            if stray := self._recognise_stray(path, pid):
                yield self._adopt(stray, stray.identity)

    def _adopt(self, entry: Entry, identity: Identity | None) -> Adopted | Perished:
        pidfd = _hold(identity, entry.token)
        if identity is None or pidfd is None:
            self._clear(entry.name, entry.token)
            return Perished(entry.key, entry.name)
        if entry.identity is None:
            self._journal.write(msgspec.structs.replace(entry, identity=identity))
        self._held[entry.key] = Process(entry.name, entry.key, pidfd, entry.token)
        return Adopted(
            key=entry.key,
            name=entry.name,
            pid=identity.pid,
            version=entry.version,
            site=entry.site,
            restarts=entry.restarts,
        )

    def _recognise_stray(self, path: Path, pid: int) -> Entry | None:
        """Return an entry for a worker of ours whose journal entry is lost."""
        try:
            said = msgspec.json.decode(path.read_bytes(), type=Assigned)
        except (OSError, msgspec.MsgspecError):
            return None
        identity = _recognise(pid, said.token)
        if identity is None:
            return None
        key = Key(said.network, said.deployment)
        return Entry(
            name=said.worker,
            key=key,
            token=said.token,
            version=UNKNOWN,
            site=None,
            identity=identity,
        )

    def start(self, order: StartWorker) -> Started | StartFailed:
        """Spawn a worker, on record before and after."""
        entry = Entry(
            name=order.name,
            key=order.key,
            token=secrets.token_hex(16),
            version=order.version,
            site=order.site,
            restarts=order.restarts,
        )
        try:
            self._journal.write(entry)
            reach("agent.journaled")
            path = self._write_assignment(order, entry.token)
            pid = processes.spawn(
                [*self._program, entry.token, str(path)],
                self._environment,
                self._log_path(order.name),
            )
            reach("agent.spawned")
        except OSError as error:
            self._clear(order.name, entry.token)
            return StartFailed(order.key, f"the worker cannot be started: {error}")
        self._held[order.key] = Process(order.name, order.key, os.pidfd_open(pid), entry.token)
        self._note(entry, pid)
        return Started(order.key, pid)

    def _note(self, entry: Entry, pid: int) -> None:
        try:
            self._journal.write(msgspec.structs.replace(entry, identity=processes.identify(pid)))
        except OSError as error:
            # The entry without a pid is there: the next life finds the worker by its token.
            _log.warning("the pid of worker %s is not in the journal: %s", entry.name, error)

    def _write_assignment(self, order: StartWorker, token: str) -> Path:
        path, status = self._path(order.name, "json"), self._path(order.name, "status")
        status.unlink(missing_ok=True)
        assignment = {
            "worker": order.name,
            "deployment": order.key.deployment,
            "network": order.key.network,
            "agent": self._agent,
            "python": order.site.python,
            "paths": list(order.site.paths),
            "status": str(status),
            "commit": order.site.commit,
            "token": token,
        }
        write_atomically(path, json.dumps(assignment).encode())
        return path

    def drain(self, key: Key) -> None:
        """Ask a worker to finish and end."""
        self._signal(key, signal.SIGTERM)

    def kill(self, key: Key) -> None:
        """End a worker at once."""
        self._signal(key, signal.SIGKILL)

    def _signal(self, key: Key, number: signal.Signals) -> None:
        if process := self._held.get(key):
            processes.send(process.pidfd, number)

    def collect(self, key: Key) -> Exited:
        """Let a worker go that has ended; tell how it did."""
        process = self._held.pop(key)
        code = processes.reap(process.pidfd)
        self._clear(process.name, process.token)
        return Exited(key, code, _read_tail(self._log_path(process.name)))

    def _clear(self, name: str, token: str) -> None:
        """Remove what a worker that has ended leaves, but not its log."""
        if left := processes.end_family(token):
            _log.warning("worker %s left %d processes, which were killed", name, left)
        shutil.rmtree(self._path(name, "scratch"), ignore_errors=True)
        for ending in ("json", "status"):
            self._path(name, ending).unlink(missing_ok=True)
        self._journal.strike(name)

    def pidfd(self, key: Key) -> int:
        """Return what becomes readable when this worker ends."""
        return self._held[key].pidfd

    def read_reports(self) -> dict[str, WorkerReport]:
        """Return what the workers wrote into their status files."""
        reports = {}
        for process in self._held.values():
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                content = self._path(process.name, "status").read_bytes()
                reports[process.name] = msgspec.json.decode(content, type=WorkerReport)
        return reports

    def show_life(self) -> bool:
        """Renew the file by which the workers know that their agent lives; tell whether it went."""
        aside = self._alive.with_suffix(".new")
        try:
            # As the workers do with their status: a full disk refuses a new file, not a touch.
            aside.write_text(_LIFE)
            aside.replace(self._alive)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._alive, error.strerror)
            return False
        return True

    def say_goodbye(self) -> None:
        """Take away the sign of life: this agent ended on purpose, and its workers with it."""
        self._alive.unlink(missing_ok=True)

    def trim_logs(self) -> None:
        """Keep the end of a log that grew over its cap, in a file beside it."""
        for process in self._held.values():
            with contextlib.suppress(OSError):
                _trim(self._log_path(process.name))

    def _path(self, name: str, ending: str) -> Path:
        return self.folder / f"{quote(name, safe='')}.{ending}"

    def _log_path(self, name: str) -> Path:
        return self._logs / f"{quote(name, safe='')}.log"


def _pick(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker inherits; it must find this very program, wherever that lies."""
    picked = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)
    }
    places = [str(_ROOT), *filter(None, [picked.get("PYTHONPATH")])]
    return picked | {"PYTHONPATH": os.pathsep.join(places)}


def _recognise(pid: int, token: str) -> Identity | None:
    """Return who has this pid, if it surely carries the token."""
    identity = processes.identify(pid) if pid else None
    return identity if identity and processes.carries(pid, token) else None


def _hold(identity: Identity | None, token: str) -> int | None:
    """Return a pidfd of the process that is meant; None for one that ended and for a stranger."""
    if identity is None or identity.boot_id != processes.boot_id():
        return None
    pidfd = processes.hold(identity)
    if pidfd is not None and processes.carries(identity.pid, token) is False:
        os.close(pidfd)
        return None
    return pidfd


def _read_tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def _trim(path: Path) -> None:
    """Copy and truncate: the worker goes on appending to the same file."""
    size = path.stat().st_size
    if size <= LOG_CAP:
        return
    with path.open("rb+") as file:
        file.seek(size - _LOG_KEPT)
        path.with_suffix(".log.1").write_bytes(file.read())
        file.truncate(0)
