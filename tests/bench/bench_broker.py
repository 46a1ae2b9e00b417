"""How many durable messages a second a broker carries, and what waiting costs.

    python -m tests.bench.bench_broker [URL] [--messages N]

Without a URL it measures the embedded broker in a folder of its own. A message counts when it was
published durably, delivered, and acknowledged. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from flowctl.broker.base import Broken, Broker, Delivery, QueueSpec
from flowctl.broker.connect import open_broker
from flowctl.model.ids import new_id
from tests.inbox import outgoing

BATCH = 64
BODY = json.dumps({"order": 12345, "items": ["a", "b", "c"], "note": "x" * 160}).encode()


class Counter:
    """Acknowledges what comes and says when all is there."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0
        self.done = threading.Event()
        self.acknowledge: Callable[[Sequence[tuple[int, int]]], None] = lambda _: None
        self.attached = threading.Event()

    def on_delivery(self, batch: Sequence[Delivery | Broken]) -> None:
        self.attached.wait()
        self.acknowledge([one.tag for one in batch])
        self.count += len(batch)
        if self.count >= self.wanted:
            self.done.set()


def consume(broker: Broker, queue: str, wanted: int) -> Counter:
    counter = Counter(wanted)
    subscription = broker.consume([queue], prefetch=BATCH, on_delivery=counter.on_delivery)
    counter.acknowledge = subscription.ack
    counter.attached.set()
    return counter


def publish_all(broker: Broker, queue: str, messages: int, batch: int, ahead: int = 4) -> None:
    """Publish in batches, with a few batches in flight."""
    futures = []
    for _ in range(messages // batch):
        futures.append(broker.publish_soon([outgoing(queue, BODY) for _ in range(batch)]))
        if len(futures) > ahead:
            futures.pop(0).result(60)
    for future in futures:
        future.result(60)


def publisher(url: str, queue: str, messages: int, batch: int) -> None:
    broker = open_broker(url, name="bench-publish")
    publish_all(broker, queue, messages, batch)
    broker.close()


def timed(act: Callable[[], object]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start


def one_process(url: str, messages: int) -> float:
    """Publish, claim and ack at once, all in this process."""
    broker, queue = open_broker(url, name="bench"), new_id()
    broker.declare([QueueSpec(name=queue)])
    counter = consume(broker, queue, messages)

    def run() -> None:
        publish_all(broker, queue, messages, BATCH)
        counter.done.wait()
        broker.close()

    return messages / timed(run)


def two_processes(url: str, messages: int, batch: int) -> float:
    """Another process publishes, this one claims and acknowledges."""
    broker, queue = open_broker(url, name="bench"), new_id()
    broker.declare([QueueSpec(name=queue)])
    counter = consume(broker, queue, messages)
    child = multiprocessing.get_context("spawn").Process(
        target=publisher, args=(url, queue, messages, batch)
    )

    def run() -> None:
        child.start()
        counter.done.wait()
        child.join()
        broker.close()

    return messages / timed(run)


def backlog(url: str, messages: int) -> tuple[float, float]:
    """Publish everything first, then take everything."""
    broker, queue = open_broker(url, name="bench"), new_id()
    broker.declare([QueueSpec(name=queue)])
    put = timed(lambda: publish_all(broker, queue, messages, BATCH))

    def take() -> None:
        consume(broker, queue, messages).done.wait()
        broker.close()

    return messages / put, messages / timed(take)


def hops(url: str, count: int) -> list[float]:
    """Milliseconds from a publish to its delivery, one at a time, between two connections."""
    near, far, queue = open_broker(url, name="near"), open_broker(url, name="far"), new_id()
    near.declare([QueueSpec(name=queue)])
    times = []
    counter = consume(far, queue, 0)
    for _ in range(count):
        counter.done.clear()
        start = time.monotonic()
        near.publish([outgoing(queue, BODY)])
        counter.done.wait()
        times.append((time.monotonic() - start) * 1000)
    near.close()
    far.close()
    return times


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def idle(url: str, seconds: float) -> float:
    """Percent of a CPU that a waiting consumer takes."""
    broker, queue = open_broker(url, name="idle"), new_id()
    broker.declare([QueueSpec(name=queue)])
    consume(broker, queue, 1)
    before = cpu_seconds()
    threading.Event().wait(seconds)
    used = cpu_seconds() - before
    broker.close()
    return used / seconds * 100


def measure(url: str, messages: int) -> dict[str, float]:
    put, take = backlog(url, messages)
    times = sorted(hops(url, 300))
    before = cpu_seconds()
    alone = one_process(url, messages)
    used = cpu_seconds() - before
    return {
        "one_process_per_s": round(alone),
        "one_process_cpu_us_per_message": round(used / messages * 1e6),
        "two_processes_per_s": round(two_processes(url, messages, BATCH)),
        "single_publishes_per_s": round(two_processes(url, messages // 4, 1)),
        "backlog_put_per_s": round(put),
        "backlog_take_per_s": round(take),
        "hop_p50_ms": round(statistics.median(times), 2),
        "hop_p99_ms": round(times[int(len(times) * 0.99)], 2),
        "idle_cpu_percent": round(idle(url, 10.0), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--messages", type=int, default=19200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"embedded:///{Path(folder) / 'broker.db'}"
        print(json.dumps(measure(url, options.messages), indent=2))


if __name__ == "__main__":
    main()
