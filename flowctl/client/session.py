"""An opened state and broker, and the network that is meant: what handles and sockets act by."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from flowctl.errors import Refused
from flowctl.model.flow import Socket
from flowctl.services import calls, database, sockets
from flowctl.services.answers import Desk
from flowctl.services.control import Control, open_control
from flowctl.settings import Settings

FRESH = 1.0
"""Seconds for which a socket that was looked up is taken for what it was."""


class Session:
    """The connections of a `Flow`, opened and closed with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._control: Control | None = None
        self._desk: Desk | None = None
        self._known: dict[str, tuple[float, Socket]] = {}

    @property
    def control(self) -> Control:
        """What services act on.

        Raises:
            Refused: the flow is not open.
        """
        if self._control is None:
            raise Refused("this flow is not open", remedy="use it inside of `with Flow(...)`")
        return self._control

    @property
    def desk(self) -> Desk:
        """Where questions are asked whose answers come by themselves.

        Raises:
            Refused: the flow is not open.
        """
        control = self.control
        with self._lock:
            if self._desk is None:
                self._desk = Desk(control)
            return self._desk

    def socket(self, name: str, *, is_awaited: bool = False) -> Socket:
        """Return the socket of that name as it is, or was less than `FRESH` seconds ago.

        Raises:
            NotFound: there is no such socket.
            Refused: it is to be awaited, and its processor keeps no results.
        """
        control = self.control
        now = control.clock.monotonic()
        word = f"{name} awaited" if is_awaited else name
        until, found = self._known.get(word, (now, None))
        if found is None or until <= now:
            found = sockets.find(control, self.address(name))
            if is_awaited:
                calls.refuse_unrecorded(control, found)
            self._known[word] = now + FRESH, found
        return found

    def forget(self) -> None:
        """Look sockets up again: they may have changed."""
        self._known.clear()

    def open(self) -> None:
        """Open the state; the broker opens at its first use. Opening twice does nothing.

        Raises:
            SchemaMismatch: the database is older or newer than this program.
        """
        with self._lock:
            if self._control is None:
                self._control = self._open()

    def _open(self) -> Control:
        if self.settings.state.startswith("sqlite:"):
            self.settings.paths.make()
        with ExitStack() as opening:
            control = opening.enter_context(open_control(self.settings, name="flowctl-client"))
            database.make_ready(control)
            self._opened = opening.pop_all()
        return control

    def close(self) -> None:
        """Close what is open; what was sent stays sent."""
        with self._lock:
            self._control = self._desk = None
            self.forget()
            self._opened.close()

    def address(self, name: str) -> str:
        """Return the name of a processor or socket with its network."""
        network = self.settings.network
        return f"{network}/{name}" if network and "/" not in name else name
