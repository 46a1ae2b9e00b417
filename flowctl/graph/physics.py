"""What the numbers of a flow mean: when a queue is empty or full, and which processor limits it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from flowctl.graph.live import PlugLive

BUSY = 0.9
"""A processor whose cpus are busy for this part of the time has nothing left to give."""
SPARE = 0.95
"""The advice leaves this little of the cpus unused at least, so that a queue can shrink again."""


def drains_in(numbers: PlugLive) -> float | None:
    """Return the seconds until a plug is empty, or None where it does not shrink."""
    if numbers.depth is None or numbers.in_rate is None or numbers.out_rate is None:
        return None
    speed = numbers.out_rate - numbers.in_rate
    if numbers.depth <= 0 or speed <= 0:
        return None
    return numbers.depth / speed


def fills_in(numbers: PlugLive) -> float | None:
    """Return the seconds until a plug with a limit is full, or None where it does not fill."""
    if numbers.depth is None or numbers.in_rate is None or numbers.out_rate is None:
        return None
    speed = numbers.in_rate - numbers.out_rate
    if not numbers.limit or speed <= 0:
        return None
    return max(0.0, (numbers.limit - numbers.depth) / speed)


class Stage(Struct, frozen=True, kw_only=True):
    """A processor as the physics sees it, measured over one span of time."""

    name: str
    cpus: int
    """That run now."""
    utilisation: float | None = None
    """The part of them that was busy, 0 to 1."""
    done: float = 0.0
    """Calls a second that ended."""
    direct: float = 0.0
    """Calls a second that came in over no plug."""
    depth: int = 0
    """What waits for it."""
    serves: bool = True
    """False where it was stopped or paused, or cannot run."""


class Flow(Struct, frozen=True, kw_only=True):
    """Messages a second that went into a plug."""

    source: str
    target: str
    rate: float


class Limit(Struct, frozen=True, kw_only=True):
    """The processor that limits its flow."""

    processor: str
    reason: str
    cpus: int
    """How many would balance it."""
    stuck: bool = False
    """Whether it does nothing at all, so that more cpus are no answer."""


def limiting(stages: Sequence[Stage], flows: Sequence[Flow]) -> Limit | None:
    """Return what limits a flow, or None where everything keeps up.

    It is the processor with the most work offered for each of its cpus. *Offered* is what would
    reach it if nothing before it held anything back: a slow processor hides the ones behind it.
    """
    stuck = [stage for stage in stages if stage.depth and (not stage.serves or stage.cpus == 0)]
    if stuck:
        return _stuck(max(stuck, key=lambda stage: stage.depth))
    offered = offered_rates(stages, flows)
    loads = {stage.name: _load(stage, offered[stage.name]) for stage in stages}
    pressed = [stage for stage in stages if stage.cpus and _is_full(stage, loads[stage.name])]
    if not pressed:
        return None
    worst = max(pressed, key=lambda stage: loads[stage.name] / stage.cpus)
    return _pressed(worst, offered[worst.name], loads[worst.name])


def _is_full(stage: Stage, load: float) -> bool:
    return load > BUSY * stage.cpus or (stage.utilisation or 0.0) >= BUSY


def _stuck(stage: Stage) -> Limit:
    why = "no cpu runs" if stage.serves else "it takes no calls"
    reason = f"{why}, {stage.depth} wait"
    return Limit(processor=stage.name, reason=reason, cpus=max(1, stage.cpus), stuck=True)


def _pressed(stage: Stage, offered: float, load: float) -> Limit:
    each = service_time(stage)
    able = f"{stage.cpus / each:.3g}/s" if each else "nobody knows how much"
    busy = f"{100 * (stage.utilisation or 0.0):.0f}% of {stage.cpus} cpu{'s'[: stage.cpus != 1]}"
    held = f", {stage.depth} wait" if stage.depth else ""
    wanted = max(stage.cpus, math.ceil(load / SPARE))
    reason = f"{busy} busy, gets {offered:.3g}/s, can do {able}{held}"
    return Limit(processor=stage.name, reason=reason, cpus=wanted)


def service_time(stage: Stage) -> float | None:
    """Return the cpu seconds of one call, or None where nothing was measured."""
    if stage.utilisation is None or stage.done <= 0:
        return None
    return stage.utilisation * stage.cpus / stage.done


def _load(stage: Stage, offered: float) -> float:
    """Return how many cpus the offered rate keeps busy."""
    return offered * (service_time(stage) or 0.0)


def offered_rates(stages: Sequence[Stage], flows: Sequence[Flow]) -> dict[str, float]:
    """Return the calls a second that would reach every processor if none held anything back."""
    done = {stage.name: stage.done for stage in stages}
    gains = [
        (flow.source, flow.target, flow.rate / done[flow.source])
        for flow in flows
        if done.get(flow.source) and flow.target in done
    ]
    direct = {stage.name: stage.direct for stage in stages}
    return _settled(direct, gains, rounds=len(stages) + 50)


def _settled(
    direct: Mapping[str, float], gains: Sequence[tuple[str, str, float]], rounds: int
) -> dict[str, float]:
    """Solve the traffic equations by repetition; a cycle that gains is stopped by `rounds`."""
    rates = dict(direct)
    for _ in range(rounds):
        fresh = dict(direct)
        for source, target, gain in gains:
            fresh[target] += rates[source] * gain
        if all(abs(fresh[name] - rates[name]) <= 1e-9 * (1 + rates[name]) for name in rates):
            return fresh
        rates = fresh
    return rates
