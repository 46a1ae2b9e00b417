"""A run as a waterfall: its calls as a tree, and beside each when it waited and when it worked.

Pure. A light line is time in queues, a solid bar is work; a cross ends what failed, an arrow what
still runs. All calls share one scale, whose ends stand in the title of the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Call
from flowctl.views.listing import elide
from flowctl.views.table import Field, Table, build
from flowctl.views.text import NOTHING, duration
from flowctl.views.traces import Branch, branches, sent_moments
from flowctl.views.traffic import began, call_end, failure_text

MOST = 2_000
"""So many calls of a run are shown; the first of its tree."""
_FIXED = 9 + 7 + 6 + 3 + 5 * 2 + 1
"""Cells for status, waited, ran and tries, and between them."""
WAITS, WORKS, FAILED, RUNS = "─", "█", "✗", "▶"


@dataclass(frozen=True)
class Fall:
    """One call of a run, on its scale."""

    call: Call
    label: str
    """Its socket, below the call that sent to it."""
    bar: str
    waited: float | None
    failure: str


@dataclass(frozen=True)
class Scale:
    """From when to when a run went."""

    begin: datetime
    end: datetime
    cells: int

    @property
    def seconds(self) -> float:
        """How long that is."""
        return max(1e-6, (self.end - self.begin).total_seconds())

    def at(self, moment: datetime) -> int:
        """Return the cell of a moment."""
        part = (moment - self.begin).total_seconds() / self.seconds
        return max(0, min(self.cells - 1, int(part * self.cells)))

    def bar(self, call: Call, sent_at: datetime | None) -> str:
        """Return when a call waited, since it was sent, and when it worked."""
        first = sent_at or began(call)
        if first is None:
            return ""
        cells = [" "] * self.cells
        start = call.started_at
        end = call.finished_at or (start if call.status in TERMINAL else self.end) or first
        self._draw(cells, first, start or end, WAITS)
        if start is not None and call.status is not CallStatus.WAITING:
            self._draw(cells, start, end, WORKS)
        if call.status is CallStatus.FAILED:
            cells[self.at(end)] = FAILED
        elif call.status not in TERMINAL and start is not None:
            cells[self.at(end)] = RUNS
        return "".join(cells).rstrip()

    def _draw(self, cells: list[str], begin: datetime, end: datetime, glyph: str) -> None:
        left, right = self.at(begin), self.at(end)
        cells[left : right + 1] = [glyph] * (right + 1 - left)


def waterfall(calls: Sequence[Call], width: int, now: datetime) -> Table:
    """Return the calls of a run as a table that is at most so wide."""
    tree = branches(calls)[:MOST]
    labels = [_label(branch) for branch in tree]
    longest = max((len(label) for label in labels), default=0)
    room = min(longest, max(16, width * 2 // 5))
    scale = _scale(calls, max(8, width - _FIXED - room), now)
    sent = sent_moments(calls)
    falls = [
        _fall(branch.call, elide(label, room), scale, sent.get(branch.call.id))
        for branch, label in zip(tree, labels, strict=True)
    ]
    return build("calls", _fields(scale), falls, now, name=lambda fall: str(fall.call.id))


def _fields(scale: Scale) -> tuple[Field, ...]:
    end = duration(scale.seconds)
    axis = f"0{end:>{max(len(end) + 1, scale.cells - 2)}}"[: scale.cells - 1]
    return (
        Field("label", lambda fall: fall.label, title="CALL"),
        Field("status", lambda fall: fall.call.status),
        Field("waited", lambda fall: fall.waited, _seconds, right=True),
        Field("ran", lambda fall: fall.call.duration, _seconds, right=True),
        Field("attempt", lambda fall: fall.call.attempt, right=True, title="#"),
        Field("bar", lambda fall: fall.bar, title=axis),
        Field("failure", lambda fall: fall.failure, wide=True),
        Field("id", lambda fall: fall.call.id, wide=True),
        Field("network", lambda fall: fall.call.network, wide=True),
    )


def _seconds(value: Any, _now: datetime) -> str:
    return NOTHING if value is None else duration(value)


def _scale(calls: Sequence[Call], cells: int, now: datetime) -> Scale:
    begins = [moment for call in calls if (moment := began(call))]
    ends = [moment for call in calls if (moment := call_end(call))]
    runs = any(call.status not in TERMINAL for call in calls)
    begin = min(begins, default=now)
    end = max([*ends, now] if runs else ends, default=now)
    return Scale(begin, max(begin, end), cells)


def _label(branch: Branch) -> str:
    rails = "".join("│ " if rail else "  " for rail in branch.rails)
    knee = "" if not branch.depth else "└ " if branch.last else "├ "
    return f"{rails}{knee}{branch.call.socket}"


def _fall(call: Call, label: str, scale: Scale, sent_at: datetime | None) -> Fall:
    waited = None
    if sent_at is not None and call.started_at is not None:
        waited = max(0.0, (call.started_at - sent_at).total_seconds())
    return Fall(call, label, scale.bar(call, sent_at), waited, failure_text(call))
