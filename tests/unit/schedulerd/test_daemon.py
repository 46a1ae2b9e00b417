import logging
import threading

import pytest

from flowctl.errors import BrokerUnavailable, Conflict, SchemaMismatch, StateUnavailable
from flowctl.services.control import open_control
from flowctl.settings import load
from schedulerd.daemon import Daemon
from schedulerd.policy import Policy
from tests.cluster import until

POLICY = Policy()


@pytest.fixture
def daemon(control):
    return Daemon(control, POLICY, "s1")


def test_a_cycle_says_what_it_waits_for(control, daemon):
    assert daemon.cycle() == "waiting: nobody leads yet"
    control.store.duty.acquire("other", 10)
    daemon.leadership.step()
    assert daemon.cycle() == "waiting: other leads until 12:00:10"


def test_a_cycle_of_the_leader_places(control, daemon, beat, declare):
    daemon.leadership.step()
    assert daemon.cycle() == "leading: 0 agents, 0 of 0 cpus serve"
    beat()
    declare(parse={"cpus": 2})
    assert daemon.cycle() == "leading: 1 agent, 0 of 4 cpus serve, changed 1 deployment"
    assert [each.cpus for each in control.store.fleet.deployments()] == [2]


def test_it_looks_when_something_changed_or_time_has_passed(
    control, clock, daemon, beat, declare, monkeypatch
):
    looks = []
    fleet = control.store.fleet
    snapshot = fleet.snapshot
    monkeypatch.setattr(fleet, "snapshot", lambda: looks.append(1) or snapshot())
    daemon.leadership.step()
    for _ in range(3):
        daemon.cycle()
    assert len(looks) == 1
    clock.pass_(POLICY.look)
    daemon.cycle()
    assert len(looks) == 2
    declare(parse={"cpus": 0})
    daemon.cycle()
    assert len(looks) == 3
    declare(parse={"cpus": 1})
    beat()
    daemon.cycle()
    clock.pass_(0.3)
    daemon.cycle()
    assert len(looks) >= 5


def test_a_leader_that_lost_its_term_waits_again(control, clock, daemon, beat, declare):
    daemon.leadership.step()
    daemon.cycle()
    beat()
    declare(parse={"cpus": 1})
    _depose(control)
    assert daemon.cycle().startswith("waiting")
    assert daemon.leadership.term() is None
    assert control.store.fleet.deployments() == []


def _depose(control):
    """Another begins a term while the lease of the first seems to run."""
    lease = control.store.duty.lease()
    control.store.duty.yield_(lease.holder, lease.term)
    assert control.store.duty.acquire("other", 10).term == lease.term + 1


def test_a_database_that_is_away_is_said_and_waited_for(daemon, control, monkeypatch):
    daemon.leadership.step()
    daemon.cycle()

    def away():
        raise StateUnavailable("the database is away")

    monkeypatch.setattr(control.store, "revision", away)
    assert daemon.cycle() == "waiting: the database is away"
    monkeypatch.undo()
    assert daemon.cycle().startswith("leading")


def test_trouble_of_a_duty_is_told_once_and_forgotten_when_it_ends(daemon, caplog):
    daemon.leadership.step()
    faults = [BrokerUnavailable("no broker"), BrokerUnavailable("no broker"), None]

    def act(_duties):
        if (fault := faults.pop(0)) is not None:
            raise fault
        return 0

    job = daemon._duty("outbox", act)
    with caplog.at_level(logging.WARNING):
        job()
        job()
    assert caplog.text.count("no broker") == 1
    daemon._say(daemon.cycle())
    assert daemon.sentence.endswith("; outbox: no broker")
    job()
    daemon._say(daemon.cycle())
    assert "broker" not in daemon.sentence


def test_a_duty_that_meets_another_leader_deposes(daemon):
    daemon.leadership.step()

    def act(_duties):
        raise Conflict("another term has begun")

    daemon._duty("schedules", act)()
    assert daemon.leadership.term() is None
    daemon._duty("schedules", act)()


def test_it_runs_until_it_is_stopped(control, daemon, beat, declare):
    beat()
    declare(parse={"cpus": 1})
    thread = threading.Thread(target=daemon.run)
    thread.start()
    until(lambda: control.store.fleet.deployments(), "it places")
    until(lambda: "shop.parse.rows" in control.broker.queues(), "it declares")
    until(lambda: control.store.duty.samples("", "", "", control.clock.now()), "it measures")
    daemon.stop()
    thread.join(20)
    assert not thread.is_alive()
    successor = Daemon(control, POLICY, "s2")
    successor.leadership.step()
    assert successor.leadership.term() == 2


def test_it_refuses_a_newer_database(control, daemon, monkeypatch):
    def newer():
        raise SchemaMismatch(9, 1)

    monkeypatch.setattr(control.store, "check_schema", newer)
    with pytest.raises(SchemaMismatch):
        daemon.run()


def test_it_can_be_stopped_while_it_waits_for_the_schema(tmp_path):
    settings = load({"FLOWCTL_HOME": str(tmp_path)})
    settings.paths.make()
    with open_control(settings, name="test") as empty:
        daemon = Daemon(empty, POLICY, "s1")
        thread = threading.Thread(target=daemon.run)
        thread.start()
        daemon.stop()
        thread.join(20)
        assert not thread.is_alive()
