"""One page about everything, and the lines of the doctor and of `why`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flowctl.views.table import Field, Table, build

FINDINGS = (
    Field("check", lambda finding: finding.check),
    Field("grade", lambda finding: finding.grade),
    Field("said", lambda finding: finding.said),
    Field("remedy", lambda finding: finding.remedy),
)

REASONS = (
    Field("what", lambda reason: reason.what),
    Field("remedy", lambda reason: reason.remedy, title="TRY"),
)


def findings(values: Sequence[Any], now: datetime) -> Table:
    """Return what the doctor found."""
    return build("findings", FINDINGS, values, now, name=lambda finding: str(finding.check))


def reasons(values: Sequence[Any], now: datetime) -> Table:
    """Return why something is as it is."""
    return build("reasons", REASONS, values, now, name=lambda reason: str(reason.what))


UNITS = (
    Field("name", lambda unit: unit.name),
    Field("installed", lambda unit: unit.installed),
    Field("enabled", lambda unit: unit.enabled),
    Field("active", lambda unit: unit.active),
    Field("sentence", lambda unit: unit.sentence, title="LAST CYCLE"),
)


def units(values: Sequence[Any], now: datetime) -> Table:
    """Return the units of the daemons under systemd."""
    return build("units", UNITS, values, now)
