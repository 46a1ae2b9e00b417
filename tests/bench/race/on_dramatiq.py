"""Dramatiq in the race; runs in the peers' environment: `on_dramatiq.py VERB NUMBERS...`.

With RACE_RESULTS: confirms and results in Redis. Without: neither, as it comes.
`dramatiq on_dramatiq` serves it.
"""

import json
import os
import sys
import time

import dramatiq
import work
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

NAME = os.environ["RACE_QUEUE"]
RESULTS = os.environ.get("RACE_RESULTS", "")

broker = RabbitmqBroker(url=os.environ["RACE_BROKER"], confirm_delivery=bool(RESULTS))
if RESULTS:
    broker.add_middleware(Results(backend=RedisBackend(url=RESULTS)))
dramatiq.set_broker(broker)
stored = {"store_results": True} if RESULTS else {}

mark, nap = (
    dramatiq.actor(each, queue_name=NAME, max_retries=0, **stored) for each in (work.mark, work.nap)
)


def send(count):
    for number in range(int(count)):
        mark.send(number)


def flows(count):
    for number in range(int(count)):
        dramatiq.pipeline([mark.message(number), mark.message()]).run()


def naps(text):
    for seconds in json.loads(text):
        nap.send(seconds)


def trips(count):
    took = []
    for number in range(int(count) + 10):
        began = time.perf_counter()
        mark.send(number).get_result(block=True, timeout=60_000)
        took.append(time.perf_counter() - began)
    print(json.dumps(took[10:]))


if __name__ == "__main__":
    VERBS = (send, flows, naps, trips)
    {verb.__name__: verb for verb in VERBS}[sys.argv[1]](*sys.argv[2:])
