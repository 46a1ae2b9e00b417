"""The table of hosts with gauges: what each has, how full it is, who says what of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.fleet import Agent
from flowctl.views.charts import gauge, sparkline
from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, age, one_line, percent, size

_TREND = 15


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with its agent."""

    agent: Agent
    hostname: str
    workers: int
    given: int
    """Cpus of its deployments."""
    cpu: tuple[float | None, ...]
    """Percent over time."""

    @property
    def name(self) -> str:
        """The agent's name, by which everybody calls the host."""
        return self.agent.name

    @property
    def memory_percent(self) -> float | None:
        """How much of the memory is in use."""
        found = self.agent.resources
        return _used(found.memory_total, found.memory_available)

    @property
    def disk_percent(self) -> float | None:
        """How much of the disk is in use."""
        found = self.agent.resources
        return _used(found.disk_total, found.disk_free)


def _used(total: int, free: int) -> float | None:
    return round(100.0 - 100.0 * free / total, 1) if total else None


def _bar(cells: int) -> Callable[[Any, datetime], str]:
    def show(value: Any, _now: datetime) -> str:
        if value is None:
            return NOTHING
        return f"{gauge(value, 100, cells)}{percent(value, 100):>5}"

    return show


def _trend(value: Any, _now: datetime) -> str:
    return sparkline(value, _TREND, top=100.0) if value else NOTHING


HOSTS = (
    Field("name", lambda row: row.agent.name),
    Field("status", lambda row: row.agent.status),
    Field("cpu_percent", lambda row: row.agent.resources.cpu_percent, _bar(6), title="CPU"),
    Field("memory_percent", lambda row: row.memory_percent, _bar(4), title="MEMORY"),
    Field("disk_percent", lambda row: row.disk_percent, _bar(4), title="DISK"),
    Field("load", lambda row: row.agent.resources.load, lambda v, _: f"{v:.1f}", right=True),
    Field("sentence", lambda row: row.agent.sentence, lambda v, _: one_line(v, 60) or NOTHING,
          title="LAST CYCLE"),
    Field("workers", lambda row: row.workers, right=True),
    Field("given", lambda row: row.given, right=True, title="GIVEN"),
    Field("cpus", lambda row: row.agent.cpus, right=True),
    Field("cpu_history", lambda row: row.cpu, _trend, title="CPU, 15 MIN"),
    Field("heartbeat_at", lambda row: row.agent.heartbeat_at, lambda v, now: age(v, now),
          title="HEARTBEAT"),
    Field("requested_status", lambda row: row.agent.requested_status, title="WANTED"),
    Field("hostname", lambda row: row.hostname, wide=True),
    Field("memory", lambda row: row.agent.resources.memory_total, lambda v, _: size(v), right=True,
          wide=True, title="MEMORY IN ALL"),
    Field("disk_free", lambda row: row.agent.resources.disk_free, lambda v, _: size(v), right=True,
          wide=True),
    Field("labels", lambda row: row.agent.labels, wide=True),
    Field("version", lambda row: row.agent.version, wide=True),
    Field("pid", lambda row: row.agent.pid, right=True, wide=True),
    Field("port", lambda row: row.agent.port, right=True, wide=True),
)  # fmt: skip


def hosts(rows: Iterable[HostRow], now: datetime) -> Table:
    """Return the table of hosts."""
    return build("hosts", HOSTS, rows, now)
