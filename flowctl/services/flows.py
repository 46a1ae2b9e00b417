"""How each network is, in one row: what serves, what waits, what is wrong."""

from __future__ import annotations

from flowctl.errors import BrokerUnavailable
from flowctl.services import queues
from flowctl.services.control import Control
from flowctl.services.health import as_wanted
from flowctl.views.standing import FlowRow, flows
from flowctl.views.table import Table


def listed(control: Control, network: str = "") -> list[FlowRow]:
    """Return a row for each network; numbers of the broker are None while it is away."""
    store = control.store
    depths = _depths(control, network)
    processors, plugs = store.flows.processors(network), store.flows.plugs(network)
    workers = store.fleet.workers(network=network)
    rows = []
    for each in store.flows.networks():
        if network not in ("", each.name):
            continue
        own = [processor for processor in processors if processor.network == each.name]
        wrong = [found.sentence for item in own if not (found := as_wanted(item)).done]
        ready, dead = depths.get(each.name, (0, 0)) if depths is not None else (None, None)
        rows.append(
            FlowRow(
                name=each.name,
                status="error" if any(item.error for item in own) else
                       "starting" if wrong else "running" if own else "ready",
                processors=len(own),
                plugs=sum(plug.network == each.name for plug in plugs),
                cpus=sum(item.spec.cpus for item in own),
                running_cpus=sum(item.running_cpus for item in own),
                workers=sum(worker.network == each.name for worker in workers),
                ready=ready,
                dead=dead,
                revision=each.revision,
                updated_at=each.updated_at,
                reason=wrong[0] if wrong else "",
            )
        )  # fmt: skip
    return rows


def _depths(control: Control, network: str) -> dict[str, tuple[int, int]] | None:
    """Return what waits and what is dead in each network; None while the broker is away."""
    rows = queues.rows_of(control, network)
    try:
        held = queues.waiting(control, [row.name for row in rows])
    except BrokerUnavailable:
        return None
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        ready, dead = found.get(row.network, (0, 0))
        more = held.get(row.name, 0)
        is_dead = row.role == "dead"
        found[row.network] = (ready + more * (not is_dead), dead + more * is_dead)
    return found


def page(control: Control, network: str = "") -> Table:
    """Return the table of networks with how each is."""
    return flows(listed(control, network), control.clock.now())
