"""What a service acts on: settings, store, broker and clock in one value.

The broker is opened at its first use, so that a command that only reads the state never pays for
it; `open_control` is the one place where a face or a daemon gets one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowctl.clock import Clock, SystemClock
from flowctl.errors import Denied
from flowctl.settings import Settings

if TYPE_CHECKING:
    from flowctl.broker.base import Broker
    from flowctl.state.store import Store


class Door:
    """A broker that is opened at its first use and closed once."""

    def __init__(self, opener: Callable[[], Broker]) -> None:
        self._opener = opener
        self._broker: Broker | None = None
        self._lock = threading.Lock()

    def enter(self) -> Broker:
        """Return the broker, opened when this is the first time."""
        with self._lock:
            if self._broker is None:
                self._broker = self._opener()
            return self._broker

    def close(self) -> None:
        """Close the broker if it was opened."""
        with self._lock:
            broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()


@dataclass(frozen=True)
class Control:
    """The four things that every service needs."""

    settings: Settings
    store: Store
    door: Door
    clock: Clock = field(default_factory=SystemClock)

    @property
    def broker(self) -> Broker:
        """The broker, opened at the first use."""
        return self.door.enter()

    def may_write(self) -> None:
        """Raise `Denied` where the settings say that this process only reads."""
        if self.settings.readonly:
            raise Denied("flowctl is read-only here", remedy="unset FLOWCTL_READONLY")


@contextmanager
def open_control(
    settings: Settings, *, name: str = "", clock: Clock | None = None, patience: float = 15.0
) -> Iterator[Control]:
    """Open store and (lazily) broker for the length of a `with`; `name` is how the broker sees us.

    A broker that cannot be reached is an error after `patience` seconds.
    """
    from flowctl.state.store import open_store

    clock = clock or SystemClock()
    store = open_store(settings.state, clock=clock)
    door = Door(lambda: _open_broker(settings.broker, name, patience))
    try:
        yield Control(settings, store, door, clock)
    finally:
        door.close()
        store.close()


def _open_broker(url: str, name: str, patience: float) -> Broker:
    from flowctl.broker.connect import open_broker

    return open_broker(url, name=name, patience=patience)
