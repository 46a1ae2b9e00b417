"""How much work a worker holds: pure decisions from the measured time of its calls.

Long calls get as many deliveries as there are executors, so that nobody hoards what another
worker could run; shorter ones get one more. Calls of milliseconds get enough in flight to keep the
pipe and the group commit full; what they hold is then still only a fraction of a second of work.
"""

from __future__ import annotations

from dataclasses import dataclass

HELD_SECONDS = 0.1
"""How much work, in seconds of each executor, may wait in the worker."""
AHEAD_SECONDS = 0.01
"""How much work may be queued inside one executor, behind the call that runs."""
LONG = 0.3
"""Seconds from which on a call is so long that fetching the next one after it costs nothing."""
MOST_HELD = 1024
MOST_AHEAD = 64
_MEASURED = 8
"""Calls to see before the mean is believed."""
_WEIGHT = 0.05


@dataclass(slots=True)
class Pace:
    """The moving mean of how long calls take, in seconds."""

    mean: float = 0.0
    seen: int = 0

    def observe(self, duration: float) -> None:
        """Take one more duration into account; a long one counts at once."""
        self.seen += 1
        if self.seen == 1 or duration > 10 * self.mean:
            self.mean = duration
        else:
            self.mean += _WEIGHT * (duration - self.mean)

    @property
    def known(self) -> bool:
        """Whether enough calls were seen."""
        return self.seen >= _MEASURED


def window(pace: Pace, executors: int, *, stuck: bool = False) -> int:
    """Return how many unacknowledged deliveries to hold; `stuck`: every executor is in a long call.

    >>> window(Pace(mean=2.0, seen=50), executors=4)
    4
    >>> window(Pace(mean=0.2, seen=50), executors=4)
    5
    >>> window(Pace(mean=0.001, seen=50), executors=1)
    101
    """
    if executors <= 0:
        return 0
    if stuck or pace.mean >= LONG:
        return executors
    return min(MOST_HELD, executors + max(1, executors * _fitting(pace, HELD_SECONDS)))


def ahead(pace: Pace) -> int:
    """Return how many calls one executor may be given at a time, the running one included.

    >>> ahead(Pace(mean=2.0, seen=50))
    1
    """
    return min(MOST_AHEAD, 1 + _fitting(pace, AHEAD_SECONDS))


def _fitting(pace: Pace, seconds: float) -> int:
    return int(seconds / max(pace.mean, 0.00005)) if pace.known else 0
