"""What each delivery is."""

import msgspec

from agentd.worker.identity import Identity
from agentd.worker.intake import MOST_DELIVERIES, Intake
from agentd.worker.routing import ABSENT, MOST_HOPS
from flowctl.broker.base import Broken
from flowctl.clock import SystemClock
from flowctl.model.fleet import Deployment
from flowctl.model.states import DeploymentStatus, Desired
from flowctl.model.work import Assignment
from tests.flows import NET, RECORD, delivery, item, plug, processor, route, socket

INBOUND = plug("read.file", "parse.rows")
FILL = plug("read.left", "parse.rows", argument="left")
DEPLOYMENT = Deployment(
    id="d", name="parse.deploy1", network=NET, processor="parse", agent="h1", cpus=1,
    requested_status=Desired.RUNNING, status=DeploymentStatus.RUNNING, **RECORD,
)  # fmt: skip


def intake() -> Intake:
    identity = Identity(
        worker="w1", deployment="parse.deploy1", network=NET, agent="h1", python="", status=""
    )
    made = Intake(identity, SystemClock())
    made.assign(
        Assignment(
            deployment=DEPLOYMENT, processor=processor(), sockets=(socket(),),
            inbound=(INBOUND, FILL), outbound=(plug("parse.rows", "store.save"),), targets=(),
        )
    )  # fmt: skip
    return made


def test_it_consumes_the_queues_of_its_sockets_and_inbound_plugs() -> None:
    assert intake().queues() == {"shop.parse.rows", INBOUND.queue, FILL.queue}


def test_a_fresh_message_is_run() -> None:
    found = intake().sort([delivery()], {})
    assert [i.message.id for i in found.run] == ["c1"]
    assert [p.name for p in found.run[0].route.outbound] == ["parse.rows-store.save"]


def test_what_may_have_run_before_is_looked_up() -> None:
    found = intake().sort([delivery(1, redelivered=True), delivery(2, again=True)], {})
    assert [i.message.id for i in found.look] == ["c1", "c2"]


def test_the_same_call_twice_in_one_batch_runs_once() -> None:
    found = intake().sort([delivery(1), delivery(2, call_id="c1")], {})
    assert [i.tags for i in found.all()] == [[(1, 1), (1, 2)]]


def test_a_copy_of_a_call_in_flight_is_acknowledged_with_it() -> None:
    held = item(route())
    found = intake().sort([delivery(9, call_id="c1", again=True)], {("c1", 1): held})
    assert not list(found.all())
    assert held.give_tags() == [(1, 9), (1, 1)]
    assert not held.give_tags()


def test_a_call_in_flight_gets_the_tag_of_the_new_connection() -> None:
    held = item(route())
    back = msgspec.structs.replace(delivery(4, call_id="c1", redelivered=True), tag=(2, 4))
    assert not list(intake().sort([back], {("c1", 1): held}).all())
    assert held.tags == [(2, 4)]


def test_a_retry_that_comes_before_its_call_is_released_is_run() -> None:
    held = item(route())
    found = intake().sort([delivery(9, call_id="c1", attempt=2)], {("c1", 1): held})
    assert [i.tags for i in found.run] == [[(1, 9)]]
    assert held.tags == [(1, 1)]


def test_a_value_for_an_argument_is_joined() -> None:
    found = intake().sort([delivery(queue=FILL.queue)], {})
    assert len(found.arrive) == 1


def test_an_absent_value_is_not_run() -> None:
    found = intake().sort([delivery(queue=INBOUND.queue, content_type=ABSENT)], {})
    assert len(found.absent) == 1


def test_what_went_round_too_often_or_came_back_too_often_is_refused() -> None:
    batch = [delivery(1, hops=MOST_HOPS + 1), delivery(2, deliveries=MOST_DELIVERIES + 1)]
    assert [f.type for _, f in intake().sort(batch, {}).refused] == ["cycle", "poison"]


def test_what_is_no_message_is_refused_under_the_same_id_each_time() -> None:
    broken = Broken(tag=(1, 1), queue="shop.parse.rows", body=b"\xff", reason="not UTF-8")
    ids = {intake().sort([broken], {}).refused[0][0].message.id for _ in range(2)}
    assert len(ids) == 1
