"""Adaptors: programs of any kind hear of everything that happens, at least once, in order.

Each has a cursor in the state database and a thread of its own, so whatever one does (fail, hang,
come back after a day) harms neither the scheduler nor another adaptor. What an adaptor is too slow
for is left out in the end, and counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urldefrag

from flowctl.errors import Conflict, FlowError, Misconfigured
from flowctl.model.ids import derived_id
from flowctl.model.lives import Mark
from flowctl.model.traffic import Event
from flowctl.services import stream
from flowctl.services.control import Control
from flowctl.services.stream import Wanted
from flowctl.settings import redact
from schedulerd import deliveries

log = logging.getLogger(__name__)

GROUP = "flowctl.adaptors"
"""The entry points of other packages: a function from a URL to a function that delivers documents."""
BUILT_IN = {"file": deliveries.to_file, "webhook": deliveries.to_webhook}
BATCH = 100
"""Events that are read at once; one tells of all calls that were committed together."""
MOST_BEHIND = 100_000
"""Events that may wait for an adaptor; those before them are left out."""
_LONGEST = 300.0
"""Seconds between attempts at one that fails."""

Deliver = Callable[[Sequence[dict[str, Any]]], None]


class Adaptor:
    """One adaptor, as long as this process leads."""

    def __init__(self, control: Control, url: str, term: int) -> None:
        bare, channels = urldefrag(url)
        self._control = control
        self._term = term
        self._url = bare
        self._name = derived_id("adaptor", url)
        self._wanted = Wanted(channels=tuple(filter(None, channels.split(","))))
        self._deliver: Deliver | None = None
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._next = float("-inf")
        self.trouble = ""

    def turn(self) -> None:
        """Deliver what there is, in a thread of its own; one that is at it is left alone."""
        busy = self._thread is not None and self._thread.is_alive()
        if not busy and self._control.clock.monotonic() >= self._next:
            self._thread = threading.Thread(target=self._try, name="adaptor", daemon=True)
            self._thread.start()

    def _try(self) -> None:
        try:
            self._work()
        except Conflict as error:  # another leads: it goes on from the cursor
            log.info("%s: %s", redact(self._url), error)
        except Exception as error:  # noqa: BLE001 - it is somebody else's program
            self._put_off(error)
        else:
            self._failures, self.trouble = 0, ""

    def _put_off(self, error: Exception) -> None:
        self._failures += 1
        pause = min(_LONGEST, 2.0**self._failures)
        self._next = self._control.clock.monotonic() + pause
        said = error.message if isinstance(error, FlowError) else f"{type(error).__name__}: {error}"
        self.trouble = f"{redact(self._url)}: {said}"
        log.warning("%s; again in %.0f s", self.trouble, pause)

    def _work(self) -> None:
        if self._deliver is None:
            self._deliver = opened(self._url)
        mark = self._begin()
        while True:
            found, after = stream.read(self._control, mark, self._wanted, limit=BATCH)
            if after == mark:
                return
            if found:
                self._deliver([document for _, document in found])
            self._advance(after)
            mark = after

    def _begin(self) -> Mark:
        """Return the place to go on from: that of the last time, or now, or where it is not too far."""
        events = self._control.store.events
        newest, mark = events.mark(), events.cursor(self._name)
        if mark is None:
            self._advance(newest)
            return newest
        if (behind := newest.id - mark.id) > MOST_BEHIND:
            self._tell_dropped(behind)
            self._advance(newest)
            return newest
        return mark

    def _advance(self, mark: Mark) -> None:
        self._control.store.events.advance(self._name, mark, term=self._term)

    def _tell_dropped(self, count: int) -> None:
        now, place = self._control.clock.now(), redact(self._url)
        note = f"{count} events were left out: it was too slow, or away for too long"
        log.warning("%s: %s", place, note)
        event = Event(id=0, at=now, kind="adaptor", object=place, action="dropped", note=note)
        self._control.store.events.add([event])


class Adaptors:
    """All adaptors of the settings, in one term."""

    def __init__(self, control: Control, term: int) -> None:
        self._all = [Adaptor(control, url, term) for url in control.settings.adaptors]

    def run(self) -> int:
        """Let each go on; return how many there are.

        Raises:
            Misconfigured: some do not work; the message says which, and why.
        """
        for adaptor in self._all:
            adaptor.turn()
        if troubles := [adaptor.trouble for adaptor in self._all if adaptor.trouble]:
            raise Misconfigured("; ".join(troubles))
        return len(self._all)


def opened(url: str) -> Deliver:
    """Return what delivers to a URL: `NAME:...` or `NAME+...` names the adaptor.

    Raises:
        Misconfigured: no adaptor is called so.
    """
    name = url.partition(":")[0].partition("+")[0]
    if name in BUILT_IN:
        return partial(BUILT_IN[name], url)
    for point in entry_points(group=GROUP, name=name):
        found: Deliver = point.load()(url)
        return found
    known = ", ".join(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))
    raise Misconfigured(f'there is no adaptor "{name}"', remedy=f"one of {known}")
