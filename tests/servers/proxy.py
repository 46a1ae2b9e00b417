"""A TCP proxy that can be cut, stalled, or made to swallow bytes in silence."""

from __future__ import annotations

import selectors
import socket
from threading import Event, Thread


class Proxy:
    """Forwards a local port to another; every trouble is switched from the test."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._refuse = self._swallow = self._ended = False
        self._cut = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self, *, refuse: bool = False) -> None:
        """Close all connections now; with `refuse` also those to come, until `mend`."""
        self._refuse = refuse
        self._cut.clear()
        self._wanted_cut = True
        assert self._cut.wait(5)

    def swallow(self) -> None:
        """Keep all connections open and let nothing through, until `mend`."""
        self._swallow = True

    def mend(self) -> None:
        """Work again; what was swallowed is gone, so old connections are cut first."""
        if self._swallow:
            self.cut()
        self._swallow = self._refuse = False

    def close(self) -> None:
        self._ended = True
        self._thread.join(5)

    _wanted_cut = False

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.02):
                self._serve(key.fileobj)  # type: ignore[arg-type]
            if self._wanted_cut:
                self._wanted_cut = False
                self._close_all()
                self._cut.set()
        self._close_all()
        self._selector.close()
        self._listener.close()

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            self._accept()
            return
        peer = self._peers.get(ready)
        if peer is None:
            return
        try:
            data = ready.recv(65536)
            if data and not self._swallow:
                peer.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close_pair(ready, peer)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._refuse:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            client.close()
            return
        for here, there in ((client, server), (server, client)):
            self._peers[here] = there
            self._selector.register(here, selectors.EVENT_READ)

    def _close_pair(self, *pair: socket.socket) -> None:
        for end in pair:
            if self._peers.pop(end, None) is not None:
                self._selector.unregister(end)
                end.close()

    def _close_all(self) -> None:
        for end, peer in list(self._peers.items()):
            self._close_pair(end, peer)
