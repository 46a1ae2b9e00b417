"""Progress of a run on stderr: a bar on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
from types import TracebackType

from flowctl.cli.flags import Flags
from flowctl.clock import Clock
from flowctl.services.runs import Progress
from flowctl.views.text import duration

_WIDTH = 30
_LINE_EVERY = 10.0
_BAR_EVERY = 0.1


class Progressing:
    """Shows progress while a `with` lasts, and leaves a terminal clean."""

    def __init__(self, flags: Flags, clock: Clock) -> None:
        self._quiet = flags.quiet
        self._clock = clock
        self._bar = sys.stderr.isatty()
        self._began = clock.monotonic()
        self._shown = self._began

    def __enter__(self) -> Progressing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if self._bar and not self._quiet:
            sys.stderr.write("\r\x1b[K")

    def update(self, progress: Progress) -> None:
        """Show this, unless something was shown a moment ago."""
        now = self._clock.monotonic()
        if self._quiet or now - self._shown < (_BAR_EVERY if self._bar else _LINE_EVERY):
            return
        self._shown = now
        text = line(progress, now - self._began)
        sys.stderr.write(f"\r{text}\x1b[K" if self._bar else f"{text}\n")
        sys.stderr.flush()


def line(progress: Progress, seconds: float) -> str:
    """Return progress as one line.

    >>> from flowctl.model.work import RunCount
    >>> count = RunCount(calls=5, outputs=9, failed=1, running=2, waiting=0)
    >>> line(Progress(count=count, seeds=1, sentence=""), 3)
    '[###############...............]  5 of 10 calls, 2 running, 1 failed  3s'
    """
    count = progress.count
    if not count.calls and not count.running:
        return f"{progress.sentence}  {duration(seconds)}"
    done = min(_WIDTH, _WIDTH * count.calls // max(1, progress.expected))
    bar = "#" * done + "." * (_WIDTH - done)
    failed = f", {count.failed:,} failed" if count.failed else ""
    return (
        f"[{bar}]  {count.calls:,} of {progress.expected:,} calls, "
        f"{count.running:,} running{failed}  {duration(seconds)}"
    )
