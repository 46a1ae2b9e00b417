"""Names of queues and plugs, derived from the model and from nothing else.

Names of networks, processors and sockets hold no dots, so these names can be read back.
"""

from __future__ import annotations

from flowctl.model.flow import PlugKind, PlugSpec

DEAD = ".dead"
"""The ending of a dead-letter queue."""


def socket_queue(network: str, processor: str, socket: str) -> str:
    """Return the queue of direct calls of a socket.

    >>> socket_queue("shop", "parse", "rows")
    'shop.parse.rows'
    """
    return f"{network}.{processor}.{socket}"


def plug_name(plug: PlugSpec) -> str:
    """Return the name that a plug has where its recipe gives none.

    >>> plug_name(PlugSpec(source="parse.rows", target="add.pair", argument="left"))
    'parse.rows-add.pair.left'
    """
    if plug.name:
        return plug.name
    kind = "" if plug.kind is PlugKind.RESULT else f"-{plug.kind}"
    route = f"-{plug.route}" if plug.route else ""
    argument = f".{plug.argument}" if plug.argument else ""
    return f"{plug.source}{route}{kind}-{plug.target}{argument}"


def plug_queue(network: str, plug: PlugSpec) -> str:
    """Return the queue of a plug.

    >>> plug_queue("shop", PlugSpec(source="parse.rows", target="store.save"))
    'shop.parse.rows-store.save'
    """
    return f"{network}.{plug_name(plug)}"


def dead_queue(socket_queue_name: str) -> str:
    """Return the dead-letter queue of the socket with this queue."""
    return socket_queue_name + DEAD
