"""What the flows run on: agents, deployments, workers and the planner's steps, on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from msgspec import structs

from flowctl.errors import Conflict, NotFound, Refused
from flowctl.model.flow import AgentSpec, PlugSpec
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired, WorkerStatus
from flowctl.model.work import Create, Resize, Retire, WorkerBeat
from flowctl.state.store import Store, open_store
from tests.stores import apply, beat, processor, shop


def create(name: str, agent: str = "host", cpus: int = 1, **fields: Any) -> Create:
    values = {"network": "shop", "processor": "parse", "agent": agent, "deployment": name}
    return Create(**values | fields, cpus=cpus)


def resize(name: str, cpus: int, agent: str = "host") -> Resize:
    return Resize(network="shop", processor="parse", agent=agent, deployment=name, cpus=cpus)


def retire(name: str, agent: str = "host") -> Retire:
    return Retire(network="shop", processor="parse", agent=agent, deployment=name)


def worker(deployment: str = "d1", **fields: Any) -> WorkerBeat:
    values: dict[str, Any] = {
        "name": "host.shop.parse.worker.1",
        "deployment": deployment,
        "agent": "host",
        "network": "shop",
        "processor": "parse",
        "pid": 9,
        "executors": 1,
        "busy": 0,
        "restarts": 0,
        "cpu_percent": 1.5,
        "memory": 5_000_000_000,
        "commit": "",
        "reason": "",
        "status": WorkerStatus.STARTING,
    }
    return WorkerBeat(**values | fields)


def test_a_beat_makes_agent_and_node_once(store: Store) -> None:
    first = beat(store, "host")
    again = beat(store, "host", sentence="busy", cpus=2)
    assert again.id == first.id
    assert (again.sentence, again.cpus, again.node) == ("busy", 2, "host.node")
    assert again.heartbeat_at >= first.heartbeat_at
    assert again.heartbeat_at.tzinfo is not None
    (node,) = store.fleet.nodes()
    assert (node.name, node.hostname, node.resources.cpus) == ("host.node", "host.example", 2)
    assert [event.action for event in store.events.list(kind="agent")] == ["registered"]


def test_a_change_of_an_agents_status_is_told(store: Store) -> None:
    beat(store, "host")
    beat(store, "host", status=AgentStatus.DRAINING)
    store.fleet.mark_agents(["host", "none"], AgentStatus.LOST, term=None)
    store.fleet.mark_agents(["host"], AgentStatus.LOST, term=None)
    notes = [e.note for e in store.events.list(kind="agent", object="host")][1:]
    assert notes == ["running -> draining", "draining -> lost"]


def test_a_recipe_bounds_what_an_agent_offers(store: Store) -> None:
    declared = AgentSpec(name="host", cpus=3, labels={"disk": "fast"}, enabled=False)
    apply(store, shop(agents=(declared,)))
    agent = beat(store, "host", cpus=8, labels={"zone": "a"})
    assert (agent.cpus, agent.labels) == (3, {"disk": "fast", "zone": "a"})
    assert agent.requested_status is Desired.PAUSED
    apply(store, shop(agents=(structs.replace(declared, enabled=True),)))
    assert store.fleet.agent("host").requested_status is Desired.RUNNING


def test_agents_can_be_asked(store: Store) -> None:
    beat(store, "host")
    revision = store.revision()
    assert store.fleet.request_agent("host", Desired.PAUSED).requested_status is Desired.PAUSED
    assert store.revision() == revision + 1
    beat(store, "host")
    assert store.fleet.agent("host").requested_status is Desired.PAUSED
    with pytest.raises(NotFound, match='did you mean "host"'):
        store.fleet.request_agent("hots", Desired.PAUSED)


def test_an_agent_that_is_gone_can_be_forgotten(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.fleet.place([create("d1")], term=None)
    store.fleet.beat_worker(worker())
    with pytest.raises(Refused, match="is alive"):
        store.fleet.remove_agent("host")
    store.fleet.mark_agents(["host"], AgentStatus.LOST, term=None)
    store.fleet.remove_agent("host")
    assert store.fleet.agents() == store.fleet.nodes() == []
    assert store.fleet.deployments() == store.fleet.workers() == []


def test_losing_an_agent_loses_its_deployments(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.fleet.place([create("d1")], term=None)
    store.fleet.report("d1", "shop", DeploymentStatus.RUNNING)
    store.fleet.mark_agents(["host"], AgentStatus.LOST, term=None)
    found = store.fleet.deployment("d1")
    assert (found.status, found.reason) == (DeploymentStatus.LOST, "agent host is lost")


def test_steps_are_taken_where_they_fit(store: Store) -> None:
    apply(store, shop())
    beat(store, "host", cpus=4)
    revision = store.revision()
    rejected = store.fleet.place(
        [create("d1", cpus=2), create("d2", cpus=3), create("d3", cpus=2), resize("d1", 3)],
        term=None,
    )
    assert [(step.deployment, reason) for step, reason in rejected] == [
        ("d2", "3 cpus do not fit into 2 free ones"),
        ("d1", "1 cpus do not fit into 0 free ones"),
    ]
    assert [(d.name, d.cpus) for d in store.fleet.deployments()] == [("d1", 2), ("d3", 2)]
    assert store.revision() == revision + 1
    assert store.fleet.place([resize("d1", 1), resize("d3", 3)], term=None) == []
    assert [d.cpus for d in store.fleet.deployments(agent="host")] == [1, 3]


def test_steps_that_make_no_sense_any_more_are_rejected(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    beat(store, "tired", status=AgentStatus.DRAINING)
    beat(store, "asked")
    store.fleet.request_agent("asked", Desired.STOPPED)
    assert store.fleet.place([create("d1")], term=None) == []
    revision = store.revision()
    rejected = store.fleet.place(
        [
            create("d1"),
            create("d2", processor="none"),
            create("d3", agent="none"),
            create("d4", agent="tired"),
            create("d5", agent="asked"),
            create("d6", cpus=0),
            resize("d1", 0),
            resize("none", 2),
            retire("none"),
        ],
        term=None,
    )
    assert [reason for _, reason in rejected] == [
        "the name is taken",
        "the processor is gone",
        "the agent is gone",
        "the agent is draining",
        "the agent is asked to be stopped",
        "0 cpus do not fit into 3 free ones",
        "a deployment has at least one cpu",
        "the deployment is gone",
        "the deployment is gone",
    ]
    assert store.revision() == revision


def test_a_new_deployment_is_wanted_as_its_processor_is(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.flows.request("shop", "parse", Desired.PAUSED)
    store.fleet.place([create("d1")], term=None)
    assert store.fleet.deployment("d1").requested_status is Desired.PAUSED


def test_a_retired_deployment_keeps_its_cpus_until_it_is_finished(store: Store) -> None:
    apply(store, shop())
    beat(store, "host", cpus=2)
    store.fleet.place([create("d1", cpus=2)], term=None)
    ((_, reason),) = store.fleet.place([retire("d1"), create("d2", cpus=2)], term=None)
    assert reason == "2 cpus do not fit into 0 free ones"
    assert store.fleet.deployment("d1").requested_status is Desired.REMOVED
    assert store.fleet.finish("d1", "shop")
    assert not store.fleet.finish("d1", "shop")
    assert store.fleet.place([create("d2", cpus=2)], term=None) == []


def test_nothing_finishes_what_is_wanted(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.fleet.place([create("d1")], term=None)
    assert not store.fleet.finish("d1", "shop")
    assert store.fleet.deployment("d1").requested_status is Desired.RUNNING


def test_deployments_of_a_lost_agent_go_at_once(store: Store) -> None:
    apply(store, shop())
    beat(store, "host", cpus=2)
    store.fleet.place([create("d1", cpus=2)], term=None)
    store.fleet.mark_agents(["host"], AgentStatus.LOST, term=None)
    assert store.fleet.place([retire("d1")], term=None) == []
    assert store.fleet.deployments() == []


def test_only_the_leader_places(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    lease = store.duty.acquire("me", 30)
    assert lease is not None
    assert store.fleet.place([create("d1")], term=lease.term) == []
    with pytest.raises(Conflict, match="term 7 of the leader is over"):
        store.fleet.place([create("d2")], term=7)
    with pytest.raises(Conflict):
        store.fleet.mark_agents(["host"], AgentStatus.LOST, term=0)
    assert len(store.fleet.deployments()) == 1


def test_many_planners_never_overfill(store: Store, state_url: str) -> None:
    apply(store, shop())
    for name in ("a", "b", "c"):
        beat(store, name, cpus=5)
    start = threading.Barrier(4)
    rejected: Counter[str] = Counter()

    def plan(number: int) -> None:
        mine = open_store(state_url)
        start.wait()
        for turn in range(6):
            steps = [create(f"d{number}.{turn}.{agent}", agent, 1 + turn % 3) for agent in "abc"]
            rejected.update(reason for _, reason in mine.fleet.place(steps, term=None))
        mine.close()

    threads = [threading.Thread(target=plan, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    used: Counter[str] = Counter()
    for each in store.fleet.deployments():
        used[each.agent] += each.cpus
    assert used == {"a": 5, "b": 5, "c": 5}
    assert rejected


def test_reports_are_told_once(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.fleet.place([create("d1")], term=None)
    for _ in range(2):
        store.fleet.report("d1", "shop", DeploymentStatus.ERROR, "no module")
    store.fleet.report("none", "shop", DeploymentStatus.RUNNING)
    events = store.events.list(kind="deployment", object="d1")
    assert [e.note for e in events] == ["1 cpus on host", "pending -> error: no module"]
    assert store.fleet.deployment("d1").reason == "no module"


def test_a_worker_is_the_one_of_its_deployment(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    store.fleet.place([create("d1"), create("d2")], term=None)
    store.fleet.beat_worker(worker())
    store.fleet.beat_worker(worker(status=WorkerStatus.RUNNING, busy=1))
    (found,) = store.fleet.workers(agent="host")
    assert (found.status, found.busy, found.memory) == (WorkerStatus.RUNNING, 1, 5_000_000_000)
    store.fleet.beat_worker(worker(name="host.shop.parse.worker.9"))
    assert [each.name for each in store.fleet.workers()] == ["host.shop.parse.worker.9"]
    store.fleet.beat_worker(worker("d2", name="host.shop.parse.worker.9"))
    assert [each.deployment for each in store.fleet.workers(processor="parse")] == ["d2"]
    store.fleet.beat_worker(worker("none", name="stray"))
    store.fleet.forget_worker("host.shop.parse.worker.9")
    assert store.fleet.workers() == []


def test_an_assignment_holds_what_a_host_needs(store: Store) -> None:
    wide = shop(
        processors=(*shop().processors, processor("alert", "send")),
        plugs=(
            PlugSpec(source="parse.rows", target="store.save"),
            PlugSpec(source="parse.tick", target="alert.send"),
            PlugSpec(source="store.save", target="alert.send"),
        ),
    )
    apply(store, wide)
    beat(store, "host", cpus=8)
    beat(store, "other", cpus=8)
    at_store = {"processor": "store"}
    store.fleet.place(
        [create("s1", **at_store), create("s2", "other", **at_store), create("p1")], term=None
    )
    first, second = store.fleet.assignments("host")
    assert (first.deployment.name, second.deployment.name) == ("p1", "s1")
    assert second.processor.name == "store"
    assert [each.name for each in second.sockets] == ["store.save"]
    assert [each.spec.source for each in second.inbound] == ["parse.rows"]
    assert [each.spec.target for each in second.outbound] == ["alert.send"]
    assert [each.name for each in second.targets] == ["alert.send"]
    assert (first.workers, second.workers) == (1, 2)
    assert store.fleet.assignment("s1", "shop") == second
    assert store.fleet.assignment("none", "shop") is None
    assert store.fleet.assignments("nobody") == []


def test_a_snapshot_is_the_whole_fleet(store: Store) -> None:
    apply(store, shop(strategy="EFFICIENT"))
    beat(store, "host")
    store.fleet.place([create("d1")], term=None)
    store.fleet.beat_worker(worker())
    seen = store.fleet.snapshot()
    assert seen.revision == store.revision()
    assert [each.spec for each in seen.processors] == list(shop().processors)
    assert [each.name for each in seen.agents] == ["host"]
    assert [each.name for each in seen.deployments] == ["d1"]
    assert [each.deployment for each in seen.workers] == ["d1"]
    assert seen.strategies == {"shop": "EFFICIENT"}
