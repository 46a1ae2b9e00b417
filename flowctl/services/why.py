"""Why a processor is as it is: evidence from everywhere, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowctl.errors import BrokerUnavailable
from flowctl.model.flow import Processor
from flowctl.model.states import AgentStatus, CallStatus, DeploymentStatus, Desired, ProcessorStatus
from flowctl.model.work import CallFilter
from flowctl.services import fleet, health, processors, queues
from flowctl.services.control import Control
from flowctl.views.text import plural


class Reason(Struct, frozen=True, kw_only=True):
    """One cause or clue."""

    what: str
    remedy: str = ""


def why(control: Control, address: str) -> tuple[Processor, list[Reason]]:
    """Return a processor and the reasons for its state, the likeliest first."""
    found = processors.find(control, address)
    standing = health.as_wanted(found)
    reasons = [
        *_wanted(found),
        *_daemons(control, found),
        *_error(found),
        *_placement(control, found),
        *_traffic(control, found),
    ]
    if not reasons:
        reasons = [Reason(what=standing.sentence + (", as wanted" if standing.done else ""))]
    return found, reasons


def _wanted(found: Processor) -> Iterator[Reason]:
    if found.requested_status is not Desired.RUNNING:
        yield Reason(
            what=f"somebody asked it to be {found.requested_status}",
            remedy=f"flowctl start {found.name}",
        )
    if found.closed:
        remedy = f"flowctl gate open {found.name}"
        yield Reason(what="somebody closed the gate: what comes waits before it", remedy=remedy)
    if not found.spec.enabled:
        yield Reason(
            what="its recipe says `enabled: false`", remedy="change the recipe and apply it"
        )
    if not found.spec.cpus and not found.spec.scale:
        yield Reason(what="it is scaled to 0 cpus", remedy=f"flowctl scale {found.name}=1")


def _daemons(control: Control, found: Processor) -> Iterator[Reason]:
    if health.as_wanted(found).done:
        return
    if fleet.leader(control) is None:
        yield Reason(
            what="no scheduler leads, so nothing is placed",
            remedy="flowctl up, or start schedulerd",
        )
    if not any(agent.status is AgentStatus.RUNNING for agent in fleet.agents(control)):
        yield Reason(what="no agent is running", remedy="flowctl up, or start agentd on a host")


def _error(found: Processor) -> Iterator[Reason]:
    if found.error:
        remedy = f"flowctl show processor {found.name}"
        yield Reason(what=found.error.strip(), remedy=remedy)
    elif found.status is ProcessorStatus.PENDING:
        yield Reason(what="it waits to be placed", remedy="flowctl ls agents")


def _placement(control: Control, found: Processor) -> Iterator[Reason]:
    for item in fleet.deployments(control, found.network, found.name):
        if item.status in (DeploymentStatus.ERROR, DeploymentStatus.LOST):
            what = f"deployment {item.name} on {item.agent} is {item.status}: {item.reason.strip()}"
            if item.reason.strip() not in found.error:
                yield Reason(what=what, remedy=f"flowctl logs {found.name}")
    for worker in fleet.workers(control, found.network, found.name):
        if worker.reason and worker.reason.strip() not in found.error:
            yield Reason(what=f"worker {worker.name} is {worker.status}: {worker.reason}")


def _traffic(control: Control, found: Processor) -> Iterator[Reason]:
    rows = control.store.flows.sockets(found.network, found.name)
    try:
        held = queues.waiting(control, [row.queue for row in rows])
    except BrokerUnavailable as error:
        yield Reason(what=error.message, remedy="flowctl doctor")
        held = {}
    serves = found.status is ProcessorStatus.RUNNING
    for name, count in held.items():
        yield Reason(
            what=f"{plural(count, 'message')} waiting in {name}",
            remedy=f"flowctl scale {found.name}=+1" if serves else "",
        )
    wanted = CallFilter(
        network=found.network, processor=found.name, status=(CallStatus.FAILED,), limit=1
    )
    newest, total = control.store.traffic.calls(wanted)
    if newest and newest[0].failure:
        failure = newest[0].failure
        what = f"{plural(total, 'call')} failed, the last with {failure.type}: {failure.message}"
        yield Reason(what=what, remedy=f"flowctl show call {newest[0].id[:12]}")
