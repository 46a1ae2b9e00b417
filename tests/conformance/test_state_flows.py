"""What is wanted: networks, processors, sockets and plugs, on both databases."""

from __future__ import annotations

import threading

import pytest
from msgspec import structs

from flowctl.errors import Conflict, InvalidInput, NotFound, Refused
from flowctl.model.flow import (
    AgentSpec,
    Argument,
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    Schedule,
    Source,
    SourceKind,
    Task,
)
from flowctl.model.states import DeploymentStatus, Desired, ProcessorStatus
from flowctl.model.work import Create
from flowctl.planning.health import Health
from flowctl.recipe.diff import diff
from flowctl.state.store import Store
from tests.stores import apply, beat, finished, processor, shop


def full() -> NetworkSpec:
    return shop(
        agents=(AgentSpec(name="host", cpus=3, labels={"disk": "fast"}),),
        deployments=(DeploymentSpec(name="pinned", processor="parse", agent="host", cpus=1),),
        strategy="EFFICIENT",
    )


def test_what_was_applied_comes_back(store: Store) -> None:
    apply(store, full())
    assert store.flows.spec("shop") == full()


def test_apply_tells_every_change(store: Store) -> None:
    apply(store, shop())
    told = [(e.kind, e.object, e.action) for e in store.events.list()]
    assert told == [
        ("network", "shop", "added"),
        ("processor", "parse", "added"),
        ("processor", "store", "added"),
        ("socket", "parse.rows", "added"),
        ("socket", "parse.tick", "added"),
        ("socket", "store.save", "added"),
        ("plug", "parse.rows-store.save", "added"),
        ("network", "shop", "applied"),
    ]
    assert {e.network for e in store.events.list()} == {"shop"}


def test_applying_nothing_changes_nothing(store: Store) -> None:
    first = apply(store, shop())
    revision, events = store.revision(), len(store.events.list())
    assert apply(store, shop()) == first
    assert (store.revision(), len(store.events.list())) == (revision, events)


def test_a_stale_plan_is_refused_and_leaves_nothing(store: Store) -> None:
    network = apply(store, shop())
    changes = diff(shop(), shop(strategy="EFFICIENT"))
    store.flows.apply(changes, expect=network.revision)
    before = store.dump()
    with pytest.raises(Conflict, match="at revision 2, not 1"):
        store.flows.apply(changes, expect=network.revision)
    assert store.dump() == before


def test_a_network_is_new_only_once(store: Store) -> None:
    changes = diff(None, shop())
    store.flows.apply(changes, expect=None)
    with pytest.raises(Conflict, match="exists by now"):
        store.flows.apply(changes, expect=None)


def test_a_plan_for_a_network_that_went_is_refused(store: Store) -> None:
    with pytest.raises(Conflict, match="is gone"):
        store.flows.apply(diff(shop(), shop(strategy="EFFICIENT")), expect=None)


def test_a_change_that_breaks_in_the_middle_is_undone(store: Store) -> None:
    apply(store, shop())
    before = store.dump()
    changes = diff(shop(), shop(processors=(*shop().processors, processor("late", "in"))))
    broken = structs.replace(changes, changes=(*changes.changes, changes.changes[0]))
    with pytest.raises(Conflict):
        store.flows.apply(broken, expect=None)
    assert store.dump() == before


def test_the_revision_grows_with_what_is_wanted_and_not_with_what_is(store: Store) -> None:
    numbers = [store.revision()]
    apply(store, shop())
    numbers.append(store.revision())
    store.flows.request("shop", "parse", Desired.PAUSED)
    numbers.append(store.revision())
    store.flows.restart("shop", "parse")
    numbers.append(store.revision())
    assert numbers == sorted(set(numbers))
    beat(store, "host")
    store.flows.settle(
        {("shop", "parse"): Health(status=ProcessorStatus.PENDING, error="", deployed=0, running=0)}
    )
    assert store.revision() == numbers[-1]


def test_two_appliers_one_wins(store: Store) -> None:
    network = apply(store, shop())
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def change(number: int) -> None:
        wanted = shop(processors=(*shop().processors, processor(f"p{number}", "in")))
        start.wait()
        try:
            store.flows.apply(diff(shop(), wanted), expect=network.revision)
            outcomes.append("done")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "done"]
    assert len(store.flows.processors("shop")) == 3


def test_processors_are_found_by_name(store: Store) -> None:
    apply(store, shop())
    assert store.flows.processor("parse").spec == shop().processors[0]
    assert store.flows.processor("shop/parse") == store.flows.processor("parse", "shop")
    with pytest.raises(NotFound, match='did you mean "parse"'):
        store.flows.processor("prase")
    with pytest.raises(NotFound):
        store.flows.processor("parse", "other")


def test_a_name_in_several_networks_must_be_told_apart(store: Store) -> None:
    apply(store, shop())
    apply(store, shop(name="stock"))
    with pytest.raises(InvalidInput, match="several networks: shop, stock") as caught:
        store.flows.processor("parse")
    assert caught.value.remedy == "write NETWORK/parse"
    assert store.flows.socket("stock/parse.rows").queue == "stock.parse.rows"
    assert store.flows.plug("parse.rows-store.save", "stock").queue.startswith("stock.")
    assert [each.name for each in store.flows.sockets("stock", "parse")] == [
        "parse.rows",
        "parse.tick",
    ]
    assert len(store.flows.plugs()) == 2


def test_a_topology_is_whole(store: Store) -> None:
    apply(store, full())
    seen = store.flows.topology("shop")
    assert seen.network.strategy == "EFFICIENT"
    assert [each.name for each in seen.processors] == ["parse", "store"]
    assert [each.name for each in seen.sockets] == ["parse.rows", "parse.tick", "store.save"]
    assert [each.spec.target for each in seen.plugs] == ["store.save"]


def test_generation_grows_only_with_what_executors_hold(store: Store) -> None:
    apply(store, shop())

    def generation() -> int:
        return store.flows.processor("parse").generation

    spec = store.flows.processor("parse").spec
    assert generation() == 1
    for fields in ({"cpus": 7}, {"timeout": 3.0}, {"description": "x"}):
        spec = structs.replace(spec, **fields)
        store.flows.rewrite("shop", "parse", spec, receipt=None)
    assert generation() == 1
    code = Source(kind=SourceKind.CODE, code="def rows(): ...")
    for number, fields in enumerate(
        ({"source": code}, {"requirements": ("httpx",)}, {"env": {"A": "1"}}, {"memory": 9}), 2
    ):
        spec = structs.replace(spec, **fields)
        assert store.flows.rewrite("shop", "parse", spec, receipt=None).generation == number


def test_a_rewrite_needs_the_receipt_that_it_read(store: Store) -> None:
    apply(store, shop())
    read = store.flows.processor("parse")
    wider = structs.replace(read.spec, cpus=4)
    written = store.flows.rewrite("shop", "parse", wider, receipt=read.receipt)
    assert written.receipt != read.receipt
    with pytest.raises(Conflict, match="meanwhile"):
        store.flows.rewrite("shop", "parse", read.spec, receipt=read.receipt)
    with pytest.raises(Conflict, match="meanwhile"):
        store.flows.request("shop", "parse", Desired.PAUSED, receipt=read.receipt)
    assert store.flows.processor("parse").spec.cpus == 4


def test_a_rewrite_may_change_sockets(store: Store) -> None:
    apply(store, shop())
    spec = store.flows.processor("parse").spec
    ticking = structs.replace(spec.sockets[1], schedule=Schedule(cron="* * * * *"))
    written = store.flows.rewrite(
        "shop", "parse", structs.replace(spec, sockets=(spec.sockets[0], ticking)), receipt=None
    )
    assert written.spec.sockets[1].schedule == Schedule(cron="* * * * *")
    assert store.flows.socket("parse.tick").spec == ticking
    fewer = structs.replace(spec, sockets=spec.sockets[1:])
    with pytest.raises(Refused, match="hangs on a socket"):
        store.flows.rewrite("shop", "parse", fewer, receipt=None)
    with pytest.raises(Refused, match="renamed"):
        store.flows.rewrite("shop", "parse", structs.replace(spec, name="other"), receipt=None)


def test_a_request_reaches_all_deployments_at_once(store: Store) -> None:
    apply(store, full())
    beat(store, "host")
    store.flows.request("shop", "parse", Desired.PAUSED)
    assert store.flows.processor("parse").requested_status is Desired.PAUSED
    assert store.fleet.deployment("pinned").requested_status is Desired.PAUSED
    revision = store.revision()
    store.flows.request("shop", "parse", Desired.PAUSED)
    assert store.revision() == revision


def test_a_request_that_is_not_legal_is_refused(store: Store) -> None:
    apply(store, full())
    beat(store, "host")
    store.flows.request("shop", "parse", Desired.STOPPED)
    with pytest.raises(Refused, match="asked to be stopped, it cannot be paused"):
        store.flows.request("shop", "parse", Desired.PAUSED)
    store.flows.request("shop", "parse", Desired.REMOVED)
    with pytest.raises(Refused):
        store.flows.request("shop", "parse", Desired.RUNNING)
    with pytest.raises(Refused):
        store.flows.restart("shop", "parse")


def test_a_removed_processor_goes_with_its_last_deployment(store: Store) -> None:
    apply(store, full())
    beat(store, "host")
    store.flows.request("shop", "parse", Desired.REMOVED)
    assert store.flows.processor("parse").requested_status is Desired.REMOVED
    assert store.fleet.finish("pinned", "shop")
    with pytest.raises(NotFound):
        store.flows.processor("parse")
    assert store.flows.plugs() == []
    gone = store.flows.request("shop", "store", Desired.REMOVED)
    assert gone.name == "store"
    assert store.flows.processors() == []


def test_disabled_is_stopped_and_back(store: Store) -> None:
    off = shop(processors=(processor("parse", "rows", "tick", enabled=False), shop().processors[1]))
    apply(store, off)
    assert store.flows.processor("parse").requested_status is Desired.STOPPED
    assert store.flows.processor("parse").status is ProcessorStatus.STOPPED
    apply(store, shop())
    assert store.flows.processor("parse").requested_status is Desired.RUNNING


def test_restarts_are_counted(store: Store) -> None:
    apply(store, shop())
    assert store.flows.restart("shop", "parse").restarts == 1
    assert store.flows.restart("shop", "parse").restarts == 2
    assert store.flows.processor("store").restarts == 0


def test_tasks_hang_on_their_sockets_and_keep_their_overrides(store: Store) -> None:
    apply(store, shop())
    arguments = (Argument(name="row", position=0, kind="POSITIONAL_OR_KEYWORD"),)
    task = Task(name="rows", processor="parse", module="shop.work", arguments=arguments, source="s")
    store.flows.save_tasks("shop", "parse", [task])
    assert store.flows.socket("parse.rows").task == task
    assert store.flows.socket("parse.tick").task is None
    store.flows.override_code("shop", "parse", "rows", "def rows(row): return 1")
    assert store.flows.processor("parse").restarts == 1
    store.flows.save_tasks("shop", "parse", [structs.replace(task, source="t")])
    found = store.flows.socket("parse.rows").task
    assert found is not None
    assert (found.source, found.code) == ("t", "def rows(row): return 1")
    with pytest.raises(NotFound):
        store.flows.override_code("shop", "parse", "none", "")
    store.flows.save_tasks("shop", "none", [task])


def test_settling_writes_events_only_for_a_change_of_status(store: Store) -> None:
    apply(store, shop())
    receipt = store.flows.processor("parse").receipt
    last = store.events.list()[-1].id
    store.flows.settle(
        {("shop", "parse"): Health(status=ProcessorStatus.RUNNING, error="", deployed=2, running=2)}
    )
    store.flows.settle(
        {("shop", "parse"): Health(status=ProcessorStatus.RUNNING, error="", deployed=2, running=1)}
    )
    store.flows.settle(
        {
            ("shop", "parse"): Health(
                status=ProcessorStatus.ERROR, error="boom\x00", deployed=2, running=0
            )
        }
    )
    store.flows.settle(
        {("shop", "none"): Health(status=ProcessorStatus.ERROR, error="", deployed=0, running=0)}
    )
    found = store.flows.processor("parse")
    assert (found.status, found.deployed_cpus, found.running_cpus) == (ProcessorStatus.ERROR, 2, 0)
    assert found.error == "boom\N{REPLACEMENT CHARACTER}"
    assert found.receipt == receipt
    notes = [event.note for event in store.events.list(since_id=last)]
    assert notes == ["ready -> running", "running -> error: boom\N{REPLACEMENT CHARACTER}"]


def test_pinned_deployments_follow_the_recipe(store: Store) -> None:
    apply(store, full())
    beat(store, "host")
    grown = DeploymentSpec(name="pinned", processor="parse", agent="host", cpus=2)
    apply(store, structs.replace(full(), deployments=(grown,)))
    assert store.fleet.deployment("pinned").cpus == 2
    store.fleet.report("pinned", "shop", DeploymentStatus.RUNNING)
    moved = structs.replace(grown, agent="other")
    apply(store, structs.replace(full(), deployments=(moved,)))
    found = store.fleet.deployment("pinned")
    assert (found.agent, found.status) == ("other", DeploymentStatus.PENDING)
    apply(store, structs.replace(full(), deployments=()))
    assert store.fleet.deployments() == []


def test_a_removed_pin_on_a_living_host_is_finished_by_it(store: Store) -> None:
    apply(store, full())
    beat(store, "host")
    apply(store, structs.replace(full(), deployments=()))
    assert store.fleet.deployment("pinned").requested_status is Desired.REMOVED
    assert store.flows.spec("shop").deployments == ()
    store.fleet.finish("pinned", "shop")
    assert store.fleet.deployments() == []


def test_deleting_a_network_leaves_no_orphan(store: Store) -> None:
    apply(store, full())
    apply(store, shop(name="stock"))
    beat(store, "host")
    step = Create(network="shop", processor="store", agent="host", deployment="d", cpus=1)
    assert store.fleet.place([step], term=None) == []
    store.traffic.commit([finished("c1")])
    counts = store.flows.delete_network("shop")
    assert counts["network"] == 1
    assert (counts["processor"], counts["socket"], counts["plug"]) == (2, 3, 1)
    assert (counts["deployment"], counts["agent_spec"]) == (2, 1)
    left = store.dump()
    for table in ("network", "processor", "socket", "plug", "deployment", "agent_spec", "task"):
        networks = {row.get("network", row["name"]) for row in left[table]}
        assert networks <= {"stock"}, table
    assert len(left["call"]) == 1
    with pytest.raises(NotFound):
        store.flows.delete_network("shop")
    apply(store, shop())
    store.flows.delete_network("shop", purge=True)
    left = store.dump()
    assert left["call"] == left["result"] == []
    assert {row["network"] for row in left["event"]} == {"stock", ""}


def test_removing_a_processor_takes_its_plugs_along(store: Store) -> None:
    apply(store, full())
    only = shop(processors=(shop().processors[1],), plugs=())
    apply(store, only)
    assert store.flows.spec("shop") == only
    assert store.flows.plugs() == []


def test_a_plug_with_a_name_and_all_its_fields(store: Store) -> None:
    plug = PlugSpec(source="parse.rows", target="store.save", argument="row", name="fast")
    apply(store, shop(plugs=(plug,)))
    assert store.flows.plug("fast").spec == plug
    assert store.flows.plug("fast").queue == "shop.fast"
    moved = structs.replace(plug, source="parse.tick")
    apply(store, shop(plugs=(moved,)))
    assert store.flows.plug("fast").spec == moved


def test_writes_reach_exactly_the_one_that_is_meant(store: Store) -> None:
    apply(store, shop())
    other = shop(name="stock", processors=(processor("parse", "rows"),), plugs=())
    apply(store, other)
    store.flows.request("", "stock/parse", Desired.PAUSED)
    store.flows.restart("", "stock/parse")
    spec = structs.replace(other.processors[0], cpus=5)
    store.flows.rewrite("stock", "parse", spec, receipt=None)
    assert store.flows.network("stock").revision == 4
    assert store.flows.network("shop").revision == 1
    untouched = store.flows.processor("parse", "shop")
    assert (untouched.requested_status, untouched.restarts, untouched.spec.cpus) == (
        Desired.RUNNING,
        0,
        1,
    )
    with pytest.raises(InvalidInput):
        store.flows.request("", "parse", Desired.STOPPED)
    assert not store.fleet.finish("pinned", "")


def test_tasks_that_did_not_change_are_not_written(store: Store) -> None:
    apply(store, shop())
    task = Task(name="rows", processor="parse", module="m")
    start = threading.Barrier(3)
    errors: list[Exception] = []

    def save() -> None:
        start.wait()
        try:
            store.flows.save_tasks("shop", "parse", [task, task])
        except Conflict as error:
            errors.append(error)

    threads = [threading.Thread(target=save) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert len(store.dump()["task"]) == 1
