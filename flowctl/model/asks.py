"""Questions to the agents: what lies on their hosts and in no database."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Ask(Struct, frozen=True, kw_only=True):
    """A question that every agent answers for as long as its lease lasts."""

    id: str
    body: str
    """What is asked, as JSON."""
    asker: str
    """The place that asks; an agent of the same place has nothing to tell it."""
    expires_at: datetime
