"""Leadership: asks for the lease, renews it, gives it up. What to do is decided in lease.py.

`term()` is what everybody else goes by: it is None from the moment another may lead, whether or not
this process has noticed yet, because it compares with the monotonic clock and nothing else.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from flowctl.errors import StateUnavailable
from flowctl.model.fleet import Lease
from flowctl.model.ids import new_id
from flowctl.services.control import Control
from schedulerd.lease import Held, Move, Seen, decide, is_worth_a_try, watch
from schedulerd.policy import Policy

log = logging.getLogger(__name__)

MARGIN = 1.0
"""Seconds before the lease ends at which we stop acting."""


class Leadership:
    """The lease as this process has it, or waits for it."""

    def __init__(self, control: Control, policy: Policy, name: str) -> None:
        # A name of its own for each process: one that was stopped must not pass for its successor.
        self.holder = f"{name}#{new_id()[:6]}"
        self.seen: Seen | None = None
        self._clock = control.clock
        self._duty = control.store.duty
        self._policy = policy
        self._lock = threading.Lock()
        self._closed = False
        self._held: Held | None = None
        self._origin: tuple[datetime, float] | None = None

    def term(self) -> int | None:
        """Return the term in which this process leads now, or None."""
        held = self._held
        if held is None or self._clock.monotonic() >= held.until:
            return None
        return held.term

    def now(self) -> datetime:
        """Return the time of the database, as far as it is known."""
        if self._origin is None:
            return self._clock.now()
        moment, at = self._origin
        return moment + timedelta(seconds=self._clock.monotonic() - at)

    def step(self) -> None:
        """Do what is next about the lease."""
        with self._lock:
            if self._closed:
                return
            now = self._clock.monotonic()
            match decide(self._held, now, self._policy.lease_renew):
                case Move.ASK:
                    self._ask(now)
                case Move.RENEW:
                    self._renew(now)
                case Move.STEP_DOWN:
                    self.depose("the lease could not be renewed in time")
                case Move.REST:
                    pass

    def depose(self, why: str) -> None:
        """Stop leading at once."""
        held, self._held = self._held, None
        if held is not None:
            log.warning("no longer leading: %s", why, extra={"term": held.term})

    def close(self) -> None:
        """Give the lease up, so that another leads at once, and never ask for it again."""
        with self._lock:
            self._closed = True
            held, self._held = self._held, None
            if held is None:
                return
            try:
                self._duty.yield_(self.holder, held.term)
            except StateUnavailable as error:
                log.warning("the lease will run out by itself: %s", error)

    def _ask(self, now: float) -> None:
        self.seen = watch(self.seen, self._duty.lease(), now)
        if not is_worth_a_try(self.seen, now, self._clock.now(), self._policy.lease_renew):
            return
        lease = self._duty.acquire(self.holder, self._policy.lease_ttl)
        if lease is not None and lease.holder == self.holder:
            self._hold(lease, now)
            log.info("leading in term %d", lease.term, extra={"term": lease.term})

    def _renew(self, now: float) -> None:
        held = self._held
        if held is None:
            return
        if not self._duty.renew(self.holder, held.term, self._policy.lease_ttl):
            self.depose("another holds the lease")
            return
        lease = self._duty.lease()
        if lease is not None and lease.term == held.term:
            self._hold(lease, now)

    def _hold(self, lease: Lease, asked_at: float) -> None:
        ttl = self._policy.lease_ttl
        self._origin = (lease.expires_at - timedelta(seconds=ttl), asked_at)
        until = asked_at + ttl - min(MARGIN, ttl / 4)
        self._held = Held(term=lease.term, renewed_at=asked_at, until=until)
        self.seen = None
