"""Whose turn it is to write to the embedded broker: a queue of processes, kept by the kernel.

SQLite alone lets those who wait sleep and try again, so a busy process could shut the others out for
seconds. Here each waits in the kernel, first for its turn and then for the right to write; who has
just written cannot overtake who has the turn. The kernel frees both when a process dies. Nothing
depends on it but fairness: the database has locks of its own.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


class Gate:
    """Lets one process of this machine through at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn: PatientLock | None = None
        self._write: PatientLock | None = None

    def enter(self, timeout: float) -> None:
        """Wait for the right to write.

        Raises:
            TimeoutError: somebody else keeps it.
        """
        turn, write = self._open()
        if not turn.take(timeout):
            raise TimeoutError(0, "another process writes for too long")
        entered = write.take(timeout)
        turn.give()
        if not entered:
            raise TimeoutError(0, "another process writes for too long")

    def leave(self) -> None:
        """Let the next one through."""
        if self._write is not None:
            self._write.give()

    def close(self) -> None:
        """Close the files."""
        for lock in (self._turn, self._write):
            if lock is not None:
                lock.close()
        self._turn = self._write = None

    def _open(self) -> tuple[PatientLock, PatientLock]:
        if self._turn is None or self._write is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._turn = PatientLock(self._folder / "turn")
            self._write = PatientLock(self._folder / "write")
        return self._turn, self._write


class PatientLock:
    """A locked file that can be waited for with an end; used by one thread.

    The kernel knows no end of waiting, so another thread waits, and if nobody wants the lock any
    more when it comes, gives it back.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._changed = threading.Condition()
        self._waits = False
        self._wanted = False

    def take(self, timeout: float) -> bool:
        """Take the lock; False if it does not come in time."""
        with self._changed:
            if not self._waits:
                if self._try():
                    return True
                self._waits = True
                threading.Thread(target=self._wait, name="gate", daemon=True).start()
            self._wanted = True
            came = self._changed.wait_for(lambda: not self._wanted, timeout)
            self._wanted = False
            return came

    def give(self) -> None:
        """Give the lock back."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, unless a thread still waits for it: its number must not be reused."""
        with self._changed:
            if not self._waits:
                os.close(self._file)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._changed:
            self._waits = False
            if self._wanted:
                self._wanted = False
                self._changed.notify()
            else:
                self.give()
