"""Identities: random ones for new things, derived ones wherever a repeat must be recognised."""

from __future__ import annotations

import uuid
from typing import NewType

CallId = NewType("CallId", str)
"""One execution of a socket; `message_id` on the wire, primary key of the call's record."""
RunId = NewType("RunId", str)
"""All calls that descend from one send; `correlation_id` on the wire."""

_NAMESPACE = uuid.UUID("6f1d3c0e-52f5-5c1b-9d0a-1f2f0c7a9b11")


def new_id() -> str:
    """Return a fresh random identity: 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


def derived_id(*parts: str) -> str:
    """Return the identity that belongs to these parts, the same every time."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(parts)).hex


def child_call_id(parent: CallId, plug: str, index: int) -> CallId:
    """Return the id of output number `index` that `parent` sends over `plug`."""
    return CallId(derived_id("child", parent, plug, str(index)))


def fire_call_id(socket: str, due: str) -> CallId:
    """Return the id of the call that a schedule of `socket` owes for the due time `due` (ISO)."""
    return CallId(derived_id("fire", socket, due))


def keyed_call_id(socket: str, key: str) -> CallId:
    """Return the id of a send that its client made idempotent with `key`."""
    return CallId(derived_id("key", socket, key))
