from datetime import timedelta

import pytest

from flowctl.model.states import AgentStatus
from flowctl.planning.liveness import Heard, judge, listen
from tests.fleets import START, agent

LIMITS = {"suspect_after": 10, "lost_after": 30}


@pytest.mark.parametrize(
    ("status", "silence", "suspect", "lost"),
    [
        (AgentStatus.RUNNING, 9.9, (), ()),
        (AgentStatus.RUNNING, 10, ("h1",), ()),
        (AgentStatus.DRAINING, 10, ("h1",), ()),
        (AgentStatus.SUSPECT, 29, (), ()),
        (AgentStatus.SUSPECT, 30, (), ("h1",)),
        (AgentStatus.RUNNING, 30, (), ("h1",)),
        (AgentStatus.LOST, 99, (), ()),
        (AgentStatus.STOPPED, 99, (), ()),
    ],
)
def test_silence_makes_suspect_then_lost(status, silence, suspect, lost):
    verdict = judge([agent(status=status)], {"h1": Heard(START, 100)}, 100 + silence, **LIMITS)
    assert (verdict.suspect, verdict.lost) == (suspect, lost)


def test_who_was_never_heard_of_gets_the_whole_grace():
    assert judge([agent()], {}, 1e9, **LIMITS).lost == ()


def test_only_a_new_beat_ends_the_silence():
    later = START + timedelta(hours=9)
    heard = listen({}, [("h1", START), ("h2", START)], 5.0)
    heard = listen(heard, [("h1", later), ("h2", START)], 7.0)
    assert heard == {"h1": Heard(later, 7.0), "h2": Heard(START, 5.0)}
    assert listen(heard, [], 8.0) == {}
