"""Who has fallen silent, and what that makes of them.

Silence is measured by the one who listens, from the moment it saw the last beat change, so that
clocks of other hosts do not matter and a new leader gives everybody a full grace period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from flowctl.model.fleet import Agent
from flowctl.model.states import AgentStatus

_HEARD = frozenset({AgentStatus.STARTING, AgentStatus.RUNNING, AgentStatus.DRAINING})


class Heard(Struct, frozen=True):
    """The last beat of somebody, and when the listener first saw it."""

    beat_at: datetime
    seen_at: float


class Verdict(Struct, frozen=True, kw_only=True):
    """The agents whose status must change."""

    suspect: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def listen(
    heard: Mapping[str, Heard], beats: Iterable[tuple[str, datetime]], now: float
) -> dict[str, Heard]:
    """Return what is known after these beats; who is no longer among them is forgotten."""
    fresh: dict[str, Heard] = {}
    for name, beat_at in beats:
        known = heard.get(name)
        same = known is not None and known.beat_at == beat_at
        fresh[name] = known if known is not None and same else Heard(beat_at, now)
    return fresh


def judge(
    agents: Iterable[Agent],
    heard: Mapping[str, Heard],
    now: float,
    *,
    suspect_after: float,
    lost_after: float,
) -> Verdict:
    """Return which agents are suspect or lost from now on; who said goodbye is neither."""
    suspect, lost = [], []
    for agent in agents:
        silence = now - heard[agent.name].seen_at if agent.name in heard else 0.0
        listening = agent.status in _HEARD
        if silence >= lost_after and (listening or agent.status is AgentStatus.SUSPECT):
            lost.append(agent.name)
        elif silence >= suspect_after and listening:
            suspect.append(agent.name)
    return Verdict(suspect=tuple(sorted(suspect)), lost=tuple(sorted(lost)))
