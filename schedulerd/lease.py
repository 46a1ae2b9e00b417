"""What to do about the lease: pure, from what is on record, what we hold and what we saw.

Only the database says whether a lease has run out. What is decided here is when asking it is worth
a write: clocks of hosts are compared with nothing but themselves.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from flowctl.model.fleet import Lease


class Move(Enum):
    """The next thing to do about the lease."""

    ASK = "ask"  # look who holds it, and ask for it where that may be nobody
    RENEW = "renew"
    REST = "rest"  # we lead, and it is too early to renew
    STEP_DOWN = "step down"  # we could not renew in time: we may not act any more


class Held(Struct, frozen=True, kw_only=True):
    """The lease that this process holds, by its own monotonic clock."""

    term: int
    renewed_at: float
    until: float
    """From here on another may lead, so we must not act."""


class Seen(Struct, frozen=True, kw_only=True):
    """The lease of another, and since when it has looked like this."""

    lease: Lease
    since: float


def decide(held: Held | None, now: float, renew_every: float) -> Move:
    """Return what a process should do that holds (or believes to hold) the lease."""
    if held is None:
        return Move.ASK
    if now >= held.until:
        return Move.STEP_DOWN
    return Move.RENEW if now - held.renewed_at >= renew_every else Move.REST


def watch(seen: Seen | None, lease: Lease | None, now: float) -> Seen | None:
    """Return what is seen of another's lease after one more look."""
    if lease is None:
        return None
    if seen is not None and seen.lease == lease:
        return seen
    return Seen(lease=lease, since=now)


def is_worth_a_try(seen: Seen | None, now: float, wall: datetime, renew_every: float) -> bool:
    """Tell whether the lease may be free: nobody holds it, it ran out, or nobody renews it."""
    if seen is None:
        return True
    return seen.lease.expires_at <= wall or now - seen.since >= 2 * renew_every
