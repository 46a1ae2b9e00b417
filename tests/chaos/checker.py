"""Counts what was lost and what was doubled, from what the producer saw and what is on record.

Every id that the producer saw confirmed must have exactly one result at the last stage; an id whose
fate it does not know may have one or none. Executions come from files that user code appended to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from flowctl.model.ids import CallId, child_call_id


@dataclass(slots=True)
class Verdict:
    """What a run of chaos came to."""

    accepted: int = 0
    unknown: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    executions: int = 0
    again: int = 0
    """Executions beyond the first of a call."""

    @property
    def again_share(self) -> float:
        """Re-executions as a share of all calls."""
        return self.again / max(1, self.executions - self.again)

    def sentence(self) -> str:
        """Say it."""
        return (
            f"{self.accepted} accepted, {self.unknown} unknown: {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {len(self.wrong)} wrong; {self.executions} executions, "
            f"{self.again} of them repeats ({100 * self.again_share:.2f} %)"
        )


def last_ids(first: str, plugs: Iterable[str]) -> str:
    """Return the id that the message `first` has after it went over `plugs`."""
    call_id = CallId(first)
    for plug in plugs:
        call_id = child_call_id(call_id, plug, 0)
    return call_id


def judge(
    accepted: dict[str, int],
    unknown: dict[str, int],
    results: Iterable[tuple[str, int]],
    plugs: list[str],
    journal: Path,
) -> Verdict:
    """Compare sends (id to number) with the results (last-stage id, number) and the journal."""
    verdict = Verdict(accepted=len(accepted), unknown=len(unknown))
    found = Counter(call_id for call_id, _ in results)
    values = dict(results)
    for first, number in accepted.items():
        last = last_ids(first, plugs)
        if not found[last]:
            verdict.lost.append(first)
        elif values[last] != number:
            verdict.wrong.append(first)
    verdict.doubled = [call_id for call_id, count in found.items() if count > 1]
    known = {last_ids(first, plugs) for first in (*accepted, *unknown)}
    verdict.wrong += [call_id for call_id in found if call_id not in known]
    executed = Counter(journal.read_text().split()) if journal.exists() else Counter()
    verdict.executions = executed.total()
    verdict.again = executed.total() - len(executed)
    return verdict
