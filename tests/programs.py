"""Starts `tests.broker_program` and reads what it says; nothing of it outlives the test."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.inbox import PATIENCE

ROOT = Path(__file__).parent.parent


class Program:
    """One running process."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker_program", *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self._out = self._process.stdout.fileno()
        self._said = b""

    @property
    def lines(self) -> list[str]:
        """The whole lines that were read so far."""
        return self._said.decode().split("\n")[:-1]

    def wait_lines(self, word: str, count: int) -> list[str]:
        """Read until so many lines begin with that word; return the rest of each."""
        deadline = time.monotonic() + PATIENCE
        while len(found := self.said(word)) < count:
            left = deadline - time.monotonic()
            assert left > 0, f"waited for {count} x {word}; said {self.lines[-5:]}"
            if select.select([self._out], [], [], left)[0]:
                more = os.read(self._out, 65536)
                assert more, f"it ended; said {self.lines[-5:]}"
                self._said += more
        return found

    def said(self, word: str) -> list[str]:
        return [line.removeprefix(word).strip() for line in self.lines if line.startswith(word)]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it without any warning, and read what it had said."""
        if self._process.stdout is None or self._process.stdout.closed:
            return
        self._process.kill()
        self._process.wait()
        while more := os.read(self._out, 65536):
            self._said += more
        self._process.stdout.close()
