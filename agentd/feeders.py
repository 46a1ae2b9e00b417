"""The threads that notice things and put them into the daemon's one queue; they decide nothing."""

from __future__ import annotations

import logging
import select
import signal
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from agentd.commands import BuildEnvironment
from agentd.stimuli import BuildBroke, Built, Key, Site, Stimulus
from flowctl.errors import FlowError
from flowctl.model.work import Assignment

_log = logging.getLogger(__name__)
BUILDS_AT_ONCE = 2


class Ended(NamedTuple):
    """The process behind the pidfd of a deployment's worker has ended."""

    key: Key


class Signalled(NamedTuple):
    """This process got a signal."""

    number: int


Happened = Stimulus | Ended | Signalled
"""What the daemon's queue holds."""


class Watcher(threading.Thread):
    """Waits for the end of workers and for signals, all in one place."""

    def __init__(self, tell: SimpleQueue[Happened]) -> None:
        super().__init__(name="watcher", daemon=True)
        self._tell = tell
        self._epoll = select.epoll()
        self._keys: dict[int, Key] = {}
        self._signals, self._wakeup = socket.socketpair()

    def watch(self, pidfd: int, key: Key) -> None:
        """Tell once when this process has ended."""
        self._keys[pidfd] = key
        self._epoll.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)

    def listen(self, *numbers: signal.Signals) -> None:
        """Take these signals as things that happened; call it from the main thread."""
        self._signals.setblocking(False)
        self._wakeup.setblocking(False)
        self._epoll.register(self._signals, select.EPOLLIN)
        for number in numbers:
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Notice until the process ends."""
        while True:
            for number, _ in self._epoll.poll():
                if number == self._signals.fileno():
                    self._read_signals()
                else:
                    self._tell.put(Ended(self._keys.pop(number)))

    def _read_signals(self) -> None:
        for number in self._signals.recv(64):
            self._tell.put(Signalled(number))


def _ignore(number: int, frame: object) -> None:
    """Only the wakeup descriptor speaks; a handler must be there for it to do so."""


class Builders:
    """Builds environments aside, a few at once."""

    def __init__(
        self,
        build: Callable[[Assignment], Site],
        tell: SimpleQueue[Happened],
        *,
        prune: Callable[[set[str]], list[str]],
    ) -> None:
        self._build = build
        self._prune = prune
        self._tell = tell
        self._room = threading.Semaphore(BUILDS_AT_ONCE)

    def order(self, command: BuildEnvironment) -> None:
        """Build in a thread of its own; the answer comes as a stimulus, whatever happens."""
        name = f"build {command.key}"
        threading.Thread(target=self._run, args=(command,), name=name, daemon=True).start()

    def prune(self, keep: set[str]) -> None:
        """Remove environments that nobody used for long, in a thread of its own."""
        threading.Thread(target=self._clean, args=(keep,), name="prune", daemon=True).start()

    def _clean(self, keep: set[str]) -> None:
        try:
            removed = self._prune(keep)
        except (FlowError, OSError) as error:
            _log.warning("old environments stay: %s", error)
        else:
            _log.info("removed %d environments that nobody used", len(removed))

    def _run(self, command: BuildEnvironment) -> None:
        answer: Built | BuildBroke = BuildBroke(
            command.key, command.version, "build: unexpected error, see the log of agentd"
        )
        try:
            with self._room:
                site = self._build(command.assignment)
            answer = Built(command.key, command.version, site)
        except (FlowError, OSError) as error:
            answer = BuildBroke(command.key, command.version, tell_failure(error))
        finally:
            self._tell.put(answer)


def tell_failure(error: FlowError | OSError) -> str:
    """Return why a build failed, what may help, and where more is said."""
    remedy = error.remedy if isinstance(error, FlowError) else ""
    log = getattr(error, "log", "")
    lines = [f"build: {error}", remedy, f"log: {log}" if log else ""]
    return "\n".join(filter(None, lines))
