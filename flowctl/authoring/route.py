"""A value that goes to some plugs only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Route(NamedTuple):
    """Returned (or yielded) by a function: `result` goes to these plugs, and to no other.

    A plug is named by its route, its own name, its target or the processor of that. Where flowctl
    is not installed, executors provide it; any object with these two attributes does as well.

    >>> Route({"total": 120}, plugs=["big"]).plugs
    ['big']
    """

    result: object
    plugs: Iterable[str] = ()
