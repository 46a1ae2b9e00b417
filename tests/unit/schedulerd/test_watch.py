import pytest

from flowctl.model.states import AgentStatus, DeploymentStatus, ProcessorStatus
from flowctl.planning.place import plan
from schedulerd import watch
from schedulerd.planner import Planner
from schedulerd.policy import Policy

POLICY = Policy(suspect_after=10, lost_after=30)


@pytest.fixture
def planner(control, term):
    return Planner(control, POLICY, term, observe=False)


def status(control, name="h1"):
    return control.store.fleet.agent(name).status


def test_silence_is_counted_from_the_first_look(control, clock, beat, term):
    beat()
    clock.pass_(3600)
    ear = watch.Watch(control, POLICY, term)
    for seconds, expected in (
        (0, AgentStatus.RUNNING),
        (9, AgentStatus.RUNNING),
        (1, AgentStatus.SUSPECT),
        (19, AgentStatus.SUSPECT),
        (1, AgentStatus.LOST),
    ):
        clock.pass_(seconds)
        ear.mark(control.store.fleet.agents())
        assert status(control) is expected
    beat()
    ear.mark(control.store.fleet.agents())
    assert status(control) is AgentStatus.RUNNING


def test_what_was_on_a_lost_host_is_placed_elsewhere_and_cleared(
    control, clock, beat, declare, planner
):
    declare(parse={"cpus": 2})
    beat("h1")
    planner.look()
    assert [each.agent for each in control.store.fleet.deployments()] == ["h1"]
    beat("h2")
    planner.look()
    for _ in range(4):
        clock.pass_(10)
        beat("h2")
        planner.look()
    planner.look()
    (moved,) = control.store.fleet.deployments()
    assert (moved.agent, moved.cpus, moved.name) == ("h2", 2, "parse.deploy2")


def test_processors_are_settled_when_they_change(control, beat, declare, planner):
    declare(parse={"cpus": 2})
    planner.look()
    found = control.store.flows.processor("parse", "shop")
    assert (found.status, found.error) == (ProcessorStatus.PENDING, "there is no agent")
    beat()
    assert planner.look().restless
    planner.look()
    found = control.store.flows.processor("parse", "shop")
    assert (found.status, found.error, found.deployed_cpus) == (ProcessorStatus.STARTING, "", 2)
    control.store.fleet.report("parse.deploy1", "shop", DeploymentStatus.ERROR, "no module x")
    assert not planner.look().restless
    found = control.store.flows.processor("parse", "shop")
    assert found.status is ProcessorStatus.ERROR
    assert "no module x" in found.error


def test_settling_again_writes_nothing(control, beat, declare, planner):
    declare(parse={"cpus": 1})
    beat()
    for _ in range(3):
        planner.look()
    before = control.store.flows.processor("parse", "shop")
    events = control.store.events.list()
    planner.look()
    assert control.store.flows.processor("parse", "shop") == before
    assert control.store.events.list() == events


def test_an_observer_changes_no_deployment(control, beat, declare, term):
    declare(parse={"cpus": 1})
    beat()
    look = Planner(control, POLICY, term, observe=True).look()
    assert look.sentence == "observing: 1 agent, 0 of 4 cpus serve, would change 1 deployment"
    assert control.store.fleet.deployments() == []


def test_a_plan_of_an_earlier_moment_never_overfills(control, beat, declare, term):
    declare(a={"cpus": 3}, b={"cpus": 3})
    beat(cpus=4)
    stale = plan(control.store.fleet.snapshot())
    control.store.fleet.place(stale.steps, term=term)
    rejected = control.store.fleet.place(stale.steps, term=term)
    assert len(rejected) == len(stale.steps)
    assert sum(each.cpus for each in control.store.fleet.deployments()) == 4
