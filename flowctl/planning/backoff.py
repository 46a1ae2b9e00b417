"""How long to wait before the next try: doubling, capped, with full jitter.

Full jitter (anything between nothing and the bound) spreads a crowd that failed together better
than any narrower choice. The random number is the caller's, so that this stays a function.
"""

from __future__ import annotations

_DOUBLINGS = 64


def retry_delay(first: float, cap: float, attempt: int, luck: float) -> float:
    """Return the seconds before the attempt after `attempt` (1 is the first).

    `luck` is a random number from 0 to 1.

    >>> retry_delay(1.0, 300.0, 3, 1.0)
    4.0
    >>> retry_delay(1.0, 300.0, 50, 0.5)
    150.0
    """
    doubled: float = first * 2 ** min(max(attempt - 1, 0), _DOUBLINGS)
    return min(cap, doubled) * luck
