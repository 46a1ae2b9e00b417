"""What a claim costs is counted in SQLite's own steps, so that no clock is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded import queues as acts
from flowctl.broker.embedded import rows as rows
from flowctl.broker.embedded import sessions
from flowctl.broker.embedded.file import open_file
from flowctl.broker.embedded.rows import Posted, Transaction

FEW, MANY, SESSION = 100, 20_000, 7


def _in_transaction(connection: sqlite3.Connection, act: Callable[[Transaction], object]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    tx = Transaction(connection, 1000.0, 1000.0)
    act(tx)
    tx.flush()
    connection.execute("COMMIT")


def _post(connection: sqlite3.Connection, count: int) -> None:
    posted = [
        Posted(queue="q", message_id=str(n), properties=b"", body=b"1", delay=0.0)
        for n in range(count)
    ]
    _in_transaction(connection, lambda tx: rows.insert(tx, posted))


def _steps(connection: sqlite3.Connection, act: Callable[[Transaction], object]) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(step, 10)
    try:
        _in_transaction(connection, act)
    finally:
        connection.set_progress_handler(None, 0)
    return count


def _claim(tx: Transaction) -> None:
    rows.ripen(tx)
    claimed = rows.claim(tx, SESSION, 1, 8, 0)
    rows.settle(tx, SESSION, [each.id for each in claimed])
    rows.next_moment(tx.execute("SELECT 1").connection)


def test_a_claim_costs_the_same_however_many_wait(tmp_path: Path) -> None:
    connection = open_file(tmp_path / "broker.db")
    _in_transaction(connection, lambda tx: acts.declare(tx, [QueueSpec(name="q")]))
    _in_transaction(connection, lambda tx: sessions.enter(tx, SESSION, "me"))
    _in_transaction(connection, lambda tx: sessions.follow(tx, SESSION, 1, [1]))
    _post(connection, FEW)
    small = _steps(connection, _claim)
    _post(connection, MANY)
    large = _steps(connection, _claim)
    connection.close()
    assert small
    assert large < 1.5 * small
