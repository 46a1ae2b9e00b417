"""Recorded facts: what happened, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from flowctl.model.traffic import Event
from flowctl.services.control import Control
from flowctl.services.names import scope


class Which(Struct, frozen=True, kw_only=True):
    """Which events are wanted; empty means any."""

    kind: str = ""
    object: str = ""
    network: str = ""
    since: datetime | None = None


def newest(control: Control, which: Which, limit: int = 100) -> list[Event]:
    """Return the newest events, oldest of them first."""
    found = control.store.events.list(
        kind=which.kind,
        object=which.object,
        network=scope(control, which.network),
        limit=limit,
        newest=True,
    )
    return [event for event in sorted(found, key=lambda event: event.id) if _fresh(event, which)]


def after(control: Control, which: Which, last: int, limit: int = 500) -> Sequence[Event]:
    """Return the events recorded after the one with id `last`."""
    return control.store.events.list(
        kind=which.kind,
        object=which.object,
        network=scope(control, which.network),
        since_id=last,
        limit=limit,
    )


def _fresh(event: Event, which: Which) -> bool:
    return which.since is None or event.at >= which.since
