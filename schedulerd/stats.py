"""Sampling: what things measure, kept as numbers over time.

A value is kept when it changed, and once a minute when it did not, so that a quiet system writes
next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from flowctl.broker.base import Depth
from flowctl.errors import BrokerUnavailable
from flowctl.model.fleet import Agent, Worker
from flowctl.model.flow import Processor
from flowctl.model.states import AgentStatus, CallStatus
from flowctl.model.work import CallFilter, Fleet, Sample
from flowctl.planning.wanted import wanted_cpus
from flowctl.services.control import Control
from flowctl.services.queues import specs_of
from schedulerd.model import Shelf

STALE = 60.0
"""Seconds after which an unchanged value is kept again."""

Series = tuple[str, str, str]
"""Kind, object and metric."""


class Sampler:
    """The last value of every series, in one term."""

    def __init__(self, control: Control, shelf: Shelf) -> None:
        self._control = control
        self._shelf = shelf
        self._last: dict[Series, tuple[float, float]] = {}

    def run(self, now: datetime) -> int:
        """Measure everything and keep what changed; return how much was kept."""
        fleet = self._control.store.fleet.snapshot()
        measured = fleet_values(fleet) | queue_values(self._depths()) | self._calls(now)
        moment = self._control.clock.monotonic()
        fresh = {key: value for key, value in measured.items() if self._is_news(key, value, moment)}
        if fresh:
            self._control.store.duty.sample(
                [
                    Sample(at=now, kind=kind, object=name, metric=metric, value=value)
                    for (kind, name, metric), value in fresh.items()
                ]
            )
        kept = {key: self._last[key] for key in measured if key in self._last}
        self._last = kept | {key: (value, moment) for key, value in fresh.items()}
        return len(fresh)

    def _is_news(self, key: Series, value: float, moment: float) -> bool:
        last = self._last.get(key)
        return last is None or last[0] != value or moment - last[1] >= STALE

    def _calls(self, now: datetime) -> dict[Series, float]:
        """Count the calls of the last minute, and those of them that failed."""
        calls, since = self._control.store.traffic.calls, now - timedelta(minutes=1)
        failed = (CallStatus.FAILED,)
        return {
            ("cluster", "all", "calls"): calls(CallFilter(since=since, limit=1))[1],
            ("cluster", "all", "failed"): calls(CallFilter(since=since, status=failed, limit=1))[1],
        }

    def _depths(self) -> Mapping[str, Depth]:
        model = self._shelf.fresh()
        names = [spec.name for spec in specs_of(model.sockets, model.plugs)]
        try:
            return self._control.broker.depth(names) if names else {}
        except BrokerUnavailable:
            return {}


def queue_values(depths: Mapping[str, Depth]) -> dict[Series, float]:
    """Return what queues hold."""
    values: dict[Series, float] = {}
    for name, depth in depths.items():
        values["queue", name, "ready"] = depth.ready
        values["queue", name, "unacked"] = depth.unacked
    return values


def fleet_values(fleet: Fleet) -> dict[Series, float]:
    """Return what agents, workers, processors and all of them together measure."""
    series = [
        *_series("agent", ((each.name, _of_agent(each)) for each in fleet.agents)),
        *_series("worker", ((each.name, _of_worker(each)) for each in fleet.workers)),
        *_series(
            "processor",
            ((f"{each.network}/{each.name}", _of_processor(each)) for each in fleet.processors),
        ),
        *_series("cluster", [("all", _of_all(fleet))]),
    ]
    return dict(series)


def _series(
    kind: str, objects: Iterable[tuple[str, dict[str, float]]]
) -> Iterator[tuple[Series, float]]:
    for name, values in objects:
        for metric, value in values.items():
            yield (kind, name, metric), value


def _of_agent(agent: Agent) -> dict[str, float]:
    resources = agent.resources
    used = resources.memory_total - resources.memory_available
    filled = resources.disk_total - resources.disk_free
    return {
        "cpu": round(resources.cpu_percent),
        "load": round(resources.load, 1),
        "memory": round(100 * used / resources.memory_total) if resources.memory_total else 0,
        "disk": round(100 * filled / resources.disk_total) if resources.disk_total else 0,
    }


def _of_worker(worker: Worker) -> dict[str, float]:
    return {
        "cpu": round(worker.cpu_percent),
        "memory": round(worker.memory, -6),
        "busy": worker.busy,
    }


def _of_processor(processor: Processor) -> dict[str, float]:
    return {
        "wanted": wanted_cpus(processor),
        "deployed": processor.deployed_cpus,
        "running": processor.running_cpus,
    }


def _of_all(fleet: Fleet) -> dict[str, float]:
    well = [agent for agent in fleet.agents if agent.status is AgentStatus.RUNNING]
    counts: dict[str, float] = {
        "agents": len(well),
        "cpus_total": sum(agent.cpus for agent in well),
        "cpus_running": sum(each.running_cpus for each in fleet.processors),
        "deployments": len(fleet.deployments),
        "processors": len(fleet.processors),
    }
    for each in fleet.processors:
        counts[f"processors_{each.status}"] = counts.get(f"processors_{each.status}", 0) + 1
    return counts
