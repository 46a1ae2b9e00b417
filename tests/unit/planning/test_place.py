from collections import Counter

from flowctl.model.flow import Scale
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired
from flowctl.model.work import Create, Resize, Retire
from flowctl.planning.place import plan
from tests.fleets import agent, deployment, fleet, processor, taken


def brief(steps):
    """Steps as short tuples: kind, deployment, agent, cpus."""
    return [
        (type(step).__name__, step.deployment, step.agent, getattr(step, "cpus", 0))
        for step in steps
    ]


def test_nothing_to_do_is_an_empty_plan():
    assert plan(fleet()).steps == ()
    settled = fleet([processor(cpus=1)], [agent()], [deployment("parse.deploy1")])
    assert plan(settled).steps == ()
    assert plan(settled).unplaced == ()


def test_one_processor_on_one_agent_becomes_one_deployment():
    result = plan(fleet([processor(cpus=3)], [agent(cpus=4)]))
    assert brief(result.steps) == [("Create", "parse.deploy1", "h1", 3)]


def test_balanced_spreads_to_the_emptiest_share():
    agents = [agent("h1", 4), agent("h2", 4), agent("h3", 8)]
    result = plan(fleet([processor(cpus=4)], agents))
    assert Counter({step.agent: step.cpus for step in result.steps}) == {"h1": 1, "h2": 1, "h3": 2}


def test_efficient_packs_the_agent_in_use():
    agents = [agent("h1", 4), agent("h2", 4), agent("h3", 4)]
    present = [deployment("store.deploy1", "h2", 1)]
    wanted = [processor("store", cpus=1), processor(cpus=3, age=1)]
    result = plan(fleet(wanted, agents, present, strategy="EFFICIENT"))
    assert brief(result.steps) == [("Create", "parse.deploy1", "h2", 3)]


def test_efficient_opens_no_agent_that_another_constraint_opened_already():
    agents = [agent("h1", 8), agent("h2", 4, labels={"gpu": "yes"})]
    wanted = [processor("a", cpus=1, labels={"gpu": "yes"}), processor("b", cpus=2, age=1)]
    result = plan(fleet(wanted, agents, strategy="EFFICIENT"))
    assert {step.agent for step in result.steps} == {"h2"}


def test_growth_resizes_the_deployment_that_is_there():
    result = plan(fleet([processor(cpus=3)], [agent()], [deployment("parse.deploy1")]))
    assert brief(result.steps) == [("Resize", "parse.deploy1", "h1", 3)]


def test_new_names_take_the_next_free_number():
    present = [
        deployment("parse.deploy1", "h1", 4),
        deployment("parse.deploy3", "h2", 4, requested_status=Desired.REMOVED),
    ]
    agents = [agent("h1", 4), agent("h2", 4), agent("h3", 1), agent("h4", 1)]
    result = plan(fleet([processor(cpus=6)], agents, present))
    names = [step.deployment for step in result.steps]
    assert names == ["parse.deploy2", "parse.deploy4"]


def test_same_processor_name_in_two_networks_does_not_mix():
    wanted = [processor(cpus=1, network="a"), processor(cpus=1, network="b")]
    result = plan(fleet(wanted, [agent()]))
    assert [(step.network, step.deployment) for step in result.steps] == [
        ("a", "parse.deploy1"),
        ("b", "parse.deploy1"),
    ]


def test_scale_in_ends_the_deployment_of_just_that_size():
    present = [deployment("parse.deploy1", "h1", 3), deployment("parse.deploy2", "h2", 2)]
    result = plan(fleet([processor(cpus=3)], [agent("h1"), agent("h2")], present))
    assert brief(result.steps) == [("Retire", "parse.deploy2", "h2", 0)]


def test_scale_in_shrinks_one_where_none_fits():
    present = [deployment("parse.deploy1", "h1", 3), deployment("parse.deploy2", "h2", 3)]
    result = plan(fleet([processor(cpus=4)], [agent("h1"), agent("h2")], present))
    assert [type(step) for step in result.steps] == [Resize]
    assert result.steps[0].cpus == 1


def test_scale_in_ends_whole_ones_then_shrinks_a_last():
    present = [deployment(f"parse.deploy{n}", f"h{n}", 2) for n in (1, 2, 3)]
    agents = [agent(f"h{n}") for n in (1, 2, 3)]
    result = plan(fleet([processor(cpus=1)], agents, present))
    assert sorted(type(step).__name__ for step in result.steps) == ["Resize", "Retire", "Retire"]


def test_scale_to_zero_retires_all():
    present = [deployment("parse.deploy1"), deployment("parse.deploy2", "h2")]
    result = plan(fleet([processor(cpus=0)], [agent("h1"), agent("h2")], present))
    assert [type(step) for step in result.steps] == [Retire, Retire]


def test_stopped_and_disabled_processors_are_taken_down():
    for wish in ({"requested": Desired.STOPPED}, {"enabled": False}):
        result = plan(fleet([processor(**wish)], [agent()], [deployment("parse.deploy1")]))
        assert brief(result.steps) == [("Retire", "parse.deploy1", "h1", 0)]


def test_paused_processors_keep_their_deployments():
    result = plan(
        fleet([processor(requested=Desired.PAUSED)], [agent()], [deployment("parse.deploy1")])
    )
    assert result.steps == ()


def test_scale_bounds_clamp_what_is_wanted():
    assert plan(fleet([processor(cpus=9, scale=Scale(min=0, max=2))], [agent()])).steps[0].cpus == 2
    assert plan(fleet([processor(cpus=0, scale=Scale(min=1, max=2))], [agent()])).steps[0].cpus == 1


def test_a_lost_agents_deployments_move():
    present = [deployment("parse.deploy1", "h1", 2, status=DeploymentStatus.LOST)]
    agents = [agent("h1", status=AgentStatus.LOST), agent("h2")]
    result = plan(fleet([processor(cpus=2)], agents, present))
    assert brief(result.steps) == [
        ("Retire", "parse.deploy1", "h1", 0),
        ("Create", "parse.deploy2", "h2", 2),
    ]


def test_a_forgotten_agents_deployments_move():
    result = plan(fleet([processor()], [agent("h2")], [deployment("parse.deploy1", "h1")]))
    assert [step.agent for step in result.steps] == ["h1", "h2"]


def test_a_suspect_or_starting_agent_keeps_but_takes_nothing_new():
    for status in (AgentStatus.SUSPECT, AgentStatus.STARTING):
        result = plan(
            fleet([processor(cpus=2)], [agent(status=status)], [deployment("parse.deploy1")])
        )
        assert result.steps == ()
        assert result.unplaced[0].cpus == 1


def test_a_draining_agent_is_emptied():
    present = [deployment("parse.deploy1", "h1", 2)]
    agents = [agent("h1", requested_status=Desired.STOPPED), agent("h2")]
    result = plan(fleet([processor(cpus=2)], agents, present))
    assert [type(step) for step in result.steps] == [Retire, Create]
    agents = [agent("h1", status=AgentStatus.DRAINING), agent("h2")]
    assert len(plan(fleet([processor(cpus=2)], agents, present)).steps) == 2


def test_a_paused_agent_keeps_what_it_has_and_takes_nothing_new():
    paused = agent("h1", requested_status=Desired.PAUSED)
    result = plan(fleet([processor(cpus=2)], [paused], [deployment("parse.deploy1")]))
    assert result.steps == ()
    assert result.unplaced[0].reason == "agent h1 is paused"


def test_labels_constrain_and_move_what_no_longer_fits():
    agents = [agent("h1"), agent("h2", labels={"gpu": "yes", "zone": "b"})]
    wanted = [processor(labels={"gpu": "yes"})]
    assert plan(fleet(wanted, agents)).steps[0].agent == "h2"
    moved = plan(fleet(wanted, agents, [deployment("parse.deploy1", "h1")]))
    assert [step.agent for step in moved.steps] == ["h1", "h2"]


def test_host_constrains():
    agents = [agent("h1", 8), agent("h2", 1)]
    result = plan(fleet([processor(cpus=2, host="h2")], agents))
    assert brief(result.steps) == [("Create", "parse.deploy1", "h2", 1)]
    assert result.unplaced[0].reason == "wants 2 cpus, 1 free on 1 agent"


def test_pinned_deployments_count_and_are_left_alone():
    pinned = deployment("fixed", "h1", 1, processor="parse", pinned=True)
    assert plan(fleet([processor(cpus=1)], [agent()], [pinned])).steps == ()
    assert plan(fleet([processor(cpus=0)], [agent()], [pinned])).steps == ()
    grown = plan(fleet([processor(cpus=2)], [agent()], [pinned]))
    assert brief(grown.steps) == [("Create", "parse.deploy1", "h1", 1)]


def test_first_come_first_served_when_cpus_are_short():
    wanted = [processor("late", cpus=2, age=5), processor("early", cpus=3, age=1)]
    result = plan(fleet(wanted, [agent(cpus=4)]))
    assert [(step.processor, step.cpus) for step in result.steps] == [("early", 3), ("late", 1)]
    assert [(lack.processor, lack.cpus) for lack in result.unplaced] == [("late", 1)]


def test_a_claim_that_is_still_leaving_holds_its_cpus():
    leaving = deployment("old.deploy1", "h1", 3, requested_status=Desired.REMOVED)
    result = plan(fleet([processor("old", cpus=0), processor(cpus=4, age=1)], [agent()], [leaving]))
    assert brief(result.steps) == [("Create", "parse.deploy1", "h1", 1)]


def test_an_agent_that_offers_less_than_before_is_relieved_of_the_latest():
    wanted = [processor("early", cpus=2), processor("late", cpus=3, age=9)]
    present = [deployment("early.deploy1", "h1", 2), deployment("late.deploy1", "h1", 3)]
    result = plan(fleet(wanted, [agent("h1", 4), agent("h2", 1)], present))
    assert brief(result.steps) == [
        ("Resize", "late.deploy1", "h1", 2),
        ("Create", "late.deploy2", "h2", 1),
    ]


def test_shrinking_steps_come_before_growing_ones():
    wanted = [processor("grow", cpus=4), processor("less", cpus=1, age=1)]
    present = [deployment("grow.deploy1", "h1", 1), deployment("less.deploy1", "h1", 3)]
    result = plan(fleet(wanted, [agent("h1", 5)], present))
    assert brief(result.steps) == [
        ("Resize", "less.deploy1", "h1", 1),
        ("Resize", "grow.deploy1", "h1", 4),
    ]


def test_losing_an_agent_moves_only_what_was_on_it():
    agents = [agent(f"h{n}", 4) for n in range(6)]
    start = fleet([processor(f"p{n}", cpus=3, age=n) for n in range(5)], agents)
    start = taken(start, plan(start).steps)
    lost = [
        agent(each.name, 4, status=AgentStatus.LOST if each.name == "h2" else each.status)
        for each in agents
    ]
    after = fleet(start.processors, lost, start.deployments)
    steps = plan(after).steps
    assert {step.agent for step in steps if isinstance(step, Retire)} == {"h2"}
    moved = sum(claim.cpus for claim in start.deployments if claim.agent == "h2")
    grown = sum(
        step.cpus - next((c.cpus for c in start.deployments if c.name == step.deployment), 0)
        for step in steps
        if isinstance(step, Create | Resize)
    )
    assert grown == moved
