"""An opened state and broker, and the network that is meant: what handles and sockets act by."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from flowctl.errors import Refused
from flowctl.services import database
from flowctl.services.answers import Desk
from flowctl.services.control import Control, open_control
from flowctl.settings import Settings


class Session:
    """The connections of a `Flow`, opened and closed with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._control: Control | None = None
        self._desk: Desk | None = None

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
            self._opened.close()

    def address(self, name: str) -> str:
        """Return the name of a processor or socket with its network."""
        network = self.settings.network
        return f"{network}/{name}" if network and "/" not in name else name
