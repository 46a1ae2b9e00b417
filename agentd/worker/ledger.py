"""Which running calls are worth a record before they end, and which are too long for their queue.

A call of milliseconds is recorded once, when it ends. After a second it is shown as running; after
five minutes it is held by a lease in the database instead of an unacknowledged delivery, because
the broker's acknowledgement timeout would hand it to somebody else while it still runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta

from agentd.worker.follow import CLAIM_LEASE
from agentd.worker.items import Item
from agentd.worker.routing import running
from flowctl.clock import Clock
from flowctl.model.traffic import Call
from flowctl.model.work import Claim

SHOWN_AFTER = 1.0
CLAIMED_AFTER = float(os.environ.get("FLOWCTL_CLAIM_AFTER", "300"))
"""Seconds; far below the shortest acknowledgement timeout of a broker (30 minutes by default)."""


class Ledger:
    """Remembers which of the running calls were recorded or claimed."""

    def __init__(self, worker: str, clock: Clock, lease: timedelta = CLAIM_LEASE) -> None:
        self._worker = worker
        self._clock = clock
        self._lease = lease

    def due(self, items: Sequence[Item], now: float) -> tuple[list[Call], list[tuple[Item, Claim]]]:
        """Return the records to write and the claims to make; each is returned once."""
        begun = [self._begin(i) for i in items if not i.begun and now - i.started > SHOWN_AFTER]
        long = [i for i in items if not i.claimed and now - i.started > CLAIMED_AFTER]
        return begun, [(item, self._claim(item)) for item in long]

    def _begin(self, item: Item) -> Call:
        item.begun = True
        started_at = item.started_at or self._clock.now()
        return running(
            item.route, item.message, received_at=item.received_at, started_at=started_at
        )

    def _claim(self, item: Item) -> Claim:
        item.claimed = True
        return Claim(
            call_id=item.message.id,
            queue=item.route.queue,
            message=item.message,
            worker=self._worker,
            expires_at=self._clock.now() + self._lease,
        )
