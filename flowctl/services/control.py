"""What a service acts on: settings, store, broker and clock in one value.

The broker is opened at its first use, so that a command that only reads the state never pays for
it; `open_control` is the one place where a face or a daemon gets one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flowctl.clock import Clock, SystemClock
from flowctl.errors import Denied
from flowctl.model.ids import new_id
from flowctl.model.journal import Author
from flowctl.settings import Settings

if TYPE_CHECKING:
    from flowctl.broker.base import Broker
    from flowctl.state.store import Store


_PASSWORD = re.compile(r"(://[^/\s:@]+:)[^/\s@]+@")


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
    author: Author | None = None
    """Who changes things through it; daemons have none, and write no journal."""

    def acting(self, face: str, command: str = "") -> Control:
        """Return this control for one command of a person: what it changes goes into the journal."""
        batch = new_id() if command else ""
        author = Author(
            who=myself(), face=face, command=_PASSWORD.sub(r"\1***@", command), batch=batch
        )
        return replace(self, author=author)

    @property
    def broker(self) -> Broker:
        """The broker, opened at the first use."""
        return self.door.enter()

    def may_write(self) -> None:
        """Raise `Denied` where the settings say that this process only reads."""
        if self.settings.readonly:
            raise Denied("flowctl is read-only here", remedy="unset FLOWCTL_READONLY")


def myself() -> str:
    """Return `user@host` of this process."""
    import os
    import pwd
    import socket

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


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
