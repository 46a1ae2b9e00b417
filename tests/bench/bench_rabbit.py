"""How many confirmed messages a second one RabbitMQ connection carries, out and in.

    python -m tests.bench.bench_rabbit [--messages N]

Starts a private node. Publishing is pipelined (`publish_soon`, 64 a batch); consuming acknowledges
each batch as it comes. Goals: 8,000 a second each. Prints one JSON object, with the figures of
`bench_broker` for the same node.
"""

from __future__ import annotations

import argparse
import json

from flowctl.broker.base import QueueSpec
from flowctl.broker.connect import open_broker
from flowctl.model.ids import new_id
from tests.bench import bench_broker
from tests.servers.rabbitmq import RabbitServer

BATCH = 64
PREFETCH = 500


def pipelined(url: str, messages: int) -> tuple[float, float]:
    """Publish everything, then take everything; return both rates."""
    broker, queue = open_broker(url, name="bench"), new_id()
    broker.declare([QueueSpec(name=queue)])
    out = bench_broker.timed(
        lambda: bench_broker.publish_all(broker, queue, messages, BATCH, ahead=1000)
    )
    counter = bench_broker.Counter(messages)

    def take() -> None:
        subscription = broker.consume([queue], prefetch=PREFETCH, on_delivery=counter.on_delivery)
        counter.acknowledge = subscription.ack
        counter.attached.set()
        counter.done.wait()

    into = bench_broker.timed(take)
    broker.close()
    return messages / out, messages / into


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=19200)
    options = parser.parse_args()
    server = RabbitServer()
    try:
        server.start()
        out, into = pipelined(server.url, options.messages)
        figures = {"publish_per_s": round(out), "consume_ack_per_s": round(into)}
        figures |= bench_broker.measure(server.url, options.messages)
    finally:
        server.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
