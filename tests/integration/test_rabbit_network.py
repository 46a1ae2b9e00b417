"""The network between us and RabbitMQ is cut, or swallows everything in silence."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from flowctl.broker.base import QueueSpec
from flowctl.broker.rabbit.broker import RabbitBroker
from flowctl.model.ids import new_id
from tests.inbox import consuming, outgoing, publish, until
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.rabbit


@pytest.fixture
def proxy(rabbit_url: str) -> Iterator[Proxy]:
    port = urlsplit(rabbit_url).port
    assert port is not None
    proxy = Proxy(port)
    yield proxy
    proxy.close()


@pytest.fixture
def broker(rabbit_url: str, proxy: Proxy) -> Iterator[RabbitBroker]:
    port = urlsplit(rabbit_url).port
    broker = RabbitBroker(rabbit_url.replace(f":{port}/", f":{proxy.port}/"), name="far")
    yield broker
    broker.close()


@pytest.fixture
def queue(broker: RabbitBroker) -> Iterator[str]:
    name = f"test.{new_id()[:10]}"
    broker.declare([QueueSpec(name=name)])
    yield name
    broker.delete(name, if_empty=False)


def test_a_cut_is_mended_and_all_comes_again(
    broker: RabbitBroker, proxy: Proxy, queue: str
) -> None:
    with consuming(broker, queue) as inbox:
        publish(broker, queue, 5)
        old = inbox.wait(5)
        proxy.cut()
        inbox.wait_state(False)
        inbox.wait_state(True)
        inbox.wait(10)
        assert inbox.subscription is not None
        # Void tags must not touch the new deliveries, which bear the same numbers.
        inbox.subscription.ack([one.tag for one in old])
        inbox.subscription.nack([inbox.all[9].tag])
        inbox.wait(11)
        inbox.subscription.ack([one.tag for one in inbox.all[5:]])
    until(lambda: broker.depth([queue])[queue].ready == 0)
    assert all(one.redelivered for one in inbox.all[5:])


def test_publishes_go_on_through_repeated_cuts(
    broker: RabbitBroker, proxy: Proxy, queue: str
) -> None:
    futures = []
    for round_ in range(5):
        futures += [broker.publish_soon([outgoing(queue, f"{round_}.{n}")]) for n in range(200)]
        proxy.cut()
    for future in futures:
        assert future.result(30) is None
    bodies = {one.body for one in broker.peek(queue, limit=5000)}
    assert len(bodies) == 1000


@pytest.mark.slow
def test_a_silent_network_is_given_up_and_replaced(
    broker: RabbitBroker, proxy: Proxy, queue: str
) -> None:
    with consuming(broker, queue) as inbox:
        proxy.swallow()
        waiting = broker.publish_soon([outgoing(queue, "swallowed")])
        until(lambda: inbox.states, "the silence was not noticed", patience=40)
        proxy.mend()
        assert waiting.result(30) is None
        inbox.wait_state(True)
        inbox.wait_body("swallowed")


def test_a_refusing_network_is_tried_until_it_opens(
    broker: RabbitBroker, proxy: Proxy, queue: str
) -> None:
    with consuming(broker, queue) as inbox:
        proxy.cut(refuse=True)
        inbox.wait_state(False)
        waiting = broker.publish_soon([outgoing(queue, "later")])
        proxy.mend()
        assert waiting.result(20) is None
        inbox.wait_state(True)
        inbox.wait_body("later")
    # One loss is told once, however many attempts fail.
    assert [connected for connected, _ in inbox.states] == [False, True]
