"""The one thread that touches pika: everybody else hands it what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread, current_thread
from typing import Any, TypeVar

from pika.adapters.select_connection import IOLoop

from flowctl.errors import BrokerUnavailable

T = TypeVar("T")
_log = logging.getLogger(__name__)

# pika shouts several lines at every failed attempt; what matters of them we say ourselves.
logging.getLogger("pika").addHandler(logging.NullHandler())
logging.getLogger("pika").propagate = False


class Loop:
    """An I/O loop in a thread of its own; `on_crash` is told when a callback raised."""

    def __init__(self, name: str) -> None:
        self.io = IOLoop()
        self.on_crash: list[Callable[[str], None]] = []
        self._ended = False
        self._thread = Thread(target=self._run, name=f"{name}-rabbit", daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller is the loop's own thread, which must never wait for the loop."""
        return current_thread() is self._thread

    def call(self, act: Callable[[], object]) -> None:
        """Have `act` called soon, in the loop's thread; from any thread."""
        self.io.add_callback_threadsafe(act)

    def ask(self, act: Callable[[], T], timeout: float) -> T:
        """Have `act` called in the loop's thread and return what it returns; from other threads.

        Raises:
            BrokerUnavailable: the loop did not answer within `timeout`.
        """
        answer: Future[T] = Future()
        self.call(lambda: settle_with(answer, act))
        return wait_for(answer, timeout)

    def later(self, delay: float, act: Callable[[], object]) -> Any:
        """Have `act` called after `delay` seconds; only from the loop's thread."""
        return self.io.call_later(delay, act)

    def forget(self, timer: Any) -> None:
        """Call off what `later` promised."""
        if timer is not None:
            self.io.remove_timeout(timer)

    def close(self) -> None:
        """End the thread."""
        if self._ended:
            return
        self._ended = True
        self.call(self.io.stop)
        if not self.inside:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._ended:
            try:
                self.io.start()
            except Exception as error:  # noqa: BLE001 - told and logged below
                # A bug of ours, or bytes that pika cannot read: start anew rather than be deaf.
                _log.exception("the broker's thread stumbled")
                self._tell(f"{type(error).__name__}: {error}")
        self.io.close()

    def _tell(self, why: str) -> None:
        for listener in self.on_crash:
            self.call(lambda listener=listener: listener(why))  # type: ignore[misc]


def settle_with(answer: Future[T], act: Callable[[], T]) -> None:
    """End a future with what `act` returns or raises."""
    try:
        answer.set_result(act())
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
        answer.set_exception(error)


def wait_for(answer: Future[T], timeout: float) -> T:
    """Return what a future ends with.

    Raises:
        BrokerUnavailable: it does not end within `timeout`.
    """
    try:
        return answer.result(timeout)
    except TimeoutError as error:
        if answer.done():
            raise
        raise BrokerUnavailable(f"the broker gave no answer within {timeout:g} s") from error
