"""The environment that a processor runs in: an interpreter, import folders, a pinned commit.

Environments are named by what they are made of, so equal ones are built once on a host and shared
by all deployments. A processor without requirements runs on the interpreter that ours is based on:
it sees the standard library and nothing of ours.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from agentd.builds import BuildLog, alone, aside, is_busy, run, unfinished
from agentd.sources import Code, fetch_code, passwords
from flowctl.clock import Clock, SystemClock
from flowctl.errors import BuildFailed
from flowctl.model.flow import ProcessorSpec
from flowctl.model.work import Assignment
from flowctl.settings import Settings, load

INSTALL_SECONDS = 1200.0
UNUSED = timedelta(days=7)
"""How long an environment that nobody uses is kept."""
_SHEBANG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Environment:
    """What a worker needs to know in order to run a processor's code."""

    python: str
    paths: tuple[str, ...]
    commit: str
    key: str
    note: str = ""
    """What a person should know of how it came about."""


class _Use(msgspec.Struct, frozen=True):
    """What an environment consists of; the age of this record is that of its last use."""

    venv: str = ""
    commit: str = ""
    mirror: str = ""


def build(
    assignment: Assignment, *, settings: Settings | None = None, clock: Clock | None = None
) -> Environment:
    """Bring code and packages of a deployment to this host, or find them there.

    Raises:
        BuildFailed: one of them cannot be had; the reason ends with the last lines that were said.
    """
    settings, clock = settings or load(), clock or SystemClock()
    spec = assignment.processor.spec
    log = BuildLog(log_path(spec, settings), passwords(spec.source.url))
    log.begin(f"{assignment.processor.network}/{spec.name}", clock)
    try:
        return _build(spec, settings.paths.cache, log, clock)
    except OSError as error:
        raise log.fail(f"the environment cannot be built: {error}") from error
    except BuildFailed as error:
        log.write(f"failed: {error}")
        if not error.log:
            raise log.fail(str(error), remedy=error.remedy) from error
        raise


def log_path(spec: ProcessorSpec, settings: Settings) -> Path:
    """Return where the words of a processor's builds are kept."""
    declared = msgspec.json.encode((spec.source, spec.requirements))
    return settings.paths.logs / "builds" / f"{_digest(declared)}.log"


def check_requirements(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the requirements to install, without blank lines and comments.

    Raises:
        BuildFailed: one of them is an option to the installer rather than a package.
    """
    wanted = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        options = [word for word in text.split() if word.startswith("-")]
        if not text.isprintable() or any(not word.startswith("--hash=") for word in options):
            raise BuildFailed(
                f'requirements: "{ascii(text)[1:-1]}" is not a package',
                remedy="name a package and its versions; of the options only --hash= is allowed",
            )
        wanted.append(text)
    return tuple(wanted)


def prune(
    keep: set[str],
    older_than: timedelta = UNUSED,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> list[str]:
    """Remove what no environment in `keep` needs and nobody used for a while; return its names.

    What is kept counts as used now, so that another agent that shares the cache keeps it too.
    """
    settings, clock = settings or load(), clock or SystemClock()
    cache = settings.paths.cache
    now = clock.now().timestamp()
    before = now - older_than.total_seconds()
    needed: set[str] = set()
    for record in sorted((cache / "uses").glob("*.json")):
        if record.stem in keep:
            os.utime(record, (now, now))
        if record.stat().st_mtime >= before:
            use = _read_use(record)
            needed |= {use.venv, use.commit, use.mirror}
        else:
            record.unlink(missing_ok=True)
    removed = []
    for room in ("venvs", "checkouts", "git"):
        removed += _prune_room(cache / room, needed, before, clock)
    return removed


def _build(spec: ProcessorSpec, cache: Path, log: BuildLog, clock: Clock) -> Environment:
    wanted = check_requirements(spec.requirements)
    code = fetch_code(spec.source, cache=cache, log=log, clock=clock)
    python, venv = _base_python(), ""
    if wanted or not _is_clean():
        venv = _digest(msgspec.json.encode((wanted, _platform())))
        python = _venv(cache / "venvs" / venv, wanted, log, clock)
    key = _digest(msgspec.json.encode((code.identity, wanted, _platform())))
    _record(cache, key, _Use(venv, code.commit, code.mirror))
    log.write(f"ready: {_describe(code, python)}")
    return Environment(python, code.paths, code.commit, key, code.note)


def _describe(code: Code, python: str) -> str:
    return f"commit {code.commit}, {python}" if code.commit else python


def _venv(folder: Path, wanted: tuple[str, ...], log: BuildLog, clock: Clock) -> str:
    """Return the interpreter of the environment with these packages, built where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        with alone(folder, clock=clock):
            if not python.exists():
                shutil.rmtree(folder, ignore_errors=True)
                with aside(folder) as work:
                    _install(work, wanted, log)
                    _move(work, folder)
    os.utime(folder)
    return str(python)


def _install(work: Path, wanted: tuple[str, ...], log: BuildLog) -> None:
    uv, python = _find_uv(), str(work / "bin" / "python")
    if uv:
        make = [uv, "venv", "--allow-existing", "--no-project", "--no-python-downloads"]
        install = [uv, "pip", "install", "--compile-bytecode", "--no-progress", "--python", python]
        make += ["--python", _base_python()]
    else:
        make = [_base_python(), "-I", "-m", "venv", *([] if wanted else ["--without-pip"])]
        install = [python, "-I", "-m", "pip", "install", "--no-input", "--progress-bar=off"]
    _run_tool([*make, str(work)], "making the environment", log)
    if not wanted:
        return
    listing = work / "requirements.txt"
    listing.write_text("".join(f"{line}\n" for line in wanted))
    hashed = ["--require-hashes"] if any("--hash=" in line for line in wanted) else []
    _run_tool([*install, *hashed, "-r", str(listing)], "installing the requirements", log)


def _run_tool(command: list[str], what: str, log: BuildLog) -> None:
    run(command, what, log=log, timeout=INSTALL_SECONDS)


def _move(work: Path, folder: Path) -> None:
    """Make the scripts of an environment speak of the folder that it is about to move to."""
    old, new = str(work).encode(), str(folder).encode()
    for script in (work / "bin").iterdir():
        if script.is_symlink() or not script.is_file() or script.stat().st_size > _SHEBANG_BYTES:
            continue
        text = script.read_bytes()
        if old in text and b"\0" not in text:
            script.write_bytes(text.replace(old, new))


def _find_uv() -> str:
    if importlib.util.find_spec("uv") is not None:
        beside = Path(sys.executable).with_name("uv")
        if beside.exists():
            return str(beside)
    return shutil.which("uv") or ""


def _base_python() -> str:
    """Return the interpreter below the virtual environment that we may run in."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return base


def _is_clean() -> bool:
    """Tell whether the base interpreter is free of our packages: we run in an environment."""
    return sys.prefix != sys.base_prefix


def _platform() -> tuple[str, ...]:
    return (platform.python_version(), _base_python(), platform.machine(), sys.platform)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]


def _record(cache: Path, key: str, use: _Use) -> None:
    record = cache / "uses" / f"{key}.json"
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Processors of one source share the record, and are built in threads of one process.
    fresh = record.with_name(f"{record.name}.{os.getpid()}-{threading.get_ident()}")
    fresh.write_bytes(msgspec.json.encode(use))
    fresh.replace(record)


def _read_use(record: Path) -> _Use:
    try:
        return msgspec.json.decode(record.read_bytes(), type=_Use)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return _Use()


def _prune_room(room: Path, needed: set[str], before: float, clock: Clock) -> list[str]:
    if not room.is_dir():
        return []
    removed = []
    for work, target in unfinished(room):
        if not is_busy(target):
            shutil.rmtree(work, ignore_errors=True)
            removed.append(work.name)
    for folder in sorted(room.iterdir()):
        if folder.is_dir() and ".tmp-" not in folder.name and folder.name not in needed:
            removed += _remove(folder, before, clock)
    return removed


def _remove(folder: Path, before: float, clock: Clock) -> list[str]:
    """Remove a folder that was not touched since; a builder that wants it now wins."""
    with suppress(BuildFailed), alone(folder, clock=clock, wait=0.0):
        if folder.stat().st_mtime < before:
            gone = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            return [folder.name]
    return []
