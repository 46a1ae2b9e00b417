"""How many cpus a processor with `scale` should have, by what waits for it.

Up at once, down only when nothing more was needed for a whole cool-down: then to the most that was
needed within it. So a square wave of load changes nothing but once up.
"""

from __future__ import annotations

from msgspec import Struct

from flowctl.model.flow import Scale
from flowctl.planning.wanted import bounded


class Demand(Struct, frozen=True, kw_only=True):
    """What waits for a processor, over all its queues, and what it does now."""

    ready: int = 0
    unacked: int = 0
    busy: int = 0
    """Executors that run a call."""


class Memory(Struct, frozen=True):
    """What was needed lately: (moment, cpus), oldest first, and when cpus changed last."""

    needs: tuple[tuple[float, int], ...] = ()
    since: float = 0.0
    """The beginning of the unbroken time that `needs` tells of."""
    changed_at: float = float("-inf")


def need(scale: Scale, demand: Demand) -> int:
    """Return the cpus that this demand is worth, within the bounds."""
    waiting = demand.ready // max(1, scale.queue) + 1 if demand.ready else 0
    held = 1 if demand.unacked else 0
    return bounded(max(waiting, held, demand.busy), scale)


def autoscale(
    scale: Scale, cpus: int, demand: Demand, memory: Memory | None, now: float
) -> tuple[int, Memory]:
    """Return the cpus to have from now on, and what to remember until the next time."""
    wanted = need(scale, demand)
    memory = Memory(since=now) if memory is None else memory
    recent = tuple(each for each in memory.needs if now - each[0] <= scale.cooldown)
    memory = Memory((*recent, (now, wanted)), memory.since, memory.changed_at)
    target = _target(scale, bounded(cpus, scale), wanted, memory, now)
    if target != cpus:
        memory = Memory(memory.needs, memory.since, now)
    return target, memory


def _target(scale: Scale, cpus: int, wanted: int, memory: Memory, now: float) -> int:
    if wanted >= cpus:
        return wanted
    watched = now - memory.since >= scale.cooldown
    rested = now - memory.changed_at >= scale.cooldown
    if not (watched and rested):
        return cpus
    return min(cpus, max(cpus_needed for _, cpus_needed in memory.needs))
