from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flowctl.broker.embedded.gate import Gate, PatientLock

SHORT = 0.05
LONG = 20.0


def test_one_at_a_time_and_then_the_next(tmp_path: Path) -> None:
    first, second = Gate(tmp_path), Gate(tmp_path)
    first.enter(LONG)
    entered = threading.Event()

    def follow() -> None:
        second.enter(LONG)
        entered.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert not entered.wait(SHORT)
    first.leave()
    assert entered.wait(LONG)
    thread.join()
    with pytest.raises(TimeoutError):
        first.enter(SHORT)
    second.leave()
    first.enter(LONG)
    first.leave()
    first.close()
    second.close()


def test_who_gave_up_waiting_holds_up_nobody(tmp_path: Path) -> None:
    holder, impatient, patient = Gate(tmp_path), Gate(tmp_path), Gate(tmp_path)
    holder.enter(LONG)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            impatient.enter(SHORT)
    holder.leave()
    patient.enter(LONG)
    patient.leave()
    impatient.enter(LONG)
    impatient.leave()
    for gate in (holder, impatient, patient):
        gate.close()


def test_who_has_just_written_cannot_overtake(tmp_path: Path) -> None:
    order: list[str] = []
    hog, other = Gate(tmp_path), Gate(tmp_path)
    hog.enter(LONG)
    waiting = threading.Event()

    def wait_my_turn() -> None:
        waiting.set()
        other.enter(LONG)
        order.append("other")
        other.leave()

    thread = threading.Thread(target=wait_my_turn)
    thread.start()
    waiting.wait(LONG)
    # It holds its turn once nobody else can take it.
    turn = PatientLock(tmp_path / "turn")
    while turn.take(0):
        turn.give()
    hog.leave()
    hog.enter(LONG)
    order.append("hog")
    hog.leave()
    thread.join()
    assert order == ["other", "hog"]
    hog.close()
    other.close()


def test_a_lock_that_is_closed_leaves_no_open_file(tmp_path: Path) -> None:
    before = open_files()
    gate = Gate(tmp_path / "made")
    gate.close()
    gate.enter(LONG)
    gate.leave()
    gate.close()
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
