"""Queues as they move: what each holds, what comes and goes, and how long that lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowctl.graph.live import PlugLive
from flowctl.model.flow import Topology
from flowctl.model.work import Trend
from flowctl.services import networks, pictures, queues
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.flow import QueueRow
from flowctl.views.levels import Level, levels, until
from flowctl.views.table import Table

Measured = Sequence[tuple[Topology, pictures.Reading]]
"""Networks with their numbers of this moment."""


def page(control: Control, network: str = "") -> Table:
    """Return the table of queues of a network, or of all, with what moves in them."""
    found = listed(control, network, measured(control, network))
    return levels(found, control.clock.now())


def measured(control: Control, network: str = "") -> Measured:
    """Return the numbers of a network, or of all."""
    chosen = scope(control, network)
    names = [each.name for each in control.store.flows.networks() if chosen in ("", each.name)]
    found = [networks.topology(control, name) for name in names]
    return [(topology, pictures.measure(control, topology)) for topology in found]


def listed(control: Control, network: str, numbers: Measured) -> list[Level]:
    """Return the queues of a network, or of all, with what was measured of them."""
    live = _live(numbers)
    return [_level(row, live.get(row.name)) for row in queues.listed(control, network)]


def _live(numbers: Measured) -> Mapping[str, PlugLive]:
    """Return what moves in each queue, by its name."""
    found: dict[str, PlugLive] = {}
    for topology, reading in numbers:
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
