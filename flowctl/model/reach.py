"""Which plugs lead where (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from flowctl.model.flow import PlugKind, PlugSpec
from flowctl.model.naming import plug_name


def gathering(plugs: Sequence[PlugSpec]) -> frozenset[str]:
    """Return the names of the plugs for results that lead to a gather, or are one.

    >>> sorted(gathering([
    ...     PlugSpec(source="a.x", target="b.x"),
    ...     PlugSpec(source="b.x", target="c.x", gather="a.x"),
    ...     PlugSpec(source="b.x", target="log.x"),
    ... ]))
    ['a.x-b.x', 'b.x-c.x']
    """
    results = [plug for plug in plugs if plug.kind is not PlugKind.ERROR]
    found = {plug_name(plug) for plug in results if plug.gather}
    before = -1
    while len(found) != before:
        before = len(found)
        sources = {plug.source for plug in results if plug_name(plug) in found}
        found |= {plug_name(plug) for plug in results if plug.target in sources}
    return frozenset(found)
