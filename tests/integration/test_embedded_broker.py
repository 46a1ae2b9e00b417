"""What only the embedded broker can suffer: its file, its disk, hung processes."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded import keeper, sessions
from flowctl.broker.embedded.broker import EmbeddedBroker
from flowctl.errors import BrokerUnavailable, PublishFailed
from tests.inbox import consuming, depth, outgoing, publish, until, until_ready
from tests.programs import Program

Connect = Callable[..., EmbeddedBroker]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


@pytest.fixture
def connect(path: Path) -> Iterator[Connect]:
    brokers: list[EmbeddedBroker] = []

    def make(at: Path = path) -> EmbeddedBroker:
        brokers.append(EmbeddedBroker(at, name=f"test-{len(brokers)}"))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def broker(connect: Connect) -> EmbeddedBroker:
    broker = connect()
    broker.declare([QueueSpec(name="q")])
    return broker


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> str:
    """Seconds of a lease in this process and, by the variable LEASE, in programs."""
    monkeypatch.setattr(sessions, "LEASE", 2.0)
    monkeypatch.setattr(sessions, "RENEW", 0.5)
    return "2.0"


def test_only_its_owner_can_read_it(broker: EmbeddedBroker, path: Path) -> None:
    with consuming(broker, "q"):
        publish(broker, "q", 1)
        found = [path, *path.parent.glob("broker.db*"), *path.parent.glob("*.sessions/*")]
        assert len(found) >= 4
        assert [file for file in found if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


def test_it_leaves_nothing_but_its_file_and_two_locks(broker: EmbeddedBroker, path: Path) -> None:
    with consuming(broker, "q"):
        publish(broker, "q", 1)
    broker.close()
    files = sorted(file.name for file in path.parent.rglob("*"))
    assert files == ["broker.db", "broker.db.sessions", "turn", "write"]


def test_nobody_is_told_before_it_is_on_the_disk(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    futures: list[Future[None]] = []
    reached, go_on = threading.Event(), threading.Event()
    sync = os.fdatasync

    def slow(number: int) -> None:
        reached.set()
        assert go_on.wait(20)
        told.append(futures[0].done())
        sync(number)

    monkeypatch.setattr(os, "fdatasync", slow)
    futures.append(broker.publish_soon([outgoing("q")]))
    assert reached.wait(20)
    # Others can work meanwhile, and see it.
    assert depth(broker, "q").ready == 1
    go_on.set()
    futures[0].result(20)
    assert told == [False]


def test_opening_once_more_keeps_the_locks_of_those_who_have_it_open(
    broker: EmbeddedBroker, connect: Connect, path: Path
) -> None:
    publish(broker, "q", 1)
    assert connect().queues() == ["q"]
    # Another process that comes and goes is not the last one, so it may not remove the log.
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM queue'); c.close()"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.with_name("broker.db-wal").exists()
    publish(broker, "q", 1, start=1)
    assert [one.body for one in connect().peek("q")] == [b"0", b"1"]


def test_many_may_make_the_file_at_once(path: Path, connect: Connect) -> None:
    brokers = [connect() for _ in range(8)]
    threads = [
        threading.Thread(target=broker.declare, args=([QueueSpec(name="q")],)) for broker in brokers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert brokers[0].queues() == ["q"]


@pytest.mark.process
def test_a_hung_consumer_loses_its_messages_and_finds_its_tags_void(
    broker: EmbeddedBroker, path: Path, short_lease: str
) -> None:
    bodies = publish(broker, "q", 5)
    program = Program("hold", f"embedded:///{path}", "q", "10", LEASE=short_lease)
    try:
        program.wait_lines("got", 5)
        program.signal(signal.SIGSTOP)
        with consuming(broker, "q") as inbox:
            inbox.wait(5)
            assert sorted(inbox.bodies()) == bodies
            assert {one.redelivered for one in inbox.all} == {True}
            program.signal(signal.SIGCONT)
            assert program.wait_lines("state", 2) == ["False", "True"]
            inbox.ack_all()
            until(lambda: depth(broker, "q").unacked == 0)
        # It is back: what is published now may go to it.
        publish(broker, "q", 1, start=9)
        assert program.wait_lines("got", 6)[5] == "9"
    finally:
        program.kill()


@pytest.mark.process
def test_a_stop_shorter_than_the_lease_costs_nothing(broker: EmbeddedBroker, path: Path) -> None:
    publish(broker, "q", 1)
    program = Program("hold", f"embedded:///{path}", "q", "10")
    try:
        program.wait_lines("got", 1)
        program.signal(signal.SIGSTOP)
        with consuming(broker, "q") as inbox:
            publish(broker, "q", 1, start=1)
            inbox.wait_body("1")
            program.signal(signal.SIGCONT)
            inbox.ack_all()
            until(lambda: depth(broker, "q").ready == 0)
        assert inbox.bodies() == ["1"]
        assert program.said("state") == []
        assert depth(broker, "q").unacked == 1
    finally:
        program.kill()


def test_a_file_that_was_removed_is_made_again_and_consumers_go_on(
    broker: EmbeddedBroker, connect: Connect, path: Path
) -> None:
    publish(broker, "q", 1)
    with consuming(broker, "q") as inbox:
        (old,) = inbox.wait(1)
        for file in path.parent.glob("broker.db*"):
            if file.is_file():
                file.unlink()
        inbox.wait_state(True)
        publish(broker, "q", 1, start=1)
        inbox.wait_body("1")
        # The old tag means nothing in the new file.
        inbox.subscribed().ack([old.tag])
        publish(connect(), "q", 1, start=2)
        inbox.wait_body("2")
    until_ready(broker, "q", 2)


def test_what_cannot_be_read_is_handed_over_as_broken(broker: EmbeddedBroker, path: Path) -> None:
    publish(broker, "q", 3)
    spoil(path, "UPDATE content SET properties = x'00ff' WHERE id = 1")
    spoil(
        path,
        """UPDATE content SET properties = '{"headers": {"x-fc-hops": "many"}}' WHERE id = 2""",
    )
    assert [one.body for one in broker.peek("q")] == [b"0", b"1", b"2"]
    with consuming(broker, "q", ack=True) as inbox:
        inbox.wait(1)
        broken = inbox.wait_broken(2)
    assert [(one.queue, one.body) for one in broken] == [("q", b"0"), ("q", b"1")]
    assert all(one.reason for one in broken)
    assert depth(broker, "q").ready == 0


def spoil(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_file_that_is_no_database_is_told(connect: Connect, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_text("This is a letter, not a database. " * 50)
    with pytest.raises(BrokerUnavailable, match="not a database") as failure:
        connect(other).check()
    assert "move that file away" in failure.value.remedy
    assert other.read_text().startswith("This is a letter")


def test_a_file_of_another_version_is_told(
    broker: EmbeddedBroker, connect: Connect, path: Path
) -> None:
    broker.close()
    spoil(path, "PRAGMA user_version = 99")
    with pytest.raises(BrokerUnavailable, match="another version"):
        connect().check()


def test_a_folder_that_cannot_be_made_is_told(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerUnavailable, match="embedded broker"):
        connect(tmp_path / "file" / "broker.db").check()


def test_a_file_that_somebody_locks_is_unavailable_and_then_works_again(
    broker: EmbeddedBroker, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BrokerUnavailable):
        broker.publish([outgoing("q", "lost")], timeout=0.2)
    late = broker.publish_soon([outgoing("q", "late")])
    other.execute("COMMIT")
    other.close()
    late.result(20)
    # What was told to be unavailable did not come through the back door.
    assert [one.body for one in broker.peek("q")] == [b"late"]


def test_acknowledgements_wait_until_the_file_is_free(broker: EmbeddedBroker, path: Path) -> None:
    publish(broker, "q", 3)
    with consuming(broker, "q") as inbox:
        inbox.wait(3)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        inbox.ack_all()
        with pytest.raises(BrokerUnavailable):
            broker.publish([outgoing("q")], timeout=1.5)
        other.execute("COMMIT")
        other.close()
        until(lambda: depth(broker, "q").unacked == 0)
    assert depth(broker, "q").ready == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_and_recovers(connect: Connect, small_disk: Path) -> None:
    broker = connect(small_disk / "broker.db")
    broker.declare([QueueSpec(name="q")])
    with consuming(broker, "q", prefetch=3) as inbox:
        confirmed = publish(broker, "q", 3)
        inbox.wait(3)
        with pytest.raises(BrokerUnavailable, match="full") as failure:
            publish(broker, "q", 20, start=3) + [publish_big(broker) for _ in range(20)]
        assert "space" in failure.value.remedy
        # What was confirmed can be read, and done with, though the disk is full.
        assert len(broker.peek("q")) >= 20
        inbox.ack_all()
        until(lambda: depth(broker, "q").unacked == 3 and len(inbox.all) == 6)
    assert set(confirmed) <= set(inbox.bodies())


def publish_big(broker: EmbeddedBroker) -> None:
    broker.publish([outgoing("q", b"x" * 100_000)])


def test_waiting_costs_next_to_nothing(broker: EmbeddedBroker) -> None:
    with consuming(broker, "q"):
        publish(broker, "q", 1)
        before = resource.getrusage(resource.RUSAGE_SELF)
        threading.Event().wait(3.0)
        after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 0.005 * 3.0


def test_a_mistake_hurts_nobody_else(broker: EmbeddedBroker) -> None:
    odd = outgoing("\ud800")
    futures = [broker.publish_soon([one]) for one in (outgoing("q"), odd, outgoing("q"))]
    assert isinstance(futures[1].exception(20), UnicodeEncodeError | PublishFailed)
    assert (futures[0].result(20), futures[2].result(20)) == (None, None)
    assert depth(broker, "q").ready == 2


def test_a_long_body_is_not_copied_by_each_delivery(broker: EmbeddedBroker, path: Path) -> None:
    broker.publish([outgoing("q", b"x" * 8_000_000)])
    for _ in range(3):
        with consuming(broker, "q") as inbox:
            inbox.wait(1)
    # The log of writes holds the body once, not once a delivery.
    assert path.with_name("broker.db-wal").stat().st_size < 17_000_000


def test_a_backlog_that_is_gone_gives_its_space_back(
    broker: EmbeddedBroker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SPARE", 100)
    for _ in range(10):
        broker.publish([outgoing("q", b"x" * 10_000) for _ in range(100)])
    assert broker.purge("q") == 1000
    with consuming(broker, "q"):
        until(lambda: pages(path) < 200)


def pages(path: Path) -> int:
    connection = sqlite3.connect(path)
    count = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.close()
    return count


def test_numbers_agree_with_the_rows_after_everything(
    broker: EmbeddedBroker, connect: Connect, path: Path
) -> None:
    broker.declare([QueueSpec(name="t", ttl=0.1, dead_letter="d"), QueueSpec(name="d")])
    other = connect()
    with (
        consuming(other, "q", "d", prefetch=7, ack=True),
        consuming(broker, "q", prefetch=3) as held,
    ):
        for number in range(20):
            publish(broker, "q", 5, start=number * 5)
            broker.publish([outgoing("t"), outgoing("q", delay=0.05), outgoing("q", delay=60.0)])
            other.move("q", "t", limit=2)
            held.subscribed().nack([one.tag for one in held.all[-2:]])
            broker.purge("t")
        until(lambda: depth(broker, "q").ready == 0)
    counted = "SELECT name, ready, unacked, delayed FROM queue ORDER BY name"
    found = """
        SELECT name, coalesce(sum(owner = 0), 0), coalesce(sum(owner > 0), 0),
            coalesce(sum(owner = -1), 0)
        FROM queue LEFT JOIN message ON queue.id = message.queue GROUP BY name ORDER BY name
    """
    broker.close()
    other.close()
    connection = sqlite3.connect(path)
    assert connection.execute(counted).fetchall() == connection.execute(found).fetchall()
    orphans = "SELECT count(*) FROM content WHERE id NOT IN (SELECT id FROM message)"
    assert connection.execute(orphans).fetchone() == (0,)
    connection.close()


def test_a_message_is_kept_as_it_is_where_it_cannot_be_marked(
    broker: EmbeddedBroker, path: Path
) -> None:
    broker.declare([QueueSpec(name="t", ttl=0.2, dead_letter="d"), QueueSpec(name="d")])
    broker.publish([outgoing("t", "odd")])
    spoil(path, "UPDATE content SET properties = '{\"headers\": 5}'")
    until_ready(broker, "d", 1)
    assert broker.peek("d")[0].body == b"odd"
