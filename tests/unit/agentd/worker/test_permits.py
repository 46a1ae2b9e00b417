"""Who may begin a call: the executor and the worker reach for the same permits."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from agentd.worker.permits import Permits


@pytest.fixture
def permits() -> Iterator[Permits]:
    made = Permits()
    yield made
    made.hand_over()
    made.close()


def read(permits: Permits) -> bytes:
    """Read as the executor does, one at a time."""
    return os.read(permits.theirs, 1)


def test_what_was_begun_cannot_be_taken_back(permits: Permits) -> None:
    permits.give(3)
    assert read(permits) == b"R"
    assert permits.take_back(64) == 2
    assert permits.take_back(64) == 0
    assert [read(permits), read(permits)] == [b"D", b"D"]


def test_only_the_last_are_taken_and_the_order_of_the_frames_is_kept(permits: Permits) -> None:
    permits.give(3)
    assert permits.take_back(1) == 1
    permits.give(2)
    assert permits.take_back(1) == 1
    # Frames: run, run, dropped, run, dropped. A drop that lies behind a run stays behind it.
    assert [read(permits) for _ in range(5)] == [b"R", b"R", b"D", b"R", b"D"]


def test_the_executor_still_waits_for_a_permit(permits: Permits) -> None:
    assert permits.take_back(64) == 0
    assert os.get_blocking(permits.theirs)


def test_each_call_is_begun_or_taken_back_and_never_both(permits: Permits) -> None:
    found: Counter[bytes] = Counter()

    def execute() -> None:
        for _ in range(3000):
            found[read(permits)] += 1

    executor = threading.Thread(target=execute)
    executor.start()
    taken = 0
    for _ in range(1000):
        permits.give(3)
        taken += permits.take_back(64)
    executor.join(60)
    assert found == {b"R": 3000 - taken, b"D": taken}
