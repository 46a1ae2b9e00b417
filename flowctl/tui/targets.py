"""What an action is about: one object, by kind, name and network."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """One object."""

    kind: str
    """Singular."""
    name: str
    network: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)
    """What the row under the cursor knew of it."""

    @property
    def address(self) -> str:
        """How services and commands name it, whatever network is meant."""
        if self.network and self.kind in SCOPED:
            return f"{self.network}/{self.name}"
        return self.name

    @property
    def key(self) -> str:
        """Who it is among all objects."""
        return f"{self.kind} {self.address}"


SCOPED = frozenset({"processor", "socket", "plug", "deployment", "schedule"})
"""Kinds whose names are unique only within their network."""


def line(*words: str) -> str:
    """Return a command line as a shell takes it.

    >>> line("flowctl", "scale", "shop/parse=4")
    'flowctl scale shop/parse=4'
    """
    return " ".join(shlex.quote(word) if word else "''" for word in words)
