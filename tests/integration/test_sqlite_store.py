"""SQLite under several processes: writers that block, die and fork."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.errors import StateUnavailable
from flowctl.state.store import Store, open_store
from tests.stores import apply, finished, shop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{path}")
    opened.migrate()
    yield opened
    opened.close()


def _python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


_COMMIT_FOR_EVER = """
import sys
from itertools import count
from flowctl.state.store import open_store
from tests.stores import finished, outgoing
store = open_store(sys.argv[1])
for n in count():
    won = store.traffic.commit([finished(f"{n}.{i}", outgoing(f"d{n}.{i}")) for i in range(8)])
    assert len(won) == 8
    print(n, flush=True)
"""


def test_what_a_killed_writer_was_told_is_there(store: Store, path: Path) -> None:
    writer = _python(_COMMIT_FOR_EVER, f"sqlite:///{path}")
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(25)]
    writer.kill()
    told += [int(line) for line in writer.stdout.read().split()]
    writer.wait(10)
    writer.stdout.close()
    dumped = store.dump()
    calls = {row["id"] for row in dumped["call"]}
    assert {f"{n}.{i}" for n in told for i in range(8)} <= calls
    assert len(calls) % 8 == 0
    assert {row["owner"] for row in dumped["outbox"]} == calls
    assert {row["call_id"] for row in dumped["result"]} == calls
    store.traffic.commit([finished("after")])


def test_another_writer_is_waited_for_and_then_told(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowctl.state.database.PATIENCE", 0.1)
    monkeypatch.setattr("flowctl.state.sqlite.PATIENCE", 0.1)
    store.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match="locked") as caught:
        apply(store, shop())
    assert caught.value.remedy == "another process writes"
    assert store.flows.networks() == []
    other.execute("COMMIT")
    other.close()
    apply(store, shop())


def test_a_reader_blocks_no_writer(store: Store, path: Path) -> None:
    apply(store, shop())
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM network").fetchone() == (1,)
    store.flows.restart("shop", "parse")
    reader.execute("COMMIT")
    reader.close()


_FORK = """
import os, sys
from flowctl.state.store import open_store
from tests.stores import finished
store = open_store(sys.argv[1])
store.traffic.commit([finished("before")])
child = os.fork()
if child == 0:
    store.traffic.commit([finished("child")])
    os._exit(0)
store.traffic.commit([finished("parent")])
assert os.waitpid(child, 0)[1] == 0
assert store.traffic.run_count("run").calls == 3
store.close()
"""


def test_a_fork_opens_its_own_connection(store: Store, path: Path) -> None:
    process = _python(_FORK, f"sqlite:///{path}")
    assert process.wait(30) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_threads_that_end_take_their_connections_along(store: Store, path: Path) -> None:
    for _ in range(20):
        thread = threading.Thread(target=store.revision)
        thread.start()
        thread.join()
    fds = Path("/proc/self/fd")
    held = [entry for entry in fds.iterdir() if _target(entry).startswith(str(path))]
    assert len(held) <= 6


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize(("option", "level"), [("", 2), ("?synchronous=normal", 1)])
def test_a_commit_is_on_disk_unless_the_url_says_otherwise(
    path: Path, option: str, level: int
) -> None:
    from flowctl.state.drivers import Mode

    store = open_store(f"sqlite:///{path}{option}")
    store.migrate()
    assert _pragma(store, "journal_mode", Mode.WRITE) == "wal"
    assert _pragma(store, "synchronous", Mode.WRITE) == level
    assert _pragma(store, "synchronous", Mode.LOSSY) == 1
    assert _pragma(store, "synchronous", Mode.HOT) == level
    assert _pragma(store, "foreign_keys", Mode.WRITE) == 1
    store.close()


def _pragma(store: Store, name: str, mode: object) -> object:
    def look() -> object:
        return store._database.execute(f"PRAGMA {name}").fetchone()[0]

    return store._database.run(look, mode)  # type: ignore[arg-type]
