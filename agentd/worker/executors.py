"""One executor as the worker sees it: a process, a socket, and the calls it was given."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from enum import StrEnum
from pathlib import Path
from typing import Any

from agentd.worker.frames import Frame, Kind, Reader, pack
from agentd.worker.items import Item
from agentd.worker.launch import kill_group, spawn
from agentd.worker.permits import Permits

_CHUNK = 256 * 1024


class Phase(StrEnum):
    """Where an executor is."""

    STARTING = "starting"  # imports the user's module
    READY = "ready"
    RETIRING = "retiring"  # finishes what it was given, then stops
    BROKEN = "broken"  # could not import; ends by itself


class Executor:
    """Owns the process and its pipes; decides nothing."""

    def __init__(
        self, number: int, python: str, env: dict[str, str], cwd: Path, now: float, family: str
    ) -> None:
        self.number = number
        self._permits = Permits()
        permits = self._permits.theirs
        launched = spawn(python, env=env, cwd=cwd, family=family, permits=permits)
        self._permits.hand_over()
        self.process, self.socket, self._token = launched.process, launched.link, launched.token
        self.stdout, self.stderr = launched.stdout, launched.stderr
        for stream in (self.stdout, self.stderr):
            os.set_blocking(stream, False)
        self.socket.setblocking(False)
        self.phase = Phase.STARTING
        self.since = now
        self.calls: deque[Item] = deque()
        """Oldest first; the first one runs."""
        self.recalled = 0.0
        """When the others were last taken back."""
        self._due = 0
        self._reader = Reader()
        self._unsent = bytearray()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def serves(self) -> bool:
        """Whether it may be given calls."""
        return self.phase is Phase.READY

    def send(self, kind: Kind, head: dict[str, Any], body: bytes = b"") -> None:
        """Queue a frame; `flush` writes it."""
        self._unsent += pack(kind, head, body)
        self._due += kind is Kind.CALL

    def recall(self) -> list[Item]:
        """Take back the calls behind the first one that it has not begun, and return them."""
        count = self._permits.take_back(len(self.calls) - 1)
        taken = [self.calls.pop() for _ in range(count)]
        return taken[::-1]

    def flush(self) -> bool:
        """Write what the socket takes now and tell whether something is left."""
        if self._due:
            self._permits.give(self._due)
            self._due = 0
        while self._unsent:
            try:
                count = self.socket.send(self._unsent[:_CHUNK])
            except BlockingIOError:
                return True
            except OSError:
                self._unsent.clear()  # it died: the end of its output tells
                return False
            del self._unsent[:count]
        return False

    def receive(self) -> list[Frame] | None:
        """Return the frames that arrived, or None when the executor has ended."""
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._reader.feed(data) if data else None

    def drain(self, stream: int) -> str | None:
        """Return what lies in one of its output pipes, or None at its end."""
        try:
            data = os.read(stream, 65536)
        except BlockingIOError:
            return ""
        except OSError:
            return None
        return data.decode(errors="replace") if data else None

    def kill(self) -> None:
        """End it and everything it started."""
        kill_group(self.process.pid, self._token)

    def close(self) -> int:
        """Reap the process and close its pipes; return its exit status."""
        kill_group(self.process.pid, self._token)
        status = self.process.wait()
        self.socket.close()
        self._permits.close()
        for stream in (self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                os.close(stream)
        return status
