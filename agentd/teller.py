"""Answers what is asked of this host: its logs, to whoever reads them elsewhere.

One thread that lives only while somebody asks, with a connection of its own, so that neither the
agent's link nor its decisions ever wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from flowctl.errors import FlowError
from flowctl.model.asks import Ask

if TYPE_CHECKING:
    from flowctl.services.control import Control
    from flowctl.services.hostlogs import Answer

_log = logging.getLogger(__name__)
_PAUSE = 0.4
"""Seconds between looks at what is new."""


class Teller:
    """Knows the questions of the moment; any thread may give it new ones."""

    def __init__(
        self, opener: Callable[[], AbstractContextManager[Control]], agent: str, logs: Path
    ) -> None:
        self._opener, self._agent, self._logs = opener, agent, logs
        self._asks: dict[str, Ask] = {}
        self._lock = threading.Lock()
        self._is_busy = False

    def heed(self, asks: Sequence[Ask]) -> None:
        """Answer these questions from now on, and no others."""
        with self._lock:
            self._asks = {ask.id: ask for ask in asks}
            if not self._asks or self._is_busy:
                return
            self._is_busy = True
        threading.Thread(target=self._run, name="teller", daemon=True).start()

    def _run(self) -> None:
        try:
            with self._opener() as control:
                self._serve(control)
        except BaseException:
            with self._lock:
                self._is_busy = False  # the next question is answered by a new thread
            raise

    def _serve(self, control: Control) -> None:
        never = threading.Event()
        answers: dict[str, Answer] = {}
        while asks := self._current(control):
            try:
                self._answer(control, asks, answers)
            except FlowError as error:
                _log.warning("what was asked is not told: %s", error)
            never.wait(_PAUSE)

    def _current(self, control: Control) -> dict[str, Ask]:
        """Return what is asked now; where that is nothing, this thread has ended."""
        now = control.clock.now()
        with self._lock:
            asks = {key: ask for key, ask in self._asks.items() if ask.expires_at > now}
            self._is_busy = bool(asks)
        return asks

    def _answer(self, control: Control, asks: dict[str, Ask], answers: dict[str, Answer]) -> None:
        from flowctl.services.hostlogs import Answer

        for gone in answers.keys() - asks.keys():
            del answers[gone]
        for key, ask in asks.items():
            if key not in answers:
                answers[key] = Answer(ask, self._agent, self._logs)
            answers[key].tell(control)
