"""The table of queues with what moves in them: depth, rates, where it goes, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.work import Trend
from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, count, duration


@dataclass(frozen=True, slots=True)
class Level:
    """A queue and what moves in it; numbers are None where nobody knows."""

    name: str
    network: str
    role: str
    """socket, plug, dead, left or trash."""
    owner: str
    ready: int | None = None
    unacked: int | None = None
    consumers: int | None = None
    in_rate: float | None = None
    out_rate: float | None = None
    trend: str = ""
    seconds: float | None = None
    """Until it is empty, or full."""
    limit: int = 0

    @property
    def status(self) -> str:
        """What is wrong with it; empty where nothing is."""
        if self.role == "dead" and self.ready:
            return "failed"
        if self.ready and self.consumers == 0 and self.role in ("socket", "plug"):
            return "waiting"
        return ""


def _number(value: Any, _now: datetime) -> str:
    return "?" if value is None else count(value)


def _rate(value: Any, _now: datetime) -> str:
    if value is None:
        return NOTHING
    return f"{count(round(value, 1))}/s" if value else "0"


_TRENDS = {Trend.STEADY: "steady", Trend.GROWING: "▲ grows", Trend.SHRINKING: "▼ drains"}


def _trend(value: Any, _now: datetime) -> str:
    return _TRENDS.get(value, NOTHING)


def _until(value: Any, _now: datetime) -> str:
    return NOTHING if value is None else duration(float(int(value)) or 1.0)


LEVELS = (
    Field("name", lambda level: level.name),
    Field("network", lambda level: level.network, wide=True),
    Field("role", lambda level: level.role),
    Field("ready", lambda level: level.ready, _number, right=True),
    Field("unacked", lambda level: level.unacked, _number, right=True),
    Field("in", lambda level: level.in_rate, _rate, right=True),
    Field("out", lambda level: level.out_rate, _rate, right=True),
    Field("trend", lambda level: level.trend, _trend),
    Field("until", lambda level: level.seconds, _until, right=True, title="EMPTY/FULL IN"),
    Field("consumers", lambda level: level.consumers, _number, right=True),
    Field("status", lambda level: level.status, wide=True),
    Field("owner", lambda level: level.owner, wide=True),
    Field("limit", lambda level: level.limit or None, _number, right=True, wide=True),
)


def levels(values: Iterable[Level], now: datetime) -> Table:
    """Return the table of queues with what moves in them."""
    return build("queues", LEVELS, values, now)


def until(depth: int | None, arriving: float | None, leaving: float | None, limit: int) -> Any:
    """Return the seconds until a queue is empty or full at this pace; None where it never is.

    >>> until(100, 0.0, 10.0, 0), until(100, 15.0, 10.0, 200), until(100, 15.0, 10.0, 0)
    (10.0, 20.0, None)
    """
    if not depth or arriving is None or leaving is None:
        return None
    change = arriving - leaving
    if change < 0:
        return depth / -change
    return (limit - depth) / change if limit and change > 0 and limit > depth else None
