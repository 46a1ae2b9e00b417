"""What must hold of every plan, whatever the fleet looks like."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.model.flow import Scale
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired
from flowctl.model.work import Create, Resize, Retire
from flowctl.planning.place import plan
from flowctl.planning.room import takes_new
from flowctl.planning.wanted import is_eligible, wanted_cpus
from tests.fleets import agent, deployment, fleet, processor, taken

AGENTS = ["h1", "h2", "h3", "h4"]
LABELS = st.dictionaries(st.sampled_from(["gpu", "zone"]), st.sampled_from(["a", "b"]), max_size=1)

agents = st.builds(
    agent,
    name=st.just(""),
    cpus=st.integers(0, 6),
    labels=LABELS,
    status=st.sampled_from([AgentStatus.RUNNING] * 5 + list(AgentStatus)),
    requested_status=st.sampled_from([Desired.RUNNING] * 5 + list(Desired)),
)
processors = st.builds(
    processor,
    name=st.just(""),
    age=st.integers(0, 3),
    network=st.sampled_from(["a", "b"]),
    cpus=st.integers(0, 7),
    scale=st.one_of(
        st.none(), st.none(), st.builds(Scale, min=st.integers(0, 2), max=st.integers(2, 5))
    ),
    labels=LABELS,
    host=st.sampled_from(["", "", "", "h1", "nowhere"]),
    enabled=st.sampled_from([True, True, True, False]),
    requested=st.sampled_from([Desired.RUNNING] * 4 + list(Desired)),
)
claims = st.builds(
    deployment,
    name=st.just(""),
    agent=st.sampled_from([*AGENTS, "gone"]),
    cpus=st.integers(1, 4),
    requested_status=st.sampled_from([Desired.RUNNING] * 5 + list(Desired)),
    status=st.sampled_from(list(DeploymentStatus)),
    pinned=st.sampled_from([False, False, False, True]),
)


def named(each, name, **more):
    return msgspec.structs.replace(each, name=name, id=name, **more)


@st.composite
def fleets(draw):
    hosts = [
        named(each, name)
        for name, each in zip(AGENTS, draw(st.lists(agents, max_size=4)), strict=False)
    ]
    flows = [named(each, f"p{n}") for n, each in enumerate(draw(st.lists(processors, max_size=5)))]
    placed = []
    for n, each in enumerate(draw(st.lists(claims, max_size=8)) if flows else []):
        owner = draw(st.sampled_from(flows))
        placed.append(
            named(each, f"{owner.name}.deploy{n + 1}", processor=owner.name, network=owner.network)
        )
    return fleet(flows, hosts, placed, strategy=draw(st.sampled_from(["BALANCED", "EFFICIENT"])))


def held(snapshot):
    total = Counter()
    for claim in snapshot.deployments:
        total[claim.agent] += claim.cpus
    return total


def active(snapshot, owner):
    return [
        claim
        for claim in snapshot.deployments
        if (claim.network, claim.processor) == (owner.network, owner.name)
        and claim.requested_status is not Desired.REMOVED
    ]


@given(fleets())
def test_no_agent_is_ever_overfilled(snapshot):
    before = held(snapshot)
    now = Counter(before)
    sizes = {(claim.network, claim.name): claim.cpus for claim in snapshot.deployments}
    offered = {each.name: each.cpus for each in snapshot.agents}
    for step in plan(snapshot).steps:
        if isinstance(step, Create | Resize):
            grown = step.cpus - sizes.get((step.network, step.deployment), 0)
            now[step.agent] += grown
            assert grown < 0 or now[step.agent] <= offered[step.agent]


@given(fleets())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(snapshot):
    after = taken(snapshot, plan(snapshot).steps)
    assert plan(after).steps == ()


@given(fleets())
def test_it_comes_to_rest_when_the_retired_are_gone(snapshot):
    for _ in range(4):
        result = plan(snapshot)
        snapshot = taken(snapshot, result.steps, finish=True)
        if not result.steps:
            break
    assert plan(snapshot).steps == ()


@given(fleets())
def test_every_wish_is_met_or_told(snapshot):
    result = plan(snapshot)
    lacks = {(lack.network, lack.processor): lack.cpus for lack in result.unplaced}
    after = taken(snapshot, result.steps)
    for owner in snapshot.processors:
        mine = active(after, owner)
        pinned = sum(claim.cpus for claim in mine if claim.pinned)
        total = sum(claim.cpus for claim in mine)
        lack = lacks.get((owner.network, owner.name), 0)
        assert total + lack == max(wanted_cpus(owner), pinned)


@given(fleets())
def test_cpus_are_lacking_only_where_none_are_free(snapshot):
    result = plan(snapshot)
    used = held(taken(snapshot, result.steps))
    owners = {(owner.network, owner.name): owner for owner in snapshot.processors}
    for lack in result.unplaced:
        spec = owners[lack.network, lack.processor].spec
        for host in snapshot.agents:
            if takes_new(host) and is_eligible(host, spec):
                assert used[host.name] >= host.cpus
        assert lack.reason


@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(snapshot, luck: random.Random):
    def shuffled(rows):
        rows = list(rows)
        luck.shuffle(rows)
        return tuple(rows)

    mixed = msgspec.structs.replace(
        snapshot,
        processors=shuffled(snapshot.processors),
        agents=shuffled(snapshot.agents),
        deployments=shuffled(snapshot.deployments),
    )
    first, second = plan(snapshot), plan(mixed)
    assert first.steps == second.steps
    assert first.unplaced == second.unplaced


@given(fleets())
def test_each_deployment_is_touched_once_and_pinned_ones_never(snapshot):
    steps = plan(snapshot).steps
    touched = Counter((step.network, step.deployment) for step in steps)
    assert all(count == 1 for count in touched.values())
    known = {(claim.network, claim.name): claim for claim in snapshot.deployments}
    for step in steps:
        claim = known.get((step.network, step.deployment))
        assert (claim is None) == isinstance(step, Create)
        assert claim is None or not claim.pinned


@given(fleets())
def test_no_more_workers_end_than_must(snapshot):
    """On healthy agents a scale-in of n cpus ends at most as many workers as fit into n cpus."""
    well = [
        named(
            each, each.name, cpus=99, status=AgentStatus.RUNNING, requested_status=Desired.RUNNING
        )
        for each in snapshot.agents
    ]
    healthy = msgspec.structs.replace(snapshot, agents=tuple(well))
    ended = defaultdict(list)
    for step in plan(healthy).steps:
        if isinstance(step, Retire):
            ended[step.network, step.processor].append(step)
    for owner in healthy.processors:
        mine = active(healthy, owner)
        stay = [
            c for c in mine if any(a.name == c.agent and is_eligible(a, owner.spec) for a in well)
        ]
        if len(stay) == len(mine) and wanted_cpus(owner):
            overage = max(0, sum(c.cpus for c in mine) - wanted_cpus(owner))
            sizes = sorted((c.cpus for c in mine if not c.pinned), reverse=True)
            most = next((n for n in range(len(sizes) + 1) if sum(sizes[:n]) >= overage), len(sizes))
            assert len(ended[owner.network, owner.name]) <= most


@settings(max_examples=20)
@given(st.integers(1, 30), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_balanced_keeps_free_shares_level_and_efficient_opens_fewest_agents(cpus, sizes):
    hosts = [agent(f"h{n}", size) for n, size in enumerate(sizes)]
    even = [agent(f"h{n}", 8) for n in range(len(sizes))]
    spread = fleet([processor(cpus=min(cpus, 8 * len(even)))], even)
    used = held(taken(spread, plan(spread).steps))
    counts = [used[host.name] for host in even]
    assert max(counts) - min(counts) <= 1
    packed = fleet([processor(cpus=min(cpus, sum(sizes)))], hosts, strategy="EFFICIENT")
    opened = {step.agent for step in plan(packed).steps}
    largest = sorted(sizes, reverse=True)
    fewest = next(n for n in range(len(largest) + 1) if sum(largest[:n]) >= min(cpus, sum(sizes)))
    assert len(opened) == fewest
