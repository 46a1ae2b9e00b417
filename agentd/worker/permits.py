"""Calls that lie in an executor can be taken back: it takes a permit before it begins one.

A pipe holds one byte for each call that was handed over. The kernel gives each byte to one reader:
to the executor, which then begins the call, or to the worker, which then knows that it has not begun
and never will. The frames of calls that were taken back are still on their way, so a byte of another
kind is left for each, by which the executor drops it.
"""

from __future__ import annotations

import os

RUN, DROP = b"R", b"D"
_MOST = 65536


class Permits:
    """The worker's ends of the pipe; calls are begun, and dropped, in the order of their frames."""

    def __init__(self) -> None:
        self.theirs, self._write = os.pipe()
        # A description of our own: that we do not wait must not become the executor's habit.
        place, how = f"/proc/self/fd/{self.theirs}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        self._read = os.open(place, how)
        os.set_blocking(self._write, False)

    def hand_over(self) -> None:
        """Close the executor's end, once it was passed on."""
        os.close(self.theirs)

    def give(self, count: int) -> None:
        """Let the executor begin so many more calls."""
        os.write(self._write, RUN * count)

    def take_back(self, most: int) -> int:
        """Take back permits of the last calls, `most` at most, and return how many those were."""
        try:
            left = os.read(self._read, _MOST)
        except BlockingIOError:
            return 0
        taken = min(left.count(RUN), most)
        # Frames have an order, so the permits of the last calls must be the ones that change.
        os.write(self._write, DROP.join(left.rsplit(RUN, taken)))
        return taken

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read)
        os.close(self._write)
