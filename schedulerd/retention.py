"""Retention: records older than the policy go, a small batch at a time, so that nobody waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowctl.services import trash
from flowctl.services.control import Control
from schedulerd.policy import Policy

BATCH = 500
_ROUNDS = 20


def retire(control: Control, policy: Policy, now: datetime) -> int:
    """Remove what is too old; return how many calls went. What is left waits for the next time."""
    calls = 0
    for _ in range(_ROUNDS):
        gone = control.store.traffic.expire(now - timedelta(seconds=policy.keep_calls), BATCH)
        calls += gone
        if gone < BATCH:
            break
    control.store.events.expire(now - timedelta(seconds=policy.keep_events))
    control.store.duty.expire(now - timedelta(seconds=policy.keep_samples))
    control.store.journal.expire(now - timedelta(seconds=policy.keep_journal))
    trash.expire(control, now - timedelta(seconds=policy.keep_trash))
    return calls
