import dataclasses

import pytest

from flowctl.errors import QueueMismatch
from flowctl.model.flow import QueueLimits, SocketSpec
from flowctl.model.ids import CallId, RunId
from flowctl.model.states import WorkerStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import WorkerBeat
from flowctl.planning.place import plan
from schedulerd.model import Shelf
from schedulerd.queues import PUT_OFF, QueueSync
from tests.cluster import until

QUEUE = "shop.parse.rows"


def rows(**limits):
    return {"sockets": (SocketSpec(name="rows", task="rows", queue=QueueLimits(**limits)),)}


@pytest.fixture
def sync(control):
    return QueueSync(control, Shelf(control), 30.0)


def test_what_the_model_says_is_there(control, clock, declare, sync):
    declare(parse={})
    assert sync.run() == 2
    assert control.broker.queues() == [QUEUE, QUEUE + ".dead"]
    assert sync.run() == 0
    control.broker.delete(QUEUE)
    clock.pass_(31)
    assert sync.run() == 2
    assert QUEUE in control.broker.queues()


def test_changed_limits_replace_the_queue_and_keep_what_waits(control, declare, sync):
    declare(parse=rows())
    sync.run()
    message = Message(id=CallId("c1"), run_id=RunId("r"), body=b"1")
    control.broker.publish([Outgoing(queue=QUEUE, message=message)])
    declare(parse=rows(max_length=5))
    sync.run()
    assert [each.id for each in control.broker.peek(QUEUE)] == ["c1"]
    assert control.broker.queues() == [QUEUE, QUEUE + ".dead"]


def test_a_queue_in_use_is_replaced_later(control, clock, declare, sync):
    declare(parse=rows())
    sync.run()
    control.broker.publish(
        [Outgoing(queue=QUEUE, message=Message(id=CallId("c1"), run_id=RunId("r"), body=b"1"))]
    )
    held = []
    subscription = control.broker.consume([QUEUE], prefetch=1, on_delivery=held.extend)
    until(lambda: held, "a delivery")
    declare(parse=rows(max_length=5))
    with pytest.raises(QueueMismatch):
        sync.run()
    subscription.close()
    with pytest.raises(QueueMismatch):
        sync.run()
    clock.pass_(PUT_OFF)
    sync.run()
    assert [each.id for each in control.broker.peek(QUEUE)] == ["c1"]
    assert sync.run() == 0


def test_on_rabbitmq_a_queue_waits_until_its_workers_are_gone(control, declare, beat, term):
    settings = dataclasses.replace(control.settings, broker="amqp://elsewhere")
    foreign = QueueSync(dataclasses.replace(control, settings=settings), Shelf(control), 30.0)
    declare(parse=rows())
    foreign.run()
    beat()
    control.store.fleet.place(plan(control.store.fleet.snapshot()).steps, term=term)
    control.store.fleet.beat_worker(worker_beat("parse.deploy1"))
    declare(parse=rows(max_length=5))
    with pytest.raises(QueueMismatch, match="in use"):
        foreign.run()
    control.store.fleet.forget_worker("w1")
    foreign.run()
    assert control.broker.queues() == [QUEUE, QUEUE + ".dead"]
    told = control.store.events.list(kind="queue", object=QUEUE)
    assert [each.action for each in told] == ["outdated", "replaced"]
    assert "max_length is 0, wanted 5" in told[0].note


def worker_beat(deployment):
    return WorkerBeat(
        name="w1",
        deployment=deployment,
        agent="h1",
        network="shop",
        processor="parse",
        pid=1,
        executors=1,
        busy=0,
        restarts=0,
        cpu_percent=0.0,
        memory=0,
        commit="",
        reason="",
        status=WorkerStatus.RUNNING,
    )
