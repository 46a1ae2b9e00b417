"""The end of waits that have no end: a server that is stopped, or a network that swallows.

libpq waits for an answer for as long as the connection stands, and the server's own time limits do
not help where the server does not run. So somebody looks at the clock and cuts the line.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from flowctl.clock import SystemClock

LIMIT = 35.0
"""Seconds; above what the server itself allows a statement."""


class Watch:
    """Cuts a connection whose unit of work takes longer than `LIMIT`."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._over = threading.Event()
        self._since = 0.0

    def attach(self, line: socket.socket) -> None:
        """Watch this connection from now on, and no other."""
        self.detach()
        self._line, self._over = line, threading.Event()
        threading.Thread(
            target=self._look, args=(line, self._over), name="database-watch", daemon=True
        ).start()

    def detach(self) -> None:
        """Watch nothing; the thread ends by itself, for nobody may wait for it at exit."""
        self._over.set()
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def begin(self) -> None:
        """A unit of work begins."""
        self._since = self._clock.monotonic()

    def end(self) -> None:
        """The unit of work is over."""
        self._since = 0.0

    def _look(self, line: socket.socket, over: threading.Event) -> None:
        while not over.wait(min(1.0, LIMIT / 4)):
            since = self._since
            if since and self._clock.monotonic() - since > LIMIT:
                self._cut(line)

    def _cut(self, line: socket.socket) -> None:
        with self._lock, suppress(OSError):
            if self._line is line:
                line.shutdown(socket.SHUT_RDWR)
