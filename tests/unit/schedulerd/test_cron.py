from datetime import timedelta

import pytest

from flowctl.errors import BrokerUnavailable, Conflict
from flowctl.model.flow import Catchup, Schedule, SocketSpec
from flowctl.model.states import Desired
from schedulerd.cron import Cron
from schedulerd.model import Shelf

QUEUE = "shop.parse.tick"


def tick(**schedule):
    return (SocketSpec(name="tick", task="tick", schedule=Schedule(**schedule)),)


@pytest.fixture
def cron(control, term):
    control.broker.declare([])
    return Cron(control, Shelf(control), term)


def waiting(control):
    depth = control.broker.depth([QUEUE])
    return depth[QUEUE].ready if QUEUE in depth else 0


@pytest.fixture
def queue(control):
    from flowctl.broker.base import QueueSpec

    control.broker.declare([QueueSpec(name=QUEUE)])


@pytest.mark.usefixtures("queue")
def test_a_due_time_fires_once_with_its_payload(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10, payload='{"a": 1}')})
    assert cron.fire(clock.now()) == 0
    clock.pass_(10)
    assert cron.fire(clock.now()) == 1
    assert cron.fire(clock.now()) == 0
    (message,) = control.broker.peek(QUEUE)
    assert message.body == b'{"a": 1}'
    assert message.run_id == message.id
    assert control.store.traffic.unsent(clock.now() + timedelta(days=1), 10) == []


@pytest.mark.usefixtures("queue")
def test_a_new_leader_goes_on_where_the_old_one_was(control, clock, declare, cron, term):
    declare(parse={"sockets": tick(cron="*/5 * * * *", catchup=Catchup.ALL)})
    cron.fire(clock.now())
    clock.pass_(300)
    assert cron.fire(clock.now()) == 1
    clock.pass_(900)
    successor = Cron(control, Shelf(control), term)
    assert successor.fire(clock.now()) == 3
    assert cron.fire(clock.now()) == 3
    assert waiting(control) == 4


@pytest.mark.usefixtures("queue")
def test_a_schedule_that_is_held_fires_nothing_and_makes_nothing_up(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10, catchup=Catchup.ALL)})
    cron.fire(clock.now())
    declare(parse={"sockets": tick(every=10, catchup=Catchup.ALL, paused=True)})
    clock.pass_(95)
    assert cron.fire(clock.now()) == 0
    declare(parse={"sockets": tick(every=10, catchup=Catchup.ALL)})
    assert cron.fire(clock.now()) == 0
    clock.pass_(10)
    assert cron.fire(clock.now()) == 1


@pytest.mark.usefixtures("queue")
def test_processors_that_do_not_run_do_not_fire_and_catch_up_once(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10)})
    cron.fire(clock.now())
    control.store.flows.request("shop", "parse", Desired.PAUSED)
    clock.pass_(95)
    assert cron.fire(clock.now()) == 0
    control.store.flows.request("shop", "parse", Desired.RUNNING)
    assert cron.fire(clock.now()) == 1
    assert cron.fire(clock.now()) == 0
    clock.pass_(5)
    assert cron.fire(clock.now()) == 1


@pytest.mark.usefixtures("queue")
def test_disabled_processors_do_not_fire(clock, declare, cron):
    declare(parse={"sockets": tick(every=10), "enabled": False})
    cron.fire(clock.now())
    clock.pass_(20)
    assert cron.fire(clock.now()) == 0


@pytest.mark.usefixtures("queue")
def test_a_changed_schedule_counts_from_the_change(clock, declare, cron):
    declare(parse={"sockets": tick(cron="0 0 * * *")})
    cron.fire(clock.now())
    clock.pass_(3600)
    declare(parse={"sockets": tick(every=10)})
    assert cron.fire(clock.now()) == 0
    clock.pass_(10)
    assert cron.fire(clock.now()) == 1
    declare(parse={"sockets": ()})
    clock.pass_(10)
    assert cron.fire(clock.now()) == 0


@pytest.mark.usefixtures("queue")
def test_a_changed_payload_keeps_the_step(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10)})
    cron.fire(clock.now())
    clock.pass_(6)
    declare(parse={"sockets": tick(every=10, payload="7")})
    assert cron.fire(clock.now()) == 0
    clock.pass_(4)
    assert cron.fire(clock.now()) == 1
    assert [message.body for message in control.broker.peek(QUEUE)] == [b"7"]


@pytest.mark.usefixtures("queue")
def test_a_long_absence_is_worked_off_in_parts(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=1, catchup=Catchup.ALL)})
    cron.fire(clock.now())
    clock.pass_(1500)
    assert [cron.fire(clock.now()) for _ in range(3)] == [1000, 500, 0]
    assert waiting(control) == 1500


@pytest.mark.usefixtures("queue")
def test_clocks_that_step_back_and_forth_double_nothing(control, clock, declare, cron):
    declare(parse={"sockets": tick(cron="0 * * * *")})
    cron.fire(clock.now())
    fired = 0
    for seconds in (3600, -3600, 3600, 1800, -1800, 1800, 1800):
        clock.pass_(seconds)
        fired += cron.fire(clock.now())
    assert fired == waiting(control) == 2


def test_a_fire_whose_queue_is_missing_stays_in_the_outbox(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10)})
    cron.fire(clock.now())
    clock.pass_(10)
    assert cron.fire(clock.now()) == 1
    assert len(control.store.traffic.unsent(clock.now() + timedelta(days=1), 10)) == 1


def test_a_broker_that_is_away_costs_no_fire(control, clock, declare, cron):
    declare(parse={"sockets": tick(every=10)})
    cron.fire(clock.now())
    clock.pass_(10)
    control.door.close()
    control.door._opener = _nobody
    with pytest.raises(BrokerUnavailable):
        cron.fire(clock.now())
    assert len(control.store.traffic.unsent(clock.now() + timedelta(days=1), 10)) == 1
    assert cron.fire(clock.now()) == 1
    assert len(control.store.traffic.unsent(clock.now() + timedelta(days=1), 10)) == 1


def _nobody():
    raise BrokerUnavailable("the broker is away")


def test_a_deposed_leader_fires_nothing(control, clock, declare, term):
    stale = Cron(control, Shelf(control), term - 1)
    declare(parse={"sockets": tick(every=10)})
    stale.fire(clock.now())
    clock.pass_(10)
    with pytest.raises(Conflict):
        stale.fire(clock.now())
    assert control.store.duty.last_fire(QUEUE) is None


def test_a_schedule_that_cannot_be_read_harms_no_other(control, clock, declare, cron):
    bad, good = (
        tick(cron="61 * * * *")[0],
        SocketSpec(name="ok", task="t", schedule=Schedule(every=5)),
    )
    declare(parse={"sockets": (good, bad)})
    cron.fire(clock.now())
    clock.pass_(5)
    assert cron.fire(clock.now()) == 1
