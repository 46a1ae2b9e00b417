import pytest

from flowctl.model.states import AgentStatus, Desired
from flowctl.planning.place import plan
from tests.fleets import agent, deployment, fleet, processor

LOST = {"status": AgentStatus.LOST}


@pytest.mark.parametrize(
    ("spec", "agents", "reason"),
    [
        ({}, [], "there is no agent"),
        ({"cpus": 4}, [agent("h1", 1), agent("h2", 0)], "wants 4 cpus, 1 free on 2 agents"),
        ({"labels": {"gpu": "yes"}}, [agent()], "no agent carries label gpu=yes"),
        (
            {"labels": {"b": "2", "a": "1"}},
            [agent(labels={"a": "1"})],
            "no agent carries label a=1, b=2",
        ),
        ({"host": "h2"}, [agent("h1")], "host h2 is not known"),
        ({"host": "h2"}, [agent("h2", **LOST)], "host h2 is lost"),
        ({"host": "h1", "labels": {"a": "1"}}, [agent()], "host h1 does not carry label a=1"),
        ({}, [agent("h1", requested_status=Desired.STOPPED)], "agent h1 is draining"),
        (
            {},
            [agent("h1", **LOST), agent("h2", status=AgentStatus.SUSPECT)],
            "of 2 agents none is running (lost, suspect)",
        ),
    ],
)
def test_the_reason_names_what_is_missing(spec, agents, reason):
    assert [lack.reason for lack in plan(fleet([processor(**spec)], agents)).unplaced] == [reason]


def test_what_is_there_already_is_not_counted_again():
    result = plan(fleet([processor(cpus=3)], [agent("h1", 2)], [deployment("parse.deploy1")]))
    assert result.unplaced[0].reason == "wants 2 more cpus, 1 free on 1 agent"
