from datetime import timedelta

import pytest

from flowctl.errors import Conflict
from flowctl.model.states import AgentStatus
from schedulerd.leader import Leadership
from schedulerd.policy import Policy

POLICY = Policy(lease_ttl=10, lease_renew=3)


@pytest.fixture
def pair(control):
    return Leadership(control, POLICY, "one"), Leadership(control, POLICY, "two")


def test_one_leads_and_the_other_waits(pair, clock):
    one, two = pair
    for _ in range(40):
        one.step()
        two.step()
        clock.pass_(1)
    assert one.term() == 1
    assert two.term() is None
    assert two.seen.lease.holder == one.holder


def test_a_leader_that_dies_is_followed_within_twelve_seconds(pair, clock):
    one, two = pair
    one.step()
    passed = 0.0
    while two.term() is None:
        two.step()
        clock.pass_(0.5)
        passed += 0.5
    assert 10 <= passed <= 12
    assert two.term() == 2


def test_a_leader_that_stops_is_followed_at_once(pair):
    one, two = pair
    one.step()
    two.step()
    one.close()
    two.step()
    assert two.term() == 2
    one.step()
    assert one.term() is None


def test_a_leader_that_hung_does_not_act_and_cannot_write(control, pair, clock, beat):
    one, two = pair
    beat()
    one.step()
    clock.pass_(60)
    assert one.term() is None
    two.step()
    one.step()
    assert (one.term(), two.term()) == (None, 2)
    with pytest.raises(Conflict):
        control.store.fleet.mark_agents(["h1"], AgentStatus.LOST, term=1)


def test_a_leader_that_hung_goes_on_where_nobody_followed(pair, clock):
    one, _ = pair
    one.step()
    clock.pass_(60)
    one.step()
    one.step()
    assert one.term() == 1


def test_it_tells_the_time_of_the_database(pair, clock):
    one, _ = pair
    one.step()
    believed = one.now()
    clock.moment += timedelta(hours=1)
    assert one.now() == believed
    clock.seconds += 3
    one.step()
    assert one.now() == clock.now()


def test_deposing_is_at_once(pair):
    one, _ = pair
    one.step()
    one.depose("another leads")
    one.depose("another leads")
    assert one.term() is None
