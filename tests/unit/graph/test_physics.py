"""Synthetic flows of known service times: what limits them, and when a queue is empty or full."""

import math
import random

import pytest

from flowctl.graph.live import PlugLive
from flowctl.graph.physics import Flow, Stage, drains_in, fills_in, limiting, service_time

NOISE = 0.02
"""By how much a measured rate or utilisation may be off, at most."""


class Synthetic:
    """A random flow that runs for a while, as a fluid: each processor works off what reaches it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        count = rng.randint(2, 9)
        self.names = [f"p{n}" for n in range(count)]
        self.cpus = {name: rng.randint(1, 6) for name in self.names}
        self.service = {name: 10 ** rng.uniform(-2, -0.3) for name in self.names}
        self.gain: dict[tuple[str, str], float] = {}
        for n, name in enumerate(self.names[1:], 1):
            for source in rng.sample(self.names[:n], min(n, rng.choice((1, 1, 2)))):
                self.gain[source, name] = rng.choice((0.1, 0.5, 1.0, 1.0, 1.0, 3.0))
        fed = {target for _, target in self.gain}
        self.direct = {name: 0.0 if name in fed else rng.uniform(1, 20) for name in self.names}
        self.offered = self._flow(capped=False)
        self._press()
        self.offered = self._flow(capped=False)
        self.done = self._flow(capped=True)

    def _press(self) -> None:
        """Scale what comes in so that the worst processor is offered more than it can do."""
        worst = max(self.load(name) for name in self.names)
        factor = self.rng.uniform(1.05, 3) / worst
        self.direct = {name: rate * factor for name, rate in self.direct.items()}

    def load(self, name: str) -> float:
        return self.offered[name] * self.service[name] / self.cpus[name]

    def _flow(self, *, capped: bool) -> dict[str, float]:
        rates: dict[str, float] = {}
        for name in self.names:
            rate = self.direct[name]
            rate += sum(
                rates[source] * gain for (source, to), gain in self.gain.items() if to == name
            )
            most = self.cpus[name] / self.service[name]
            rates[name] = min(rate, most) if capped else rate
        return rates

    def measured(self, value: float) -> float:
        return value * self.rng.uniform(1 - NOISE, 1 + NOISE)

    def stages(self) -> list[Stage]:
        return [
            Stage(
                name=name,
                cpus=self.cpus[name],
                utilisation=min(
                    1, self.measured(self.done[name] * self.service[name] / self.cpus[name])
                ),
                done=self.measured(self.done[name]),
                direct=self.measured(self.direct[name]),
                depth=10,
            )
            for name in self.names
        ]

    def flows(self) -> list[Flow]:
        return [
            Flow(source=source, target=target, rate=self.measured(self.done[source] * gain))
            for (source, target), gain in self.gain.items()
        ]

    def truth(self) -> str:
        return max(self.names, key=self.load)


def test_the_bottleneck_of_random_flows_is_found_with_the_cpus_it_needs() -> None:
    right = balanced = 0
    for seed in range(200):
        flow = Synthetic(seed)
        found = limiting(flow.stages(), flow.flows())
        assert found is not None
        right += found.processor == flow.truth()
        needs = math.ceil(flow.offered[found.processor] * flow.service[found.processor])
        balanced += abs(found.cpus - needs) <= max(1, 0.1 * needs)
    assert right >= 190
    assert balanced >= 190


def test_a_flow_that_keeps_up_has_no_bottleneck() -> None:
    stages = [Stage(name="a", cpus=2, utilisation=0.4, done=10, direct=10)]
    assert limiting(stages, []) is None


def test_a_processor_without_cpus_limits_whatever_waits_for_it() -> None:
    stages = [
        Stage(name="a", cpus=2, utilisation=1.0, done=10, direct=20),
        Stage(name="b", cpus=0, depth=40),
    ]
    found = limiting(stages, [Flow(source="a", target="b", rate=10)])
    assert found is not None
    assert (found.processor, found.reason, found.cpus) == ("b", "no cpu runs, 40 wait", 1)


def test_a_stopped_processor_limits_what_waits_for_it() -> None:
    found = limiting([Stage(name="a", cpus=3, depth=7, serves=False)], [])
    assert found is not None
    assert found.reason == "it takes no calls, 7 wait"


def test_a_slow_processor_does_not_hide_a_slower_one_behind_it() -> None:
    stages = [
        Stage(name="first", cpus=1, utilisation=1.0, done=10, direct=15),
        Stage(name="second", cpus=1, utilisation=1.0, done=5, depth=300),
    ]
    found = limiting(stages, [Flow(source="first", target="second", rate=10)])
    assert found is not None
    assert (found.processor, found.cpus) == ("second", 4)


def test_a_cycle_settles() -> None:
    stages = [
        Stage(name="a", cpus=1, utilisation=0.95, done=20, direct=10),
        Stage(name="b", cpus=1, utilisation=0.1, done=20),
    ]
    flows = [Flow(source="a", target="b", rate=20), Flow(source="b", target="a", rate=10)]
    found = limiting(stages, flows)
    assert found is not None
    assert found.processor == "a"


def test_what_was_not_measured_is_not_guessed() -> None:
    assert service_time(Stage(name="a", cpus=1)) is None
    assert drains_in(PlugLive(depth=5)) is None
    assert fills_in(PlugLive(depth=5, limit=9)) is None


@pytest.mark.parametrize("seed", range(50))
def test_a_queue_is_empty_when_it_was_said(seed: int) -> None:
    rng = random.Random(seed)
    depth, arrive, leave = rng.randint(20, 5000), rng.uniform(0, 50), rng.uniform(55, 200)
    noisy = PlugLive(
        depth=depth,
        in_rate=arrive * rng.uniform(0.99, 1.01),
        out_rate=leave * rng.uniform(0.99, 1.01),
    )
    assert drains_in(noisy) == pytest.approx(simulated(depth, arrive, leave, rng), rel=0.2)


@pytest.mark.parametrize("seed", range(50))
def test_a_queue_is_full_when_it_was_said(seed: int) -> None:
    rng = random.Random(seed)
    depth, arrive, leave = rng.randint(0, 500), rng.uniform(60, 200), rng.uniform(0, 50)
    numbers = PlugLive(depth=depth, in_rate=arrive, out_rate=leave, limit=depth + 4000)
    assert fills_in(numbers) == pytest.approx(simulated(4000, leave, arrive, rng), rel=0.2)


def simulated(held: int, plus: float, minus: float, rng: random.Random) -> float:
    """Return when something that changes by single random steps has lost what it held."""
    now, plus_at, minus_at = 0.0, _gap(plus, rng), _gap(minus, rng)
    while held > 0:
        now = min(plus_at, minus_at)
        if now == plus_at:
            held, plus_at = held + 1, now + _gap(plus, rng)
        else:
            held, minus_at = held - 1, now + _gap(minus, rng)
    return now


def _gap(rate: float, rng: random.Random) -> float:
    return rng.expovariate(rate) if rate else math.inf


def test_a_queue_that_grows_is_never_empty_and_one_without_limit_never_full() -> None:
    growing = PlugLive(depth=5, in_rate=3, out_rate=2)
    assert drains_in(growing) is None
    assert fills_in(growing) is None
