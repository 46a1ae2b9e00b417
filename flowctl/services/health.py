"""Whether things are as wanted: of one processor, of a network, of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from flowctl.errors import BrokerUnavailable, Refused
from flowctl.model.fleet import Agent, Lease
from flowctl.model.flow import Processor
from flowctl.model.states import AgentStatus, CallStatus, DeploymentStatus, Desired, ProcessorStatus
from flowctl.model.work import CallFilter
from flowctl.planning.health import health as judge
from flowctl.services import fleet, queues, waiting
from flowctl.services.control import Control
from flowctl.services.names import scope

KEEPS_SERVING = "the version before keeps serving"
"""How an error begins that disturbs nobody yet."""

_RESTING = {
    Desired.PAUSED: frozenset({ProcessorStatus.PAUSED}),
    Desired.STOPPED: frozenset({ProcessorStatus.STOPPED, ProcessorStatus.READY}),
    Desired.REMOVED: frozenset({ProcessorStatus.STOPPED, ProcessorStatus.READY}),
}


def as_wanted(processor: Processor) -> waiting.Standing:
    """Tell whether a processor is as it is wanted, and if not what it waits for."""
    name, spec = processor.name, processor.spec
    if processor.requested_status is not Desired.RUNNING or not spec.enabled:
        wanted = processor.requested_status if spec.enabled else Desired.STOPPED
        resting = _RESTING.get(wanted, frozenset({ProcessorStatus.STOPPED}))
        return waiting.Standing(processor.status in resting, f"{name} is {processor.status}")
    if spec.scale is None and spec.cpus == 0:
        return waiting.Standing(processor.running_cpus == 0, f"{name} runs on no cpu")
    wanted_cpus = spec.scale.min if spec.scale else spec.cpus
    serves = processor.running_cpus >= wanted_cpus and processor.deployed_cpus >= wanted_cpus
    exact = spec.scale is not None or processor.running_cpus == processor.deployed_cpus == spec.cpus
    why = f": {processor.error.splitlines()[0]}" if processor.error else ""
    sentence = f"{name} is {processor.status}, {processor.running_cpus} of {wanted_cpus} cpus{why}"
    return waiting.Standing(serves and exact, sentence)


class Before(Struct, frozen=True, kw_only=True):
    """How processors were served before something was asked of them."""

    versions: dict[tuple[str, str], tuple[int, int]]
    workers: frozenset[tuple[str, int]]
    """Names and pids: a worker whose version is replaced has to go before things are as wanted."""
    broken: frozenset[str]
    """Receipts of the deployments in error: of these errors nobody wants to hear again."""


def before(control: Control, network: str = "") -> Before:
    """Return how the processors of a network (or of all) are served, for a wait after a change."""
    found = control.store.flows.processors(network)
    deployments = control.store.fleet.deployments(network)
    return Before(
        versions={(item.network, item.name): _version(item) for item in found},
        workers=frozenset((item.name, item.pid) for item in control.store.fleet.workers(network)),
        broken=frozenset(i.receipt for i in deployments if i.status is DeploymentStatus.ERROR),
    )


NOTHING_BEFORE = Before(versions={}, workers=frozenset(), broken=frozenset())


def await_processors(
    control: Control,
    names: Sequence[tuple[str, str]],
    *,
    since: Before = NOTHING_BEFORE,
    timeout: float = 0.0,
    on_change: Callable[[str], None] = lambda _sentence: None,
) -> str:
    """Wait until these (network, processor) are as wanted; `since` is how they were before.

    Raises:
        TimedOut: they were not in time; the message says what was missing.
        Refused: one is in error, so waiting cannot help.
    """

    def look() -> waiting.Standing:
        found = [control.store.flows.processor(name, network) for network, name in names]
        return _standing(control, found, since)

    return waiting.until(look, control.clock, timeout=timeout, on_change=on_change)


def await_network(
    control: Control,
    network: str,
    *,
    since: Before = NOTHING_BEFORE,
    timeout: float = 0.0,
    on_change: Callable[[str], None] = lambda _sentence: None,
) -> str:
    """Wait until every processor of a network is as wanted; `since` is how they were before.

    Raises:
        TimedOut: they were not in time; the message says what was missing.
        Refused: one is in error, so waiting cannot help.
    """

    def look() -> waiting.Standing:
        return _standing(control, control.store.flows.processors(network), since)

    return waiting.until(look, control.clock, timeout=timeout, on_change=on_change)


def _standing(control: Control, found: Sequence[Processor], since: Before) -> waiting.Standing:
    seen = [_seen_now(control, processor, since) for processor in found]
    for processor in seen:
        refuse_broken(processor)
    missing = [standing for item in seen if not (standing := as_wanted(item)).done]
    if missing:
        return waiting.Standing(False, missing[0].sentence)
    if late := [item.name for item in seen if _is_served_by_old(control, item, since)]:
        return waiting.Standing(False, f"the workers of {late[0]} are being replaced")
    names = ", ".join(item.name for item in found[:5])
    return waiting.Standing(True, f"{names} as wanted" if found else "nothing is wanted")


def _seen_now(control: Control, processor: Processor, since: Before) -> Processor:
    """Return a processor with the status that its deployments have now.

    The status on record is the scheduler's, who may not have looked since the change.
    """
    mine = (processor.network, processor.name)
    lack = processor.error if processor.status is ProcessorStatus.PENDING else ""
    deployments = [
        structs.replace(item, status=DeploymentStatus.STARTING)
        if item.receipt in since.broken
        else item
        for item in control.store.fleet.deployments(*mine)
    ]
    seen = judge(processor, deployments, control.store.fleet.workers(*mine), lack)
    return structs.replace(
        processor,
        status=seen.status,
        error=seen.error,
        deployed_cpus=seen.deployed,
        running_cpus=seen.running,
    )


def _is_served_by_old(control: Control, processor: Processor, since: Before) -> bool:
    mine = (processor.network, processor.name)
    if since.versions.get(mine, _version(processor)) == _version(processor):
        return False
    present = {(item.name, item.pid) for item in control.store.fleet.workers(*mine)}
    return not present.isdisjoint(since.workers)


def _version(processor: Processor) -> tuple[int, int]:
    return processor.generation, processor.restarts


def refuse_broken(processor: Processor) -> None:
    """Raise `Refused` where a processor cannot serve until somebody mends it."""
    if processor.status is ProcessorStatus.ERROR and processor.requested_status is Desired.RUNNING:
        raise Refused(
            f"processor {processor.name} is in error: {gist(processor.error)}",
            remedy=f"flowctl show processor {processor.name}",
        )


def gist(error: str) -> str:
    """Return what an error comes down to, in one line: what is below are details.

    >>> gist("a.deploy1 on h1: ImportError: no x\\nTraceback ...")
    'a.deploy1 on h1: ImportError: no x'
    """
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if not lines:
        return "no reason is known"
    goes_on = lines[0].endswith((KEEPS_SERVING, ":")) and len(lines) > 1
    return f"{lines[0]}: {lines[1]}".replace("::", ":") if goes_on else lines[0]


class Overview(Struct, frozen=True, kw_only=True):
    """Everything on one page."""

    leader: Lease | None
    agents: tuple[Agent, ...]
    processors: tuple[Processor, ...]
    workers: int
    ready: int | None
    """Messages that wait in queues of sockets and plugs; None where the broker does not answer."""
    dead: int | None
    failed: int
    """Calls on record that failed."""
    problems: tuple[str, ...]


def overview(control: Control, network: str = "") -> Overview:
    """Look at everything once."""
    network = scope(control, network)
    leader = fleet.leader(control)
    agents = tuple(fleet.agents(control))
    processors = tuple(control.store.flows.processors(network))
    ready, dead, trouble = _depths(control, network)
    _, failed = control.store.traffic.calls(
        CallFilter(network=network, status=(CallStatus.FAILED,), limit=1)
    )
    return Overview(
        leader=leader,
        agents=agents,
        processors=processors,
        workers=len(control.store.fleet.workers(network=network)),
        ready=ready,
        dead=dead,
        failed=failed,
        problems=(*_problems(leader, agents, processors), *_lost(control), *trouble),
    )


def _depths(control: Control, network: str) -> tuple[int | None, int | None, tuple[str, ...]]:
    try:
        rows = queues.rows_of(control, network)
        held = queues.waiting(control, [row.name for row in rows])
    except BrokerUnavailable as error:
        return None, None, (error.message,)
    dead = {row.name for row in rows if row.role == "dead"}
    return (
        sum(count for name, count in held.items() if name not in dead),
        sum(count for name, count in held.items() if name in dead),
        (),
    )


def _problems(
    leader: Lease | None, agents: Sequence[Agent], processors: Sequence[Processor]
) -> list[str]:
    found = [] if leader else ["no scheduler leads: nothing is placed or fired"]
    if not any(agent.status is AgentStatus.RUNNING for agent in agents):
        found.append("no agent is running: nothing can be executed")
    found += [
        f"agent {agent.name} is {agent.status}"
        for agent in agents
        if agent.status in (AgentStatus.LOST, AgentStatus.SUSPECT)
    ]
    for processor in processors:
        if not as_wanted(processor).done:
            found.append(as_wanted(processor).sentence)
    return found


def _lost(control: Control) -> list[str]:
    return [
        f"deployment {item.name} on {item.agent} is {item.status}"
        for item in fleet.deployments(control)
        if item.status is DeploymentStatus.LOST
    ]
