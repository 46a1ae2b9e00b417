from flowctl.model.states import AgentStatus, ProcessorStatus
from flowctl.planning.health import Health
from flowctl.planning.place import plan
from schedulerd.planner import describe
from tests.fleets import agent, fleet, processor

RUNNING = Health(status=ProcessorStatus.RUNNING, deployed=2, running=2)


def test_a_look_ends_in_one_sentence():
    snapshot = fleet([processor(cpus=2)], [agent("h1"), agent("h2", status=AgentStatus.LOST)])
    said = describe(snapshot, plan(snapshot), [RUNNING], 1, observe=False)
    assert said == "leading: 2 agents (1 running), 2 of 4 cpus serve, changed 1 deployment"


def test_it_says_what_lacks():
    snapshot = fleet([processor("a", cpus=2), processor("b")], [agent("h1", 1)])
    said = describe(snapshot, plan(snapshot), [RUNNING], 0, observe=False)
    assert said.endswith("a wants 2 cpus, 1 free on 1 agent (and 1 more)")


def test_an_observer_says_what_it_would_do():
    snapshot = fleet([processor(cpus=2)], [agent("h1")])
    said = describe(snapshot, plan(snapshot), [RUNNING], 0, observe=True)
    assert said == "observing: 1 agent, 2 of 4 cpus serve, would change 1 deployment"
