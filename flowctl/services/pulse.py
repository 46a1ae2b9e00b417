"""The pulse: everything at one look, and first of all what is not as it should be, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from flowctl.model.fleet import Agent, Lease
from flowctl.model.flow import Processor
from flowctl.model.states import AgentStatus, CallStatus
from flowctl.model.work import CallFilter
from flowctl.services import fleet, flows, health, levels, series
from flowctl.services.control import Control
from flowctl.services.levels import Measured
from flowctl.services.names import scope
from flowctl.views.levels import Level
from flowctl.views.pulse import Finding, Pulse, Values
from flowctl.views.text import age, plural

MINUTES = 15.0
"""How far back the small charts go."""
_POINTS = 60
_GONE = (AgentStatus.LOST, AgentStatus.SUSPECT)
_COUNTED = 1000


def take(control: Control, network: str = "") -> Pulse:
    """Look at a network, or at all of them, once."""
    network = scope(control, network)
    leader, agents = fleet.leader(control), tuple(fleet.agents(control))
    processors = control.store.flows.processors(network)
    numbers = levels.measured(control, network)
    queues = levels.listed(control, network, numbers)
    broker = all(each.ready is not None for each in queues)
    calls = series.of(control, "cluster", "all", minutes=MINUTES, points=_POINTS)
    findings = (
        *_daemons(control, leader, agents, broker=broker),
        *_processors(processors),
        *_queues(queues, processors),
        *_failed(control, network),
        *_limits(numbers),
    )
    held = [each for each in queues if _held(each)]
    return Pulse(
        at=control.clock.now(),
        leader=leader,
        findings=findings,
        flows=tuple(flows.listed(control, network)),
        agents=agents,
        cpu={each.name: _cpu(control, each.name) for each in agents},
        levels=tuple(sorted(held, key=lambda each: -_held(each))),
        calls=calls["calls"].values if "calls" in calls else (),
        failed=calls["failed"].values if "failed" in calls else (),
        minutes=MINUTES,
        broker=broker,
    )


def _held(level: Level) -> int:
    return (level.ready or 0) + (level.unacked or 0)


def _cpu(control: Control, name: str) -> Values:
    found = series.of(control, "agent", name, minutes=MINUTES, points=_POINTS)
    return found["cpu"].values if "cpu" in found else ()


def _daemons(
    control: Control, leader: Lease | None, agents: Sequence[Agent], *, broker: bool
) -> Iterator[Finding]:
    if not broker:
        yield Finding("the broker does not answer: nothing can be sent or taken", view="queues")
    if leader is None:
        what = "no scheduler leads: nothing is placed, nothing fires"
        yield Finding(what, view="schedulers")
    if not any(each.status is AgentStatus.RUNNING for each in agents):
        yield Finding("no agent is running: nothing can be executed", view="hosts")
    for each in agents:
        if each.status in _GONE:
            silent = age(each.heartbeat_at, control.clock.now())
            moved = (
                "its work is moved" if each.status is AgentStatus.LOST else "nothing is moved yet"
            )
            what = f"host {each.name} is {each.status}: silent for {silent}, {moved}"
            wanted = {"requested_status": str(each.requested_status)}
            yield Finding(what, "agent", each.name, document=wanted)


def _processors(processors: Iterable[Processor]) -> Iterator[Finding]:
    for each in processors:
        standing = health.as_wanted(each)
        if not standing.done:
            what = f"{each.network}/{standing.sentence}"
            yield Finding(
                what, "processor", each.name, each.network,
                bad=bool(each.error), document=_document(each),
            )  # fmt: skip


def _document(each: Processor) -> dict[str, object]:
    return {"cpus": each.spec.cpus, "requested_status": str(each.requested_status)}


def _queues(levels_: Iterable[Level], processors: Iterable[Processor]) -> Iterator[Finding]:
    told = {(each.network, each.name) for each in processors if not health.as_wanted(each).done}
    for each in levels_:
        if each.role == "dead" and _held(each):
            what = f"{plural(_held(each), 'dead letter')} of {each.network}/{each.owner}: Q sends them back"
            yield Finding(what, "queue", each.name, each.network, document={"ready": each.ready})
        elif each.status and (each.network, _reader(each)) not in told:
            what = f"{plural(_held(each), 'message')} in {each.name}: nobody takes them"
            yield Finding(what, "queue", each.name, each.network, bad=False)


def _reader(level: Level) -> str:
    """Return the processor that takes from a queue."""
    target = level.owner.rpartition("-")[2] if level.role == "plug" else level.owner
    return target.partition(".")[0]


def _failed(control: Control, network: str) -> Iterator[Finding]:
    wanted = CallFilter(
        network=network, status=(CallStatus.FAILED,), limit=1, most=_COUNTED,
        since=control.clock.now() - timedelta(minutes=1),
    )  # fmt: skip
    newest, total = control.store.traffic.calls(wanted)
    if not newest:
        return
    last = newest[0]
    failure = f": {last.failure.type}: {last.failure.message}" if last.failure else ""
    what = f"{plural(total, 'call')} failed in the last minute, the last in {last.socket}{failure}"
    yield Finding(what, "call", last.id, last.network)


def _limits(numbers: Measured) -> Iterator[Finding]:
    for topology, reading in numbers:
        if (limit := reading.limit) is not None and not limit.stuck:
            name = topology.network.name
            what = f"{name}/{limit.processor} limits its flow: {limit.reason}"
            more = f"; {plural(limit.cpus, 'cpu')} would balance it"
            found = next(each for each in topology.processors if each.name == limit.processor)
            yield Finding(
                what + more, "processor", limit.processor, name,
                bad=False, document=_document(found),
            )  # fmt: skip
