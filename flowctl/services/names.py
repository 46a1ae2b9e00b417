"""How people address objects: `name` in the network that is meant, or `network/name`."""

from __future__ import annotations

from typing import NamedTuple

from flowctl.errors import InvalidInput
from flowctl.services.control import Control


class Address(NamedTuple):
    """A name and the network it is in; an empty network means any where the name is unique."""

    network: str
    name: str


def split(control: Control, text: str) -> Address:
    """Read an address.

    Raises:
        InvalidInput: it is empty, or has more than one slash.
    """
    network, slash, name = text.rpartition("/")
    if not name or (slash and not network) or "/" in network:
        raise InvalidInput(f'"{text}" is not a name', remedy="write NAME or NETWORK/NAME")
    return Address(network or control.settings.network, name)


def scope(control: Control, network: str = "") -> str:
    """Return the network that a listing is limited to; empty means all."""
    return network or control.settings.network


def the_network(control: Control, network: str = "") -> str:
    """Return the network that is meant: the one named, or the only one there is.

    Raises:
        InvalidInput: none is named and there is not exactly one.
    """
    if named := scope(control, network):
        return named
    known = [item.name for item in control.store.flows.networks()]
    if len(known) == 1:
        return known[0]
    what = f"there are {len(known)}: {', '.join(known[:5])}" if known else "there is none yet"
    raise InvalidInput(f"which network? {what}", remedy="name one with -n NETWORK")
