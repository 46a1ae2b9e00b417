"""The check of an installation: each finding is a line, with a remedy where one is needed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

import flowctl
from flowctl.errors import FlowError
from flowctl.model.states import AgentStatus
from flowctl.services import crew, fleet
from flowctl.services.control import Control
from flowctl.settings import redact

Grade = Literal["ok", "warn", "fail"]

_LOW_DISK = 1024**3
_SKEW = 5.0
"""Seconds that a heartbeat may lie in the future before a clock is wrong."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    check: str
    grade: Grade
    said: str
    remedy: str = ""


def examine(control: Control) -> list[Finding]:
    """Check everything that can be checked from here; a check that breaks is a finding itself."""
    found: list[Finding] = []
    for check in _CHECKS:
        # What looks into a database that does not answer has nothing to add to the database's line.
        if check not in _IN_DATABASE or not any(_is_database_failure(each) for each in found):
            found += _tried(check, control)
    return found


def _is_database_failure(finding: Finding) -> bool:
    return finding.check == "database" and finding.grade == "fail"


def _tried(check: Callable[[Control], Iterator[Finding]], control: Control) -> list[Finding]:
    name = check.__name__.strip("_")
    try:
        return list(check(control))
    except FlowError as error:
        return [Finding(check=name, grade="fail", said=error.message, remedy=error.remedy)]


def _python(_control: Control) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(check="python", grade="ok", said=f"{version}, flowctl {flowctl.__version__}")


def _home(control: Control) -> Iterator[Finding]:
    paths = control.settings.paths
    for folder in sorted({paths.config.parent, paths.data, paths.logs, paths.run}):
        if not folder.exists():
            continue
        mode = folder.stat().st_mode & 0o077
        if mode and folder != paths.config.parent:
            said = f"{folder} can be read by others"
            yield Finding(check="home", grade="warn", said=said, remedy=f"chmod 700 {folder}")
    yield Finding(check="home", grade="ok", said=str(paths.data))


def _disk(control: Control) -> Iterator[Finding]:
    folder = next(
        item for item in (control.settings.paths.data, Path.home(), Path("/")) if item.exists()
    )
    free = shutil.disk_usage(folder).free
    low = free < _LOW_DISK
    said = f"{free / 1024**3:.1f} GiB free at {folder}"
    yield Finding(
        check="disk", grade="warn" if low else "ok", said=said, remedy="make room" if low else ""
    )


def _database(control: Control) -> Iterator[Finding]:
    found, wanted = control.store.schema()
    if found != wanted:
        said = f"schema {found}, this flowctl needs {wanted}"
        remedy = "flowctl db migrate" if found < wanted else "upgrade flowctl on this host"
        yield Finding(check="database", grade="fail", said=said, remedy=remedy)
    else:
        yield Finding(check="database", grade="ok", said=f"{control.store.check()}, schema {found}")


def _broker(control: Control) -> Iterator[Finding]:
    yield Finding(check="broker", grade="ok", said=control.broker.check())


def _pair(control: Control) -> Iterator[Finding]:
    settings = control.settings
    state, broker = settings.state.split(":")[0], settings.broker.split(":")[0]
    if not settings.shared and not settings.embedded:
        said = f"{state} and {broker}: one of them is only of this machine"
        remedy = "set FLOWCTL_STATE and FLOWCTL_BROKER both to servers, or neither"
        yield Finding(check="pair", grade="warn", said=said, remedy=remedy)
        return
    hosts = {node.hostname for node in fleet.nodes(control)}
    if settings.state.startswith("sqlite:") and len(hosts) > 1:
        said = f"agents on {len(hosts)} hosts, but the state is a file: {redact(settings.state)}"
        yield Finding(check="pair", grade="fail", said=said, remedy="move the state to Postgres")
    else:
        yield Finding(check="pair", grade="ok", said=f"{state} and {broker}")


def _daemons(control: Control) -> Iterator[Finding]:
    lease = fleet.leader(control)
    if lease is None:
        yield Finding(
            check="scheduler",
            grade="warn",
            said="nobody leads",
            remedy="flowctl up, or start schedulerd",
        )
    else:
        yield Finding(
            check="scheduler", grade="ok", said=f"{lease.holder} leads, term {lease.term}"
        )
    agents = fleet.agents(control)
    running = [agent for agent in agents if agent.status is AgentStatus.RUNNING]
    said = f"{len(running)} of {len(agents)} running"
    remedy = "" if running else "flowctl up, or start agentd on a host"
    yield Finding(check="agents", grade="ok" if running else "warn", said=said, remedy=remedy)
    gone = [
        member.name for member in crew.recorded(control.settings.paths) if not crew.is_alive(member)
    ]
    if gone:
        said = f"{', '.join(gone)} was started by `up` and is gone"
        yield Finding(check="up", grade="warn", said=said, remedy="flowctl up -d starts it again")


def _versions(control: Control) -> Iterator[Finding]:
    others = {agent.version for agent in fleet.agents(control)} - {flowctl.__version__, ""}
    if others:
        said = f"agents run {', '.join(sorted(others))}, this is {flowctl.__version__}"
        yield Finding(check="versions", grade="warn", said=said, remedy="upgrade the older ones")


def _clock(control: Control) -> Iterator[Finding]:
    now = control.clock.now()
    ahead = [
        agent.name
        for agent in fleet.agents(control)
        if (agent.heartbeat_at - now).total_seconds() > _SKEW
    ]
    if ahead:
        said = f"the clock of {', '.join(ahead)} is ahead of ours"
        yield Finding(
            check="clock", grade="warn", said=said, remedy="run a time service on all hosts"
        )
    else:
        yield Finding(check="clock", grade="ok", said=f"{now:%Y-%m-%d %H:%M:%S} UTC")


_CHECKS = (_python, _home, _disk, _database, _broker, _pair, _daemons, _versions, _clock)
_IN_DATABASE = (_pair, _daemons, _versions, _clock)
