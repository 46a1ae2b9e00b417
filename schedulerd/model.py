"""What the flows are, read again only when their revision grew."""

from __future__ import annotations

import threading

from msgspec import Struct

from flowctl.model.flow import Plug, Processor, Socket
from flowctl.services.control import Control

MOMENT = 0.5
"""Seconds for which a revision that the main thread has seen is good enough for the others."""


class Model(Struct, frozen=True, kw_only=True):
    """All networks at one revision. Of a processor only what is wanted is fresh."""

    revision: int
    processors: tuple[Processor, ...]
    sockets: tuple[Socket, ...]
    plugs: tuple[Plug, ...]


class Shelf:
    """The last model that was read; asked by several threads."""

    def __init__(self, control: Control) -> None:
        self._store = control.store
        self._clock = control.clock
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._noted = (0, float("-inf"))

    def revision(self) -> int:
        """Ask for the present revision, and spare others the question for a moment."""
        revision = self._store.revision()
        self._noted = (revision, self._clock.monotonic())
        return revision

    def fresh(self) -> Model:
        """Return the model as it is, or was a moment ago."""
        revision, at = self._noted
        if self._clock.monotonic() - at > MOMENT:
            revision = self._store.revision()
        with self._lock:
            if self._model is None or self._model.revision != revision:
                # The revision was read first: what is newer than it is read once more next time.
                self._model = self._read(revision)
            return self._model

    def _read(self, revision: int) -> Model:
        flows = self._store.flows
        return Model(
            revision=revision,
            processors=tuple(flows.processors()),
            sockets=tuple(flows.sockets()),
            plugs=tuple(flows.plugs()),
        )
