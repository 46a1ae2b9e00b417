"""A real executor with calls that lie behind one that hangs."""

from __future__ import annotations

import json
import selectors
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentd.worker.crew import RECALL_AFTER, Crew, Reports
from agentd.worker.executors import Executor
from agentd.worker.frames import Kind
from agentd.worker.items import Item
from agentd.worker.routing import Outcome
from agentd.worker.window import Pace
from flowctl.clock import SystemClock
from tests.flows import item, route
from tests.inbox import until

CODE = """
import pathlib, time
FOLDER = pathlib.Path.cwd()

def rows(n):
    with open(FOLDER / "journal", "a") as file:
        file.write(f"{n}\\n")
    while n == 0 and not (FOLDER / "gate").exists():
        time.sleep(0.01)
    return n
"""


class Still(SystemClock):
    """A clock that goes on only when it is told to."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Stand:
    """A crew of one, and what it reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.selector = selectors.DefaultSelector()
        self.ended: list[tuple[Item, Outcome]] = []
        self.returned: list[Item] = []
        self.ready: list[dict[str, Any]] = []
        reports = Reports(self.ended.extend, self.returned.extend, self.ready.append, print)
        self.clock = Still()
        self.crew = Crew(self.selector, self._make, reports, self.clock)
        self.crew.pool.wanted = 1
        self.crew.pool.adjust(0.0)
        self.turn_until(lambda: self.ready)

    def _make(self, number: int, now: float) -> Executor:
        executor = Executor(number, sys.executable, {}, self.folder, now, "")
        head = {"kind": "code", "module": "", "code": CODE, "tasks": ["rows"], "paths": []}
        executor.send(Kind.SETUP, head)
        return executor

    def give(self, items: Sequence[Item]) -> None:
        self.crew.pace = Pace(mean=0.0001, seen=50)
        for each in items:
            executor = self.crew.take(each)
            assert executor is not None
        self.crew.pool.flush(executor)

    def turn_until(self, condition: Callable[[], object]) -> None:
        def turn() -> object:
            for key, events in self.selector.select(0.01):
                self.crew.attend(key.data[0], key.data[1], events)
            return condition()

        until(turn)

    def journal(self) -> list[str]:
        return (self.folder / "journal").read_text().split()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.crew.close()


def call(number: int) -> Item:
    body = json.dumps(number).encode()
    return item(route(), call_id=f"c{number}", body=body)


def test_what_lies_behind_a_long_call_is_taken_back_and_runs_once(stand: Stand) -> None:
    items = [call(number) for number in range(6)]
    stand.give(items)
    assert stand.crew.recall() == RECALL_AFTER
    stand.clock.seconds += 1.0
    assert stand.crew.recall() == stand.clock.seconds
    assert stand.returned == items[1:]
    assert stand.crew.running() == items[:1]
    assert stand.crew.take(items[1]) is None
    (stand.folder / "gate").touch()
    stand.turn_until(lambda: stand.ended)
    stand.give(stand.returned)
    stand.turn_until(lambda: len(stand.ended) == 6)
    assert [each.message.id for each, _ in stand.ended] == [each.message.id for each in items]
    assert stand.journal() == ["0", "1", "2", "3", "4", "5"]
    assert [outcome.result for _, outcome in stand.ended] == [each.body for each in items]


def test_a_crash_after_a_recall_is_the_fault_of_the_call_that_ran(stand: Stand) -> None:
    items = [call(number) for number in range(3)]
    stand.give(items)
    assert stand.crew.recall() == RECALL_AFTER
    stand.clock.seconds += 1.0
    assert stand.crew.recall() == stand.clock.seconds
    (executor,) = stand.crew.pool
    executor.kill()
    stand.turn_until(lambda: stand.ended)
    ((broken, outcome),) = stand.ended
    assert broken is items[0]
    assert outcome.failure is not None
    assert stand.returned == items[1:]
