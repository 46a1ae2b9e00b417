"""Plugs: find, list."""

from __future__ import annotations

from flowctl.model.flow import Plug, Socket
from flowctl.services.control import Control
from flowctl.services.names import scope, split


def find(control: Control, address: str) -> Plug:
    """Return the plug with this address.

    Raises:
        NotFound: there is none; the message offers the nearest name.
    """
    network, name = split(control, address)
    return control.store.flows.plug(name, network)


def listed(control: Control, network: str = "") -> list[Plug]:
    """Return the plugs of a network, or of all."""
    return list(control.store.flows.plugs(scope(control, network)))


def ends(control: Control, plug: Plug) -> tuple[Socket, Socket]:
    """Return the sockets at both ends of a plug."""
    flows = control.store.flows
    return flows.socket(plug.spec.source, plug.network), flows.socket(
        plug.spec.target, plug.network
    )
