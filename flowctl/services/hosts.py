"""The hosts: what each has, how full it is, what runs there, and how that was in the last minutes."""

from __future__ import annotations

from collections import Counter

from flowctl.model.states import DeploymentStatus
from flowctl.services import fleet, series
from flowctl.services.control import Control
from flowctl.views.hosts import HostRow, hosts
from flowctl.views.table import Table

MINUTES = 15.0
_POINTS = 45
_ENDED = frozenset({DeploymentStatus.STOPPED, DeploymentStatus.LOST})


def listed(control: Control) -> list[HostRow]:
    """Return a row for each host."""
    nodes = {each.name: each.hostname for each in fleet.nodes(control)}
    workers = Counter(each.agent for each in control.store.fleet.workers())
    given: Counter[str] = Counter()
    for each in control.store.fleet.deployments():
        if each.status not in _ENDED:
            given[each.agent] += each.cpus
    return [
        HostRow(
            agent=each,
            hostname=nodes.get(each.node, ""),
            workers=workers[each.name],
            given=given[each.name],
            cpu=_cpu(control, each.name),
        )
        for each in fleet.agents(control)
    ]


def _cpu(control: Control, name: str) -> tuple[float | None, ...]:
    found = series.of(control, "agent", name, minutes=MINUTES, points=_POINTS)
    return found["cpu"].values if "cpu" in found else ()


def page(control: Control) -> Table:
    """Return the table of hosts."""
    return hosts(listed(control), control.clock.now())
