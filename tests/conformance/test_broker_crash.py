"""A process may be killed at any moment: what was confirmed is there, what was held comes back."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowctl.broker.base import Broker
from tests.broker_program import BATCH
from tests.inbox import Inbox, consuming, depth, publish, until, until_ready
from tests.programs import Program

pytestmark = pytest.mark.process

Start = Callable[..., Program]


@pytest.fixture
def start(broker_url: str, queue: str) -> Iterator[Start]:
    programs: list[Program] = []

    def make(act: str, *arguments: str, **environment: str) -> Program:
        programs.append(Program(act, broker_url, queue, *arguments, **environment))
        return programs[-1]

    yield make
    for program in programs:
        program.kill()


def drain(broker: Broker, queue: str) -> list[str]:
    """Take everything that is there."""
    until(lambda: depth(broker, queue).consumers == 0)
    count = depth(broker, queue).ready
    with consuming(broker, queue, prefetch=500, ack=True) as inbox:
        inbox.wait(count)
    return inbox.bodies()


def test_what_a_killed_consumer_held_comes_back_flagged(
    broker: Broker, queue: str, start: Start
) -> None:
    bodies = publish(broker, queue, 15)
    program = start("hold", "10")
    assert program.wait_lines("got", 10) == bodies[:10]
    program.kill()
    until_ready(broker, queue, 15)
    with consuming(broker, queue) as inbox:
        inbox.wait(15)
    assert inbox.bodies() == bodies
    assert [one.redelivered for one in inbox.all] == [True] * 10 + [False] * 5


def test_a_waiting_consumer_takes_over_from_a_killed_one(
    broker: Broker, queue: str, start: Start
) -> None:
    program = start("hold", "100")
    until(lambda: depth(broker, queue).consumers == 1)
    publish(broker, queue, 10)
    program.wait_lines("got", 10)
    with consuming(broker, queue) as inbox:
        program.kill()
        inbox.wait(10)
    assert {one.redelivered for one in inbox.all} == {True}


def test_what_a_killed_consumer_held_is_ready_though_nobody_consumes(
    broker: Broker, queue: str, start: Start
) -> None:
    publish(broker, queue, 10)
    program = start("hold", "10")
    program.wait_lines("got", 10)
    program.kill()
    until_ready(broker, queue, 10)
    assert depth(broker, queue).unacked == 0


@pytest.mark.parametrize("batches", [1, 5, 17])
def test_what_a_killed_publisher_saw_confirmed_is_there_once(
    broker: Broker, queue: str, start: Start, batches: int
) -> None:
    program = start("publish")
    program.wait_lines("ok", batches)
    program.kill()
    tried, confirmed = program.said("try"), program.said("ok")
    assert len(confirmed) >= batches
    # The last batch may be there or not, but nothing that was never published.
    found = Counter(drain(broker, queue))
    must = {str(int(first) + i) for first in confirmed for i in range(BATCH)}
    may = {str(int(first) + i) for first in tried for i in range(BATCH)}
    assert must <= found.keys() <= may
    assert set(found.values()) == {1}


def test_nothing_is_lost_while_workers_are_killed_all_the_time(
    broker: Broker, queue: str, start: Start, tmp_path: Path
) -> None:
    log, dice, prefetch = tmp_path / "log", random.Random(7), 8
    workers = [start("work", str(prefetch), LOG=str(log)) for _ in range(3)]
    sent: list[str] = []
    kills = 0
    for _ in range(6):
        for worker in workers:
            worker.wait_lines("ready", 1)
        sent += publish(broker, queue, 200, start=len(sent))
        victim = dice.randrange(3)
        done = log.stat().st_size if log.exists() else 0
        until(lambda done=done: log.exists() and log.stat().st_size > done)
        workers[victim].kill()
        kills += 1
        workers[victim] = start("work", str(prefetch), LOG=str(log))
    until(lambda: set(log.read_text().split()) == set(sent))
    until(lambda: depth(broker, queue).ready == 0)
    worked = log.read_text().split()
    # Each kill lets at most the window of its victim be worked on again.
    assert len(worked) - len(sent) <= kills * prefetch
    for worker in workers:
        worker.kill()
    until(lambda: depth(broker, queue).consumers == 0)
    # The last acknowledgements may have died with their worker.
    assert len(drain(broker, queue)) <= 3 * prefetch


def test_a_publisher_and_a_consumer_are_killed_together(
    broker: Broker, queue: str, start: Start
) -> None:
    publisher, consumer = start("publish"), start("hold", "30")
    consumer.wait_lines("got", 30)
    publisher.kill()
    consumer.kill()
    confirmed = {str(int(n) + i) for n in publisher.said("ok") for i in range(BATCH)}
    inbox = Inbox(ack=True)
    inbox.attach(broker.consume([queue], prefetch=50, on_delivery=inbox.on_delivery))
    until(lambda: confirmed <= set(inbox.bodies()))
    assert max(Counter(inbox.bodies()).values()) == 1
