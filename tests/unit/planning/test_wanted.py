from flowctl.model.flow import Scale
from flowctl.model.states import Desired
from flowctl.planning.wanted import bounded, is_eligible, wanted_cpus
from tests.fleets import agent, processor


def test_wanted_follows_request_and_bounds():
    assert wanted_cpus(processor(cpus=3)) == 3
    assert wanted_cpus(processor(cpus=3, requested=Desired.PAUSED)) == 3
    assert wanted_cpus(processor(cpus=3, requested=Desired.STOPPED)) == 0
    assert wanted_cpus(processor(cpus=3, enabled=False)) == 0
    assert wanted_cpus(processor(cpus=9, scale=Scale(min=1, max=4))) == 4
    assert bounded(-1, None) == 0


def test_eligible_agents_carry_every_label_and_are_the_host():
    labelled = agent(labels={"gpu": "yes"})
    assert is_eligible(labelled, processor(labels={"gpu": "yes"}).spec)
    assert not is_eligible(labelled, processor(labels={"gpu": "no"}).spec)
    assert not is_eligible(labelled, processor(host="h2").spec)
