"""A process that publishes or consumes until it is killed; tests kill it at bad moments.

python -m tests.broker_program publish URL QUEUE     says `try N` and `ok N` for each batch
python -m tests.broker_program hold URL QUEUE N      takes N, acknowledges nothing, says `got BODY`
python -m tests.broker_program work URL QUEUE N      appends each body to $LOG, then acknowledges
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from flowctl.broker.base import Broken, Broker, Delivery
from flowctl.broker.connect import open_broker
from flowctl.broker.embedded import sessions
from tests.inbox import Inbox, outgoing

BATCH = 20


def publish_for_ever(broker: Broker, queue: str) -> None:
    number = 0
    while True:
        say(f"try {number}")
        broker.publish([outgoing(queue, str(number + i)) for i in range(BATCH)])
        say(f"ok {number}")
        number += BATCH


def hold(broker: Broker, queue: str, prefetch: int) -> None:
    def on_delivery(batch: Sequence[Delivery | Broken]) -> None:
        for one in batch:
            if isinstance(one, Delivery):
                say(f"got {one.message.body.decode()}")

    broker.consume(
        [queue],
        prefetch=prefetch,
        on_delivery=on_delivery,
        on_state=lambda connected, _: say(f"state {connected}"),
    )
    threading.Event().wait()


def work(broker: Broker, queue: str, prefetch: int) -> None:
    log = os.open(os.environ["LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    inbox = Inbox()

    def on_delivery(batch: Sequence[Delivery | Broken]) -> None:
        os.write(log, "".join(f"{body}\n" for body in bodies(batch)).encode())
        inbox.subscribed().ack([one.tag for one in batch])

    inbox.attach(broker.consume([queue], prefetch=prefetch, on_delivery=on_delivery))
    say("ready")
    threading.Event().wait()


def bodies(batch: Sequence[Delivery | Broken]) -> Iterator[str]:
    return (one.message.body.decode() for one in batch if isinstance(one, Delivery))


def say(line: str) -> None:
    print(line, flush=True)


def main(act: str, url: str, queue: str, prefetch: str = "10") -> None:
    # A test that waits for a hung process does not wait for ten seconds.
    sessions.LEASE = float(os.environ.get("LEASE", sessions.LEASE))
    sessions.RENEW = sessions.LEASE / 3
    broker = open_broker(url, name=f"program-{act}")
    acts: dict[str, Callable[[], None]] = {
        "publish": lambda: publish_for_ever(broker, queue),
        "hold": lambda: hold(broker, queue, int(prefetch)),
        "work": lambda: work(broker, queue, int(prefetch)),
    }
    acts[act]()


if __name__ == "__main__":
    main(*sys.argv[1:])
