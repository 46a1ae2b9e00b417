"""Which claims end when a processor has more cpus than it wants: those that cost fewest restarts."""

from __future__ import annotations

from collections.abc import Sequence


def shrink(claims: Sequence[tuple[str, int]], overage: int) -> dict[str, int]:
    """Return the new cpus of each claim that changes; 0 ends it.

    A claim of just the right size ends; else one that is larger shrinks; else the largest ends and
    the rest is looked at again. Of equals the first in `claims` is chosen.
    """
    left = dict(claims)
    changed: dict[str, int] = {}
    while overage > 0 and left:
        name = _choose(left, overage)
        cpus = left.pop(name)
        taken = min(cpus, overage)
        changed[name] = cpus - taken
        overage -= taken
    return changed


def _choose(left: dict[str, int], overage: int) -> str:
    for name, cpus in left.items():
        if cpus == overage:
            return name
    for name, cpus in left.items():
        if cpus > overage:
            return name
    return max(left, key=lambda name: left[name])
