"""What a host needs to know in order to serve its deployments, and nothing more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from flowctl.model.fleet import Deployment
from flowctl.model.reach import gathering
from flowctl.model.states import Desired
from flowctl.model.work import Assignment
from flowctl.state import structure
from flowctl.state.database import Database
from flowctl.state.tables import DeploymentRow, PlugRow, ProcessorRow, SocketRow


def assignments(database: Database, deployments: Sequence[Deployment]) -> list[Assignment]:
    """Return the assignment of each of these deployments."""
    ordered = sorted(deployments, key=lambda each: each.network)
    return [
        assignment
        for network, group in groupby(ordered, key=lambda each: each.network)
        for assignment in _of_network(database, network, list(group))
    ]


def _of_network(
    database: Database, network: str, deployments: list[Deployment]
) -> list[Assignment]:
    names = sorted({each.processor for each in deployments})
    processors = structure.processors(
        database, ProcessorRow.network == network, ProcessorRow.name.in_(names)
    )
    sockets = structure.sockets(
        database, SocketRow.network == network, SocketRow.processor.in_(names)
    )
    mine = [socket.name for socket in sockets]
    near = PlugRow.source.in_(mine) | PlugRow.target.in_(mine)
    plugs = structure.plugs(database, PlugRow.network == network, near)
    gathered = _gathering(database, network)
    reached = sorted({plug.spec.target for plug in plugs if plug.spec.source in mine})
    targets = structure.sockets(database, SocketRow.network == network, SocketRow.name.in_(reached))
    shares = _shares(database, network, names)
    known = {processor.name: processor for processor in processors}
    made = []
    for each in deployments:
        own = {socket.name for socket in sockets if socket.processor == each.processor}
        outbound = tuple(plug for plug in plugs if plug.spec.source in own)
        ends = {plug.spec.target for plug in outbound}
        made.append(
            Assignment(
                deployment=each,
                processor=known[each.processor],
                sockets=tuple(socket for socket in sockets if socket.name in own),
                inbound=tuple(plug for plug in plugs if plug.spec.target in own),
                outbound=outbound,
                gathering=frozenset(plug.name for plug in outbound if plug.name in gathered),
                targets=tuple(socket for socket in targets if socket.name in ends),
                workers=max(1, shares[each.processor]),
            )
        )
    return made


def _gathering(database: Database, network: str) -> frozenset[str]:
    """Return the names of the plugs that lead to a gather; most networks have none."""
    spec = PlugRow.spec.cast("TEXT")
    gathers = spec.contains('"gather":"') & ~spec.contains('"gather":""')
    some = PlugRow.select(PlugRow.name).where(PlugRow.network == network, gathers).limit(1)
    if not database.rows(some):
        return frozenset()
    every = structure.plugs(database, PlugRow.network == network)
    return gathering([plug.spec for plug in every])


def _shares(database: Database, network: str, processors: list[str]) -> Counter[str]:
    """Return how many deployments of each processor take calls."""
    query = DeploymentRow.select(DeploymentRow.processor).where(
        DeploymentRow.network == network,
        DeploymentRow.processor.in_(processors),
        DeploymentRow.requested_status != Desired.REMOVED,
    )
    return Counter(name for (name,) in database.rows(query))
