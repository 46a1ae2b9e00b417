"""Tables of what the flows run on: nodes, agents, schedulers, deployments, workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flowctl.model.fleet import Agent, Deployment, Lease, Node, Worker
from flowctl.views.flow import properties
from flowctl.views.table import Field, Sheet, Table, build, builtin
from flowctl.views.text import NOTHING, age, one_line, percent, size


def _ago(value: Any, now: datetime) -> str:
    return age(value, now)


def _size(value: Any, _now: datetime) -> str:
    return size(value) if value else NOTHING


def _short(value: Any, _now: datetime) -> str:
    return one_line(str(value or ""), 60) or NOTHING


def _decimal(value: Any, _now: datetime) -> str:
    return f"{value:.2f}"


def _percent(value: Any, _now: datetime) -> str:
    return percent(value, 100)


def _free(thing: Node | Agent) -> int:
    resources = thing.resources
    if not resources.memory_total:
        return 0
    return round(100 * resources.memory_available / resources.memory_total)


NODES = (
    Field("name", lambda node: node.name),
    Field("hostname", lambda node: node.hostname),
    Field("cpus", lambda node: node.resources.cpus, right=True),
    Field("load", lambda node: node.resources.load, _decimal, right=True),
    Field("memory", lambda node: node.resources.memory_total, _size, right=True),
    Field("free_memory_percent", _free, _percent, right=True, title="FREE MEM"),
    Field(
        "used_memory_percent",
        lambda node: 100 - _free(node),
        _percent,
        right=True,
        title="USED MEM",
    ),
    Field("disk_free", lambda node: node.resources.disk_free, _size, right=True),
    Field("boot_id", lambda node: node.boot_id, wide=True),
    Field("updated_at", lambda node: node.updated_at, _ago, title="UPDATED"),
)


def nodes(values: Iterable[Node], now: datetime) -> Table:
    """Return the table of nodes."""
    return build("nodes", NODES, values, now)


AGENTS = (
    Field("name", lambda agent: agent.name),
    Field("status", lambda agent: agent.status),
    Field("requested_status", lambda agent: agent.requested_status, title="WANTED"),
    Field("cpus", lambda agent: agent.cpus, right=True),
    Field(
        "cpu_percent", lambda agent: agent.resources.cpu_percent, _percent, right=True, title="CPU"
    ),
    Field("load", lambda agent: agent.resources.load, _decimal, right=True),
    Field("free_memory_percent", _free, _percent, right=True, title="FREE MEM"),
    Field("heartbeat_at", lambda agent: agent.heartbeat_at, _ago, title="HEARTBEAT"),
    Field("labels", lambda agent: agent.labels, wide=True),
    Field("node", lambda agent: agent.node, wide=True),
    Field("pid", lambda agent: agent.pid, wide=True, right=True),
    Field("port", lambda agent: agent.port, wide=True, right=True),
    Field("version", lambda agent: agent.version, wide=True),
    Field("sentence", lambda agent: agent.sentence, _short, title="LAST CYCLE"),
)


def agents(values: Iterable[Agent], now: datetime) -> Table:
    """Return the table of agents."""
    return build("agents", AGENTS, values, now)


SCHEDULERS = (
    Field("name", lambda lease: lease.holder),
    Field("role", lambda _lease: "leader"),
    Field("term", lambda lease: lease.term, right=True),
    Field("expires_at", lambda lease: lease.expires_at, _ago, title="LEASE ENDS"),
)


def schedulers(lease: Lease | None, now: datetime) -> Table:
    """Return the table of the scheduler that leads."""
    held = [lease] if lease else []
    return build("schedulers", SCHEDULERS, held, now, name=lambda lease: str(lease.holder))


DEPLOYMENTS = (
    Field("name", lambda deployment: deployment.name),
    Field("network", lambda deployment: deployment.network),
    Field("processor", lambda deployment: deployment.processor),
    Field("agent", lambda deployment: deployment.agent),
    Field("cpus", lambda deployment: deployment.cpus, right=True),
    Field("status", lambda deployment: deployment.status),
    Field("requested_status", lambda item: item.requested_status, title="WANTED"),
    Field("pinned", lambda deployment: deployment.pinned, wide=True),
    Field("updated_at", lambda item: item.updated_at, _ago, title="UPDATED"),
    Field("reason", lambda deployment: deployment.reason, _short),
)


def deployments(values: Iterable[Deployment], now: datetime) -> Table:
    """Return the table of deployments."""
    return build("deployments", DEPLOYMENTS, values, now)


WORKERS = (
    Field("name", lambda worker: worker.name),
    Field("processor", lambda worker: worker.processor),
    Field("agent", lambda worker: worker.agent),
    Field("status", lambda worker: worker.status),
    Field("executors", lambda worker: worker.executors, right=True),
    Field("busy", lambda worker: worker.busy, right=True),
    Field("cpu_percent", lambda worker: worker.cpu_percent, _percent, right=True, title="CPU"),
    Field("memory", lambda worker: worker.memory, _size, right=True),
    Field("restarts", lambda worker: worker.restarts, right=True),
    Field("pid", lambda worker: worker.pid, wide=True, right=True),
    Field("commit", lambda worker: worker.commit[:12], wide=True),
    Field("network", lambda worker: worker.network, wide=True),
    Field("heartbeat_at", lambda worker: worker.heartbeat_at, _ago, title="HEARTBEAT"),
    Field("reason", lambda worker: worker.reason, _short),
)


def workers(values: Iterable[Worker], now: datetime) -> Table:
    """Return the table of workers."""
    return build("workers", WORKERS, values, now)


def node_sheet(node: Node, own: Sequence[Agent], now: datetime) -> Sheet:
    """Return everything about one node."""
    return Sheet(
        kind="node",
        name=node.name,
        properties=properties(NODES, node, now),
        document=builtin(node),
        tables=(("Agents", agents(own, now)),),
    )


def agent_sheet(
    agent: Agent, claims: Sequence[Deployment], own: Sequence[Worker], now: datetime
) -> Sheet:
    """Return everything about one agent."""
    return Sheet(
        kind="agent",
        name=agent.name,
        properties=properties(AGENTS, agent, now),
        document=builtin(agent),
        tables=(("Deployments", deployments(claims, now)), ("Workers", workers(own, now))),
    )


def deployment_sheet(deployment: Deployment, own: Sequence[Worker], now: datetime) -> Sheet:
    """Return everything about one deployment."""
    texts = (("Reason", deployment.reason),) if "\n" in deployment.reason else ()
    return Sheet(
        kind="deployment",
        name=deployment.name,
        properties=properties(DEPLOYMENTS, deployment, now),
        document=builtin(deployment),
        tables=(("Workers", workers(own, now)),),
        texts=texts,
    )


def worker_sheet(worker: Worker, now: datetime) -> Sheet:
    """Return everything about one worker."""
    return Sheet(
        kind="worker",
        name=worker.name,
        properties=properties(WORKERS, worker, now),
        document=builtin(worker),
        texts=(("Reason", worker.reason),) if "\n" in worker.reason else (),
    )
