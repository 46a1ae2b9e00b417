"""Scaling under one's fingers: + and - stage, Enter applies, Esc drops; nothing changes before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flowctl.services.processors import MOST_CPUS
from flowctl.tui.targets import Target
from flowctl.views.lines import Span
from flowctl.views.tones import Tone


@dataclass(frozen=True)
class Staged:
    """A processor that is to have other cpus."""

    target: Target
    has: int
    wanted: int

    @property
    def text(self) -> str:
        """What a chip says: `4>6`."""
        return f"{self.has}>{self.wanted}"


class Stage:
    """What is staged, by the address of its processor; every view shows and changes the same."""

    def __init__(self) -> None:
        self._staged: dict[str, Staged] = {}

    def __bool__(self) -> bool:
        """Tell whether anything is staged."""
        return bool(self._staged)

    def of(self, address: str) -> Staged | None:
        """Return what is staged for a processor, `network/name`."""
        return self._staged.get(address)

    def all(self) -> list[Staged]:
        """Return all that is staged."""
        return list(self._staged.values())

    def add(self, target: Target, step: int) -> bool:
        """Stage so many cpus more; false where nobody knows how many there are."""
        has = cpus_of(target)
        if has is None:
            return False
        before = self._staged.get(target.address) or Staged(target, has, has)
        wanted = max(0, min(before.wanted + step, MOST_CPUS))
        self._staged[target.address] = replace(before, wanted=wanted)
        if wanted == before.has:
            del self._staged[target.address]
        return True

    def seen(self, present: Iterable[Target]) -> None:
        """Compare with what is read now: what has come true, or was changed meanwhile, goes on so."""
        for target in present:
            staged, has = self._staged.get(target.address), cpus_of(target)
            if staged is None or has is None:
                continue
            if has == staged.wanted:
                del self._staged[target.address]
            else:
                self._staged[target.address] = Staged(target, has, staged.wanted)

    def take(self) -> list[Staged]:
        """Return what is staged, and forget it."""
        found, self._staged = list(self._staged.values()), {}
        return found

    def spans(self) -> list[Span]:
        """Return the chips of the bottom bar."""
        found: list[Span] = []
        for staged in self._staged.values():
            found += [Span(f" {staged.target.name} {staged.text} ", Tone.CHIP), Span(" ")]
        return [*found, Span(" Enter applies  Esc drops", Tone.DIM)] if found else []


def cpus_of(target: Target) -> int | None:
    """Return the cpus that a processor is wanted to have, as a row or a sheet tells it."""
    told: Any = target.document.get("cpus", target.document.get("spec"))
    found = told.get("cpus") if isinstance(told, dict) else told
    return found if isinstance(found, int) else None
