"""The stream of everything that happens, from every host: read on from a mark, or followed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from flowctl.model.lives import Mark
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.stream import documents, is_on
from flowctl.views.table import Document

_PAUSE = 0.25
_PAGE = 500


class Wanted(Struct, frozen=True, kw_only=True):
    """Which documents are wanted; empty means any."""

    channels: tuple[str, ...] = ()
    network: str = ""
    processor: str = ""
    run: str = ""
    kind: str = ""
    name: str = ""

    def takes(self, document: Document) -> bool:
        """Tell whether a document is one of these."""
        exact = (("processor", self.processor), ("run", self.run), ("kind", self.kind))
        if any(word and document.get(key) != word for key, word in exact):
            return False
        name = str(document["name"])
        return name.startswith(self.name) and is_on(document, self.channels)


def read(
    control: Control, after: Mark, wanted: Wanted, *, limit: int = _PAGE
) -> tuple[list[tuple[Mark, Document]], Mark]:
    """Return what was told after a mark, and the mark to go on from, which may be further.

    `limit` counts events; one event tells of all calls that were committed together.
    """
    begin = after._replace(id=after.id - 1) if after.nth else after
    network = scope(control, wanted.network)
    found = control.store.events.stream(begin, network=network, limit=limit)
    told = [each for mark, event in found for each in documents(mark, event) if each[0] > after]
    return [each for each in told if wanted.takes(each[1])], found[-1][0] if found else after


def newest(
    control: Control, wanted: Wanted, limit: int
) -> tuple[list[tuple[Mark, Document]], Mark]:
    """Return the last documents that there are, oldest first, and the mark to go on from."""
    network = scope(control, wanted.network)
    found = control.store.events.stream(Mark(), network=network, limit=_PAGE, newest=True)
    told = [each for mark, event in found for each in documents(mark, event)]
    taken = [each for each in told if wanted.takes(each[1])]
    return taken[-limit:], found[-1][0] if found else Mark()


def begin(control: Control, since: datetime | None) -> Mark:
    """Return the mark of now, or of a moment."""
    return control.store.events.mark(since)


def follow(control: Control, after: Mark, wanted: Wanted) -> Iterator[Sequence[Document]]:
    """Give what is told after a mark, as it is told, without an end."""
    never = threading.Event()
    while True:
        found, after = read(control, after, wanted)
        if found:
            yield [document for _, document in found]
        elif not never.wait(_PAUSE):
            yield []
