"""The timer: calls functions every so many seconds, in a few threads of its own.

It knows nothing of what is due in the flows: that is decided from the database. APScheduler stays
behind this door, with an empty memory, so that it can neither lose nor repeat anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler


class Timer:
    """Threads by name, and what each of them does again and again."""

    def __init__(self, threads: Sequence[str]) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(1) for name in threads},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, act: Callable[[], None], *, thread: str) -> None:
        """Call `act` every so many seconds in that thread; a call that is late is made once."""
        self._scheduler.add_job(act, "interval", seconds=seconds, executor=thread)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more, and wait for what is being done."""
        self._scheduler.shutdown(wait=True)
