"""What every face shows of a kind: the values of its service through its view.

One table from kind to listing and one from kind to detail, so that the shell and the screen cannot
show different things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from flowctl.errors import InvalidInput, NotFound
from flowctl.model.work import CallFilter
from flowctl.services import (
    calls,
    events,
    fleet,
    joins,
    journal,
    networks,
    plugs,
    processors,
    queues,
    schedules,
    sockets,
    trash,
)
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views import fleet as fleet_views
from flowctl.views import flow as flow_views
from flowctl.views import history as history_views
from flowctl.views import joins as join_views
from flowctl.views import schedules as schedule_views
from flowctl.views import traffic as traffic_views
from flowctl.views.table import MOST_COUNTED, Sheet, Table, page_footer
from flowctl.views.traces import trace_document


class Selection(Struct, frozen=True, kw_only=True):
    """Which objects of a kind a listing shows; what a kind does not know it ignores."""

    network: str = ""
    processor: str = ""
    agent: str = ""
    trash: bool = False
    """Whether the queues of purged messages are among the queues."""
    calls: CallFilter = CallFilter()
    page: int = 1
    rows: int = 10


def page(control: Control, kind: str, which: Selection | None = None) -> Table:
    """Return the listing of a kind.

    Raises:
        InvalidInput: a kind of this name cannot be listed.
    """
    return _of(kind).table(control, which or Selection())


def sheet(control: Control, kind: str, name: str) -> Sheet:
    """Return everything about one object.

    Raises:
        NotFound: there is none of this name.
    """
    return _of(kind).sheet(control, name)


def names(control: Control, kind: str) -> list[str]:
    """Return the names of all objects of a kind, for completion."""
    return list(page(control, kind, Selection(rows=200)).names)


def _of(kind: str) -> _Page:
    if kind not in _PAGES:
        raise InvalidInput(f'"{kind}" cannot be listed')
    return _PAGES[kind]


def _networks(control: Control, _which: Selection) -> Table:
    return flow_views.networks(networks.listed(control), control.clock.now())


def _network(control: Control, name: str) -> Sheet:
    return flow_views.network_sheet(networks.topology(control, name), control.clock.now())


def _processors(control: Control, which: Selection) -> Table:
    return flow_views.processors(processors.listed(control, which.network), control.clock.now())


def _processor(control: Control, name: str) -> Sheet:
    now = control.clock.now()
    found = processors.find(control, name)
    own = control.store.flows.sockets(found.network, found.name)
    claims = fleet.deployments(control, found.network, found.name)
    servers = fleet.workers(control, found.network, found.name)
    which = events.Which(kind="processor", object=found.name, network=found.network)
    recorded = events.newest(control, which, limit=10)
    tables = (
        ("Deployments", fleet_views.deployments(claims, now)),
        ("Workers", fleet_views.workers(servers, now)),
        ("Events", traffic_views.events(recorded, now)),
    )
    return flow_views.processor_sheet(found, own, tables, now)


def _sockets(control: Control, which: Selection) -> Table:
    found = sockets.listed(control, which.network)
    wanted = [item for item in found if which.processor in ("", item.processor)]
    return flow_views.sockets(wanted, control.clock.now())


def _socket(control: Control, name: str) -> Sheet:
    found = sockets.find(control, name)
    all_plugs = control.store.flows.plugs(found.network)
    now = control.clock.now()
    waiting = join_views.joins(joins.of_socket(control, found), now)
    return flow_views.socket_sheet(found, all_plugs, now, waiting)


def _joins(control: Control, which: Selection) -> Table:
    found = joins.listed(control, which.network, which.processor)
    return join_views.joins(found, control.clock.now())


def _join(control: Control, name: str) -> Sheet:
    row, held = joins.find(control, name)
    return join_views.join_sheet(row, held, control.clock.now())


def _tasks(control: Control, which: Selection) -> Table:
    return flow_views.tasks(sockets.tasks(control, which.network), control.clock.now())


def _task(control: Control, name: str) -> Sheet:
    found, users = sockets.task(control, name)
    return flow_views.task_sheet(found, users, control.clock.now())


def _schedules(control: Control, which: Selection) -> Table:
    return schedule_views.schedules(schedules.listed(control, which.network), control.clock.now())


def _plugs(control: Control, which: Selection) -> Table:
    return flow_views.plugs(plugs.listed(control, which.network), control.clock.now())


def _plug(control: Control, name: str) -> Sheet:
    found = plugs.find(control, name)
    source, target = plugs.ends(control, found)
    return flow_views.plug_sheet(found, source, target, control.clock.now())


def _queues(control: Control, which: Selection) -> Table:
    found = queues.listed(control, which.network)
    thrown = trash.listed(control, which.network) if which.trash else []
    return flow_views.queues([*found, *thrown], control.clock.now())


def _queue(control: Control, name: str) -> Sheet:
    now = control.clock.now()
    full = queues.find(control, name)
    row = next(item for item in queues.listed(control) if item.name == full)
    waiting = queues.peek(control, full, limit=10) if row.ready else []
    table = flow_views.queues([row], now)
    return Sheet(
        kind="queue",
        name=full,
        properties=flow_views.properties(flow_views.QUEUES, row, now),
        document=table.items[0],
        tables=(("Oldest messages", traffic_views.messages(waiting, now)),),
    )


def _nodes(control: Control, _which: Selection) -> Table:
    return fleet_views.nodes(fleet.nodes(control), control.clock.now())


def _node(control: Control, name: str) -> Sheet:
    found = fleet.node(control, name)
    own = [agent for agent in fleet.agents(control) if agent.node == found.name]
    return fleet_views.node_sheet(found, own, control.clock.now())


def _agents(control: Control, _which: Selection) -> Table:
    return fleet_views.agents(fleet.agents(control), control.clock.now())


def _agent(control: Control, name: str) -> Sheet:
    found = fleet.agent(control, name)
    claims, own = (
        control.store.fleet.deployments(agent=name),
        control.store.fleet.workers(agent=name),
    )
    return fleet_views.agent_sheet(found, claims, own, control.clock.now())


def _schedulers(control: Control, _which: Selection) -> Table:
    return fleet_views.schedulers(control.store.duty.lease(), control.clock.now())


def _scheduler(control: Control, name: str) -> Sheet:
    lease = control.store.duty.lease()
    if lease is None or lease.holder != name:
        raise NotFound("scheduler", name, near=lease.holder if lease else "")
    now = control.clock.now()
    pairs = flow_views.properties(fleet_views.SCHEDULERS, lease, now)
    document = fleet_views.schedulers(lease, now).items[0]
    return Sheet(kind="scheduler", name=name, properties=pairs, document=document)


def _deployments(control: Control, which: Selection) -> Table:
    found = fleet.deployments(control, which.network, which.processor, which.agent)
    return fleet_views.deployments(found, control.clock.now())


def _deployment(control: Control, name: str) -> Sheet:
    found = fleet.deployment(control, name)
    own = control.store.fleet.workers(network=found.network, processor=found.processor)
    mine = [worker for worker in own if worker.deployment == found.name]
    return fleet_views.deployment_sheet(found, mine, control.clock.now())


def _workers(control: Control, which: Selection) -> Table:
    found = fleet.workers(control, which.network, which.processor, which.agent)
    return fleet_views.workers(found, control.clock.now())


def _worker(control: Control, name: str) -> Sheet:
    return fleet_views.worker_sheet(fleet.worker(control, name), control.clock.now())


def _calls(control: Control, which: Selection) -> Table:
    first = max(0, which.page - 1) * which.rows
    wanted = _limited(which.calls, scope(control, which.network), which.rows, first)
    found, total = calls.page(control, wanted)
    footer = page_footer(which.page, which.rows, total)
    return traffic_views.calls(found, control.clock.now(), footer=footer)


def _limited(wanted: CallFilter, network: str, limit: int, offset: int) -> CallFilter:
    from msgspec.structs import replace

    return replace(
        wanted,
        network=wanted.network or network,
        limit=limit,
        offset=offset,
        most=MOST_COUNTED,
    )


def _call(control: Control, name: str) -> Sheet:
    found = calls.find(control, name)
    recorded = events.newest(control, events.Which(kind="call", object=found.id), limit=50)
    children, _ = calls.page(control, CallFilter(parent=found.id, ascending=True))
    try:
        kept = control.store.traffic.result(found.id)
    except NotFound:
        kept = None
    return traffic_views.call_sheet(
        found,
        recorded,
        children,
        kept,
        control.clock.now(),
        given=control.store.traffic.input(found.id),
        again=control.store.traffic.replays([found.id]),
    )


def _runs(control: Control, which: Selection) -> Table:
    found = calls.runs(control, scope(control, which.network), which.rows)
    return traffic_views.runs(found, control.clock.now())


def _run(control: Control, name: str) -> Sheet:
    now = control.clock.now()
    found = calls.run(control, name)
    row = traffic_views.summed(found)
    return Sheet(
        kind="run",
        name=row.id,
        properties=flow_views.properties(traffic_views.RUNS, row, now),
        document=trace_document(found),
        tables=(("Calls", traffic_views.calls(found, now)),),
    )


def _events(control: Control, which: Selection) -> Table:
    wanted = events.Which(network=which.network)
    return traffic_views.events(events.newest(control, wanted, 100), control.clock.now())


def _event(control: Control, name: str) -> Sheet:
    number = int(name) if name.isdigit() else 0
    found = [item for item in events.after(control, events.Which(), number - 1, 1) if number]
    if not found or found[0].id != number:
        raise NotFound("event", name, remedy="flowctl events")
    now = control.clock.now()
    table = traffic_views.events(found, now)
    pairs = flow_views.properties(traffic_views.EVENTS, found[0], now)
    return Sheet(kind="event", name=name, properties=pairs, document=table.items[0])


def _changes(control: Control, which: Selection) -> Table:
    found = journal.history(control, which.network, limit=max(which.rows, 50))
    return history_views.history(found, control.clock.now())


def _change(control: Control, name: str) -> Sheet:
    if not name.isdigit():
        raise NotFound("change", name, remedy="flowctl history")
    return history_views.entry_sheet(journal.find(control, int(name)), control.clock.now())


class _Page(NamedTuple):
    table: Callable[[Control, Selection], Table]
    sheet: Callable[[Control, str], Sheet]


_PAGES = {
    "network": _Page(_networks, _network),
    "processor": _Page(_processors, _processor),
    "socket": _Page(_sockets, _socket),
    "task": _Page(_tasks, _task),
    "join": _Page(_joins, _join),
    "schedule": _Page(_schedules, _socket),
    "plug": _Page(_plugs, _plug),
    "queue": _Page(_queues, _queue),
    "node": _Page(_nodes, _node),
    "agent": _Page(_agents, _agent),
    "scheduler": _Page(_schedulers, _scheduler),
    "deployment": _Page(_deployments, _deployment),
    "worker": _Page(_workers, _worker),
    "call": _Page(_calls, _call),
    "run": _Page(_runs, _run),
    "event": _Page(_events, _event),
    "change": _Page(_changes, _change),
}
