"""A token bucket: how many calls may start now (pure; the caller brings the time)."""

from __future__ import annotations

from flowctl.model.flow import Rate, RateScope


class Bucket:
    """Lets `rate.calls` through in `rate.per` seconds; a tenth of a second's worth may burst."""

    def __init__(self, rate: Rate | None, workers: int = 1) -> None:
        self._per_second = 0.0
        if rate is not None and rate.calls > 0:
            share = max(1, workers) if rate.scope is RateScope.PROCESSOR else 1
            self._per_second = rate.calls / rate.per / share
        # Never below two, or the fraction left over at each start would be lost and the rate missed.
        self._burst = max(2.0, self._per_second / 10)
        self._tokens = 1.0
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may start; 0 means now."""
        if not self._per_second:
            return 0.0
        self._fill(now)
        return max(0.0, (1.0 - self._tokens) / self._per_second)

    def take(self) -> None:
        """Spend the token of one call that starts."""
        self._tokens -= 1.0

    def _fill(self, now: float) -> None:
        gone = 0.0 if self._at is None else now - self._at
        self._tokens = min(self._burst, self._tokens + gone * self._per_second)
        self._at = now
