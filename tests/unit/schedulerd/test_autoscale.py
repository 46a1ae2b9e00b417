import pytest

from flowctl.broker.base import QueueSpec
from flowctl.model.flow import Scale
from flowctl.model.ids import CallId, RunId
from flowctl.model.states import Desired
from flowctl.model.traffic import Message, Outgoing
from schedulerd.autoscale import Autoscaler
from schedulerd.model import Shelf

QUEUE = "shop.parse.rows"
SCALE = Scale(min=0, max=3, queue=10, cooldown=60)


@pytest.fixture
def fill(control):
    def send(count):
        control.broker.declare([QueueSpec(name=QUEUE)])
        control.broker.publish(
            [
                Outgoing(
                    queue=QUEUE, message=Message(id=CallId(f"c{n}"), run_id=RunId("r"), body=b"1")
                )
                for n in range(count)
            ]
        )

    return send


def cpus(control):
    return control.store.flows.processor("parse", "shop").spec.cpus


def test_up_from_zero_with_the_queue_and_down_after_the_cool_down(control, clock, declare, fill):
    declare(parse={"cpus": 0, "scale": SCALE})
    scaler = Autoscaler(control, Shelf(control))
    assert scaler.run() == 0
    fill(25)
    assert scaler.run() == 1
    assert cpus(control) == 3
    assert scaler.run() == 0
    control.broker.purge(QUEUE)
    clock.pass_(59)
    assert scaler.run() == 0
    clock.pass_(62)
    assert scaler.run() == 1
    assert cpus(control) == 0


def test_only_processors_that_run_and_have_bounds_are_scaled(control, declare, fill):
    fill(25)
    declare(parse={"cpus": 1})
    scaler = Autoscaler(control, Shelf(control))
    assert scaler.run() == 0
    declare(parse={"cpus": 1, "scale": SCALE})
    control.store.flows.request("shop", "parse", Desired.PAUSED)
    assert scaler.run() == 0
    control.store.flows.request("shop", "parse", Desired.RUNNING)
    assert scaler.run() == 1
    assert cpus(control) == 3
