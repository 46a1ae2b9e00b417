"""Retention: records older than the policy go, a small batch at a time, so that nobody waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowctl.services import trash
from flowctl.services.control import Control
from schedulerd.policy import Policy

BATCH = 500
SHARE = 0.5
"""How much of the time between two rounds may be spent: what calls bring, retention can take away."""


def retire(control: Control, policy: Policy, now: datetime) -> int:
    """Remove what is too old; return how many calls went. What is left waits for the next time."""
    calls, gone = 0, BATCH
    deadline = control.clock.monotonic() + SHARE * policy.retire_every
    while gone == BATCH and control.clock.monotonic() < deadline:
        gone = control.store.traffic.expire(now - timedelta(seconds=policy.keep_calls), BATCH)
        calls += gone
    control.store.events.expire(now - timedelta(seconds=policy.keep_events))
    control.store.duty.expire(now - timedelta(seconds=policy.keep_samples))
    control.store.journal.expire(now - timedelta(seconds=policy.keep_journal))
    trash.expire(control, now - timedelta(seconds=policy.keep_trash))
    return calls
