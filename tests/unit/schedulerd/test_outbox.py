from datetime import timedelta

import pytest

from flowctl.broker.base import QueueSpec
from flowctl.errors import PublishFailed
from flowctl.model.ids import CallId, RunId
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import Claim, Fire
from schedulerd.model import Shelf
from schedulerd.outbox import PARK, SETTLE, Claims, sweep

QUEUE = "shop.parse.rows"


def outgoing(name="c1", queue=QUEUE):
    return Outgoing(queue=queue, message=Message(id=CallId(name), run_id=RunId("r"), body=b"1"))


@pytest.fixture
def forget(control, clock, term):
    """Leave messages in the outbox, as a sender does that crashed."""

    def leave(*messages):
        fires = [
            (Fire(socket=each.queue, due_at=clock.now(), call_id=each.message.id), each)
            for each in messages
        ]
        for number, (fire, each) in enumerate(fires):
            moved = Fire(
                socket=fire.socket,
                due_at=fire.due_at + timedelta(microseconds=number),
                call_id=fire.call_id,
            )
            assert control.store.duty.fire([(moved, each)], term=term) == 1

    return leave


def left(control, clock):
    return [
        each.message.id
        for each in control.store.traffic.unsent(clock.now() + timedelta(days=1), 99)
    ]


def test_what_was_forgotten_is_sent_and_flagged(control, clock, forget):
    control.broker.declare([QueueSpec(name=QUEUE)])
    forget(outgoing())
    shelf = Shelf(control)
    assert sweep(control, shelf, clock.now(), 5) == 0
    clock.pass_(6)
    assert sweep(control, shelf, clock.now(), 5) == 1
    assert [(each.id, each.again) for each in control.broker.peek(QUEUE)] == [("c1", True)]
    assert left(control, clock) == []


def test_what_does_not_fit_stays(control, clock, forget, declare):
    declare(parse={})
    control.broker.declare([QueueSpec(name=QUEUE, max_length=1)])
    forget(outgoing("c1"), outgoing("c2"))
    clock.pass_(6)
    with pytest.raises(PublishFailed, match="full"):
        sweep(control, Shelf(control), clock.now(), 5)
    assert left(control, clock) == ["c2"]


def test_what_has_no_queue_yet_stays(control, clock, forget, declare):
    declare(parse={})
    forget(outgoing())
    clock.pass_(6)
    with pytest.raises(PublishFailed, match="unroutable"):
        sweep(control, Shelf(control), clock.now(), 5)
    assert left(control, clock) == ["c1"]


def test_what_has_no_queue_any_more_is_parked(control, clock, forget):
    forget(outgoing())
    clock.pass_(6)
    sweep(control, Shelf(control), clock.now(), 5)
    (message,) = control.broker.peek("shop" + PARK)
    assert (message.id, message.origin, message.reason) == ("c1", QUEUE, "unroutable")
    assert left(control, clock) == []


def test_claims_that_nobody_prolongs_are_issued_again(control, clock):
    traffic = control.store.traffic
    claim = Claim(
        call_id=CallId("c1"),
        queue=QUEUE,
        message=outgoing().message,
        worker="w",
        expires_at=clock.now() + timedelta(seconds=60),
    )
    traffic.claim([claim])
    claims = Claims(control)
    assert claims.reissue(clock.now()) == 0
    clock.pass_(61)
    assert claims.reissue(clock.now()) == 0
    clock.pass_(SETTLE)
    assert claims.reissue(clock.now()) == 1
    (again,) = traffic.unsent(clock.now() + timedelta(days=1), 9)
    assert (again.queue, again.message.attempt, again.message.again) == (QUEUE, 2, True)


def test_claims_of_a_worker_that_is_known_to_be_dead_need_no_second_look(control, clock):
    traffic = control.store.traffic
    traffic.claim(
        [
            Claim(
                call_id=CallId("c1"), queue=QUEUE, message=outgoing().message, worker="w",
                expires_at=clock.now() + timedelta(seconds=60),
            )
        ]
    )  # fmt: skip
    traffic.orphan_claims("w", clock.now())
    assert traffic.renew_claims("w", clock.now() + timedelta(seconds=60)) == 0
    clock.pass_(1)
    assert Claims(control).reissue(clock.now()) == 1


def test_a_worker_whose_clock_is_behind_keeps_its_claims(control, clock):
    traffic = control.store.traffic
    hour_ago = clock.now() - timedelta(hours=1)
    claim = Claim(
        call_id=CallId("c1"),
        queue=QUEUE,
        message=outgoing().message,
        worker="w",
        expires_at=hour_ago,
    )
    traffic.claim([claim])
    claims = Claims(control)
    for seconds in range(10, 100, 10):
        assert claims.reissue(clock.now()) == 0
        traffic.renew_claims("w", hour_ago + timedelta(seconds=seconds))
        clock.pass_(10)
