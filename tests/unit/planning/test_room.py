from flowctl.model.states import AgentStatus, Desired
from flowctl.planning.room import Room
from tests.fleets import agent, deployment, processor


def test_free_cpus_are_those_that_nobody_holds():
    agents = [
        agent("h1", 4),
        agent("h2", 4, status=AgentStatus.LOST),
        agent("h3", 2, requested_status=Desired.PAUSED),
        agent("h4", 1),
    ]
    held = [
        deployment("a.deploy1", "h1", 1),
        deployment("a.deploy2", "h1", 2, requested_status=Desired.REMOVED),
        deployment("a.deploy3", "h4", 3),
        deployment("a.deploy4", "nowhere", 3),
    ]
    room = Room(agents, held)
    assert [room.free(name) for name in ("h1", "h2", "h3", "h4", "nowhere")] == [1, 0, 0, 0, 0]


def test_cpus_are_handed_out_once():
    room = Room([agent("h1", 2), agent("h2", 1)], [])
    spec = processor().spec
    given = [room.take(spec, "BALANCED", 1) for _ in range(4)]
    assert sorted(each[0] for each in given[:3]) == ["h1", "h1", "h2"]
    assert given[3] is None


def test_constraints_share_the_same_cpus():
    room = Room([agent("h1", 1)], [])
    assert room.take(processor(host="h1").spec, "BALANCED", 1) == ("h1", 1)
    assert room.take(processor().spec, "BALANCED", 1) is None
    assert room.take(processor().spec, "EFFICIENT", 1) is None


def test_what_shrinks_is_free_again():
    room = Room([agent("h1", 2)], [deployment("a.deploy1", "h1", 2)])
    room.give_back("h1", 1)
    room.give_back("nowhere", 1)
    assert room.free("h1") == 1
