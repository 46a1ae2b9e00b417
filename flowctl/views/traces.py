"""The tree of a run: each call below the one that sent it, with how long it waited and ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.model.traffic import Call
from flowctl.views.table import Document, builtin
from flowctl.views.text import duration, one_line, plural, printable
from flowctl.views.traffic import LAST, began, failure_text, summed


@dataclass(frozen=True, slots=True)
class Branch:
    """One call in the tree of its run."""

    depth: int
    last: bool
    call: Call
    rails: tuple[bool, ...]
    """For each level above: whether its line goes on below this one."""


def branches(values: Sequence[Call]) -> list[Branch]:
    """Return the calls of a run in the order of their tree, each parent before its outputs."""
    known = {call.id for call in values}
    below: dict[str, list[Call]] = {}
    for call in sorted(values, key=lambda call: began(call) or LAST):
        below.setdefault(call.parent if call.parent in known else "", []).append(call)
    found: list[Branch] = []
    stack = [
        Branch(0, index == 0, call, ()) for index, call in enumerate(reversed(below.get("", [])))
    ]
    while stack:
        branch = stack.pop()
        found.append(branch)
        rails = (*branch.rails, not branch.last) if branch.depth else ()
        stack += [
            Branch(branch.depth + 1, index == 0, call, rails)
            for index, call in enumerate(reversed(below.get(branch.call.id, [])))
        ]
    return found


def trace_text(
    values: Sequence[Call], *, ascii_only: bool = False, again: Sequence[Call] = ()
) -> str:
    """Return the tree of a run: each call below the one that sent it, with waits and times.

    `again` are the calls, of this run or others, that ran one of these once more.
    """
    repeats: dict[str, list[Call]] = {}
    for call in again:
        repeats.setdefault(call.replays, []).append(call)
    bar, tee, corner = ("|  ", "|- ", "`- ") if ascii_only else ("│  ", "├─ ", "└─ ")
    sent = sent_moments(values)
    lines = []
    for branch in branches(values):
        rails = "".join(bar if rail else "   " for rail in branch.rails)
        knee = "" if not branch.depth else corner if branch.last else tee
        lines.append(f"{rails}{knee}{_trace_line(branch.call, sent, repeats)}")
    row = summed(values)
    took = f", {duration(row.seconds)}" if row.seconds is not None else ""
    failed = f", {row.failed:,} failed" if row.failed else ""
    return "\n".join([f"run {row.id}", *lines, f"{plural(row.calls, 'call')}{failed}{took}"]) + "\n"


def _trace_line(
    call: Call, sent: Mapping[str, datetime], repeats: Mapping[str, Sequence[Call]]
) -> str:
    parts = [call.socket, call.status.value]
    wait = _wait(call, sent.get(call.id))
    if wait is not None:
        parts.append(f"waited {duration(wait)}")
    if call.duration is not None:
        parts.append(f"ran {duration(call.duration)}")
    if call.attempt > 1:
        parts.append(f"attempt {call.attempt}")
    if call.plug:
        parts.append(f"by {call.plug}")
    parts.append(call.id[:12])
    if call.replays:
        parts.append(f"replays {call.replays[:12]}")
    for each in repeats.get(call.id, ()):
        place = "" if each.run_id == call.run_id else f" in run {each.run_id[:12]}"
        parts.append(f"replayed as {each.id[:12]}{place}")
    if call.failure:
        parts.append(printable(one_line(failure_text(call), 80)))
    return "  ".join(parts)


def sent_moments(values: Sequence[Call]) -> dict[str, datetime]:
    """Return when each call was sent: as its sender said, or when the call before it ended."""
    ends: dict[str, datetime | None] = {call.id: call.finished_at for call in values}
    moments = ((call.id, call.sent_at or ends.get(call.parent)) for call in values)
    return {name: moment for name, moment in moments if moment}


def _wait(call: Call, sent_at: datetime | None) -> float | None:
    if sent_at is None or call.started_at is None:
        return None
    return max(0.0, (call.started_at - sent_at).total_seconds())


def trace_document(values: Sequence[Call], again: Sequence[Call] = ()) -> Document:
    """Return a run as one document: its sums, its calls in the order of the tree, their repeats."""
    sent = sent_moments(values)
    return {
        "run": builtin(summed(values)),
        "again": [{"call": each.id, "run": each.run_id, "replays": each.replays} for each in again],
        "calls": [
            {
                "depth": item.depth,
                "waited": _wait(item.call, sent.get(item.call.id)),
                **builtin(item.call),
            }
            for item in branches(values)
        ],
    }
