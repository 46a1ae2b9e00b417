"""What was measured over time, ready to be drawn: the last minutes of one number of one object.

The scheduler keeps a value when it changes; between two of them the earlier one holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from flowctl.services.control import Control
from flowctl.views.charts import Step, resampled

_HELD = timedelta(minutes=2)
"""How far back a value may lie that still holds: unchanged ones are kept again each minute."""


class Series(Struct, frozen=True, kw_only=True):
    """One number of one object over time, in equal steps."""

    kind: str
    object: str
    metric: str
    begin: datetime
    end: datetime
    values: tuple[float | None, ...]
    """None where nothing was measured."""

    @property
    def latest(self) -> float | None:
        """The newest value; None where nothing was measured."""
        return next((each for each in reversed(self.values) if each is not None), None)


def of(
    control: Control, kind: str, name: str, *, minutes: float = 60.0, points: int = 120
) -> dict[str, Series]:
    """Return all that was measured of an object in the last `minutes`, by metric.

    The kinds are agent (cpu, load, memory, disk), worker (cpu, memory, busy), processor
    (`network/name`: wanted, deployed, running), queue (ready, unacked) and cluster (`all`).
    """
    end = control.clock.now()
    begin = end - timedelta(minutes=minutes)
    steps: dict[str, list[Step]] = {}
    for sample in control.store.duty.samples(kind, name, "", begin - _HELD):
        steps.setdefault(sample.metric, []).append(Step(sample.at.timestamp(), sample.value))
    return {
        metric: Series(
            kind=kind,
            object=name,
            metric=metric,
            begin=begin,
            end=end,
            values=tuple(resampled(found, begin.timestamp(), end.timestamp(), points)),
        )
        for metric, found in sorted(steps.items())
    }
