from flowctl.broker.base import Depth
from flowctl.model.fleet import Resources
from flowctl.model.states import AgentStatus, Desired, ProcessorStatus
from schedulerd.model import Shelf
from schedulerd.stats import STALE, Sampler, fleet_values, queue_values
from tests.fleets import agent, deployment, fleet, processor, worker


def test_queues_measure_what_they_hold():
    values = queue_values({"shop.parse.rows": Depth(ready=3, unacked=1)})
    assert values == {
        ("queue", "shop.parse.rows", "ready"): 3,
        ("queue", "shop.parse.rows", "unacked"): 1,
    }


def test_the_fleet_measures_itself():
    resources = Resources(cpu_percent=41.6, load=0.123, memory_total=100, memory_available=25)
    values = fleet_values(
        fleet(
            [processor(cpus=2, status=ProcessorStatus.RUNNING), processor("b", cpus=0)],
            [agent("h1", resources=resources), agent("h2", status=AgentStatus.LOST)],
            [deployment("parse.deploy1", cpus=2)],
            [worker("parse.deploy1", busy=1, memory=12_345_678, cpu_percent=3.4)],
        )
    )
    assert values["agent", "h1", "cpu"] == 42
    assert values["agent", "h1", "load"] == 0.1
    assert values["agent", "h1", "memory"] == 75
    assert values["agent", "h2", "memory"] == 0
    assert values["worker", "h1.shop.parse.deploy1.worker.1", "memory"] == 12_000_000
    assert values["worker", "h1.shop.parse.deploy1.worker.1", "busy"] == 1
    assert values["processor", "shop/parse", "wanted"] == 2
    assert values["cluster", "all", "cpus_total"] == 4
    assert values["cluster", "all", "processors_running"] == 1
    assert values["cluster", "all", "processors_ready"] == 1


def test_only_news_is_kept(control, clock, declare, beat):
    declare(parse={})
    beat()
    sampler = Sampler(control, Shelf(control))
    first = sampler.run(clock.now())
    assert first > 5
    assert sampler.run(clock.now()) == 0
    clock.pass_(STALE)
    assert sampler.run(clock.now()) == first
    control.store.fleet.request_agent("h1", Desired.PAUSED)
    declare(parse={"cpus": 3})
    assert sampler.run(clock.now()) == 1
