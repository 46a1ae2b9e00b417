"""Queues as they move: what each holds, what comes and goes, and how long that lasts."""

from __future__ import annotations

from collections.abc import Mapping

from flowctl.graph.live import PlugLive
from flowctl.model.work import Trend
from flowctl.services import networks, pictures, queues
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.flow import QueueRow
from flowctl.views.levels import Level, levels, until
from flowctl.views.table import Table


def page(control: Control, network: str = "") -> Table:
    """Return the table of queues of a network, or of all, with what moves in them."""
    live = _live(control, scope(control, network))
    rows = queues.listed(control, network)
    return levels([_level(row, live.get(row.name)) for row in rows], control.clock.now())


def _live(control: Control, network: str) -> Mapping[str, PlugLive]:
    """Return what moves in each queue, by its name."""
    found: dict[str, PlugLive] = {}
    for each in control.store.flows.networks():
        if network not in ("", each.name):
            continue
        topology = networks.topology(control, each.name)
        reading = pictures.measure(control, topology)
        found |= {plug.queue: reading.overlay.plugs[plug.name] for plug in topology.plugs}
        found |= {socket.queue: reading.sockets[socket.name] for socket in topology.sockets}
    return found


def _level(row: QueueRow, live: PlugLive | None) -> Level:
    moving = live is not None and bool(live.in_rate or live.out_rate or live.depth)
    if live is None or not moving:
        return Level(
            row.name, row.network, row.role, row.owner, row.ready, row.unacked, row.consumers
        )
    return Level(
        row.name, row.network, row.role, row.owner, row.ready, row.unacked, row.consumers,
        in_rate=live.in_rate, out_rate=live.out_rate,
        trend=str(live.trend) if live.in_rate is not None else str(Trend.STEADY),
        seconds=until(live.depth, live.in_rate, live.out_rate, live.limit), limit=live.limit,
    )  # fmt: skip
