"""When the disk is waited for: at once where somebody asked for it, a moment later where nobody did."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.broker.embedded.writer import Writer
from flowctl.clock import SystemClock


class Disk:
    """Counts what is synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced = threading.Semaphore(0)
        self.count = 0
        monkeypatch.setattr(os, "fdatasync", self._sync)

    def _sync(self, _number: int) -> None:
        self.count += 1
        self.synced.release()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def writer(tmp_path: Path, disk: Disk) -> Iterator[Writer]:
    made = Writer(tmp_path / "broker.db", SystemClock(), "test")
    yield made
    made.close()


def test_who_asked_for_it_hears_only_when_it_is_on_the_disk(writer: Writer, disk: Disk) -> None:
    assert writer.submit(lambda tx: tx.now > 0).result(20)
    assert disk.count == 1


def test_what_nobody_waits_for_is_on_the_disk_soon_without_more_work(
    writer: Writer, disk: Disk
) -> None:
    writer.submit(lambda _tx: None, sync=False).result(20)
    assert disk.synced.acquire(timeout=20)
    assert disk.count == 1


def test_a_writer_that_closes_leaves_nothing_unsynced(tmp_path: Path, disk: Disk) -> None:
    writer = Writer(tmp_path / "other.db", SystemClock(), "test")
    writer.submit(lambda _tx: None, sync=False).result(20)
    writer.close()
    assert disk.count == 1
