"""How patient the scheduler is, and how long things are kept. Durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from flowctl.errors import Misconfigured

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Every number the scheduler goes by; each may be set as `FLOWCTL_<NAME>`."""

    lease_ttl: float = 10.0
    """How long a leader leads without renewing."""
    lease_renew: float = 3.0
    tick: float = 0.25
    """How often the leader looks whether anything changed."""
    look: float = 3.0
    """How often it looks at the whole fleet although nothing changed."""
    suspect_after: float = 10.0
    """Silence that makes an agent suspect: it keeps what it has and gets nothing new."""
    lost_after: float = 30.0
    """Silence that makes an agent lost: what it has is placed elsewhere."""
    sweep_after: float = 5.0
    """Age at which an unsent message in the outbox counts as forgotten."""
    autoscale_every: float = 2.0
    sample_every: float = 5.0
    queues_every: float = 30.0
    """How often all queues are declared again although nothing changed."""
    retire_every: float = 60.0
    """How often old records are removed."""
    keep_calls: float = 7 * DAY
    keep_events: float = 7 * DAY
    keep_samples: float = DAY
    keep_trash: float = DAY
    """How long purged messages can be brought back."""
    keep_journal: float = 90 * DAY

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Policy:
        """Return the policy that the environment asks for.

        Raises:
            Misconfigured: a value is not a positive number.
        """
        asked = {
            field.name: _seconds(f"FLOWCTL_{field.name.upper()}", environ)
            for field in fields(cls)
            if environ.get(f"FLOWCTL_{field.name.upper()}")
        }
        return cls(**asked)


def _seconds(variable: str, environ: Mapping[str, str]) -> float:
    text = environ[variable]
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise Misconfigured(
            f'environment {variable}: "{text}" is not a number of seconds', remedy="such as 30"
        )
    return seconds
