"""Celery in the race; runs in the peers' environment: `on_celery.py VERB NUMBERS...`.

Set up as safe as Celery can be: quorum queues, confirms, acknowledged late, rejected when a
worker is lost. `celery -A on_celery worker` serves it.
"""

import json
import os
import sys
import time

import work
from celery import Celery, chain, chord
from kombu import Queue

NAME = os.environ["RACE_QUEUE"]
POLL = 0.002
"""Seconds between two looks for a result in the database: Celery's own default is half a second."""

app = Celery("race", broker=os.environ["RACE_BROKER"], backend=os.environ["RACE_RESULTS"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue=NAME,
    task_default_exchange=NAME,
    task_default_routing_key=NAME,
    task_queues=[Queue(NAME, routing_key=NAME, queue_arguments={"x-queue-type": "quorum"})],
    broker_transport_options={"confirm_publish": True},
    worker_detect_quorum_queues=True,
    worker_prefetch_multiplier=int(os.environ.get("RACE_PREFETCH", "4")),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    result_chord_join_timeout=120,
)

mark, through, nap, burn, total, more = (
    app.task(name=f"race.{each.__name__}")(each)
    for each in (work.mark, work.through, work.nap, work.burn, work.total, work.more)
)


def send(count):
    for number in range(int(count)):
        mark.delay(number)


def flows(count):
    for number in range(int(count)):
        chain(mark.s(number), mark.s()).apply_async()


def naps(text):
    for seconds in json.loads(text):
        nap.delay(seconds)


def trips(count):
    took = []
    for number in range(int(count) + 10):
        began = time.perf_counter()
        mark.delay(number).get(timeout=60, interval=POLL)
        took.append(time.perf_counter() - began)
    print(json.dumps(took[10:]))


def wide(count):
    began = time.perf_counter()
    found = chord([through.s(number) for number in range(int(count))])(total.s())
    assert found.get(timeout=300, interval=POLL) == int(count)
    print(json.dumps(time.perf_counter() - began))


def deep(count):
    began = time.perf_counter()
    found = chain(more.s(0), *[more.s() for _ in range(int(count) - 1)]).apply_async()
    assert found.get(timeout=300, interval=POLL) == int(count)
    print(json.dumps(time.perf_counter() - began))


if __name__ == "__main__":
    VERBS = (send, flows, naps, trips, wide, deep)
    {verb.__name__: verb for verb in VERBS}[sys.argv[1]](*sys.argv[2:])
