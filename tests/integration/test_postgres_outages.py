"""A Postgres that restarts, dies, or loses an answer: the store goes on by itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from flowctl.errors import Conflict, Misconfigured, StateUnavailable
from flowctl.model.states import Desired
from flowctl.state.drivers import Mode
from flowctl.state.rows import revise
from flowctl.state.store import Store, open_store
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.stores import apply, finished, outgoing, shop

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    opened.migrate()
    yield opened
    opened.close()


def test_a_restart_between_two_questions_is_not_noticed(
    store: Store, postgres_server: PostgresServer
) -> None:
    apply(store, shop())
    for end in (postgres_server.stop, postgres_server.kill):
        end()
        postgres_server.start()
        assert [each.name for each in store.flows.networks()] == ["shop"]
        store.flows.restart("shop", "parse")
    assert store.flows.processor("parse").restarts == 2


def test_a_crash_in_the_middle_repeats_the_whole_unit(
    store: Store, postgres_server: PostgresServer
) -> None:
    apply(store, shop())
    database, before, tries = store._database, store.revision(), []

    def work() -> None:
        tries.append(1)
        revise(database)
        if len(tries) == 1:
            postgres_server.kill()
            postgres_server.start()
        revise(database, "shop")

    database.run(work, Mode.WRITE)
    assert len(tries) == 2
    assert store.revision() == before + 2


def test_an_outage_is_told_in_time_and_ends_by_itself(
    store: Store, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowctl.state.database.PATIENCE", 0.2)
    store.traffic.commit([finished("c1")])
    postgres_server.stop()
    try:
        with pytest.raises(StateUnavailable) as caught:
            store.traffic.commit([finished("c2", outgoing("d"))])
        assert "Connection refused" in caught.value.message
    finally:
        postgres_server.start()
    assert store.traffic.commit([finished("c2", outgoing("d"))]) == {"c2"}
    assert store.traffic.call("c1").id == "c1"


def test_many_threads_outlast_a_restart_on_one_connection(
    store: Store, postgres_server: PostgresServer
) -> None:
    going, failures = threading.Event(), []

    def work(number: int) -> None:
        for turn in range(40):
            try:
                store.traffic.commit([finished(f"c{number}.{turn}", outgoing(f"d{number}.{turn}"))])
            except StateUnavailable as error:
                failures.append(error)
            if turn == 5:
                going.set()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    assert going.wait(20)
    postgres_server.kill()
    postgres_server.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert store.traffic.run_count("run").calls == 120
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'flowctl'"
    assert postgres_server.query(count) == "1"


class _Deaf:
    """A connection that loses the server's answer to one COMMIT."""

    def __init__(self, connection: Any, *, before: bool) -> None:
        self._connection = connection
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        return _DeafCursor(self._connection, self._connection.cursor(), before=self._before)


class _DeafCursor:
    def __init__(self, connection: Any, cursor: Any, *, before: bool) -> None:
        self._connection, self._cursor, self._before = connection, cursor, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, sql: str, params: Any = None) -> None:
        if sql != "COMMIT":
            self._cursor.execute(sql, params)
            return
        if not self._before:
            self._cursor.execute(sql)
        self._connection.close()
        raise psycopg2.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("before", [False, True])
def test_a_lost_answer_to_a_commit_does_nothing_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """Neither when the server had committed, nor when the COMMIT never reached it."""
    network = apply(store, shop())
    driver = store._database.driver
    connect, made = driver.connect, []

    def deaf() -> Any:
        made.append(1)
        return _Deaf(connect(), before=before) if len(made) == 1 else connect()

    monkeypatch.setattr(driver, "connect", deaf)
    store.close()
    read = store.flows.processor("parse")
    written = store.flows.request("shop", "parse", Desired.PAUSED, receipt=read.receipt)
    assert written.requested_status is Desired.PAUSED
    assert store.flows.network("shop").revision == network.revision + 1
    assert len(made) == 2
    with pytest.raises(Conflict):
        store.flows.request("shop", "parse", Desired.RUNNING, receipt=read.receipt)


def test_a_lost_answer_to_a_hot_commit_loses_no_win(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.revision()
    driver = store._database.driver
    connect, made = driver.connect, []

    def deaf() -> Any:
        made.append(1)
        return _Deaf(connect(), before=False) if len(made) == 1 else connect()

    monkeypatch.setattr(driver, "connect", deaf)
    store.close()
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr("flowctl.state.database.PATIENCE", 1.0)
        assert store.traffic.commit([finished("c1", outgoing("d1"))]) == {"c1"}
    assert len(store.dump()["outbox"]) == 1


def test_a_connection_that_is_cut_is_made_anew(
    url: str, store: Store, postgres_server: PostgresServer
) -> None:
    proxy = Proxy(postgres_server.port)
    name = url.rpartition("/")[2]
    through = open_store(postgres_server.url_of(name, port=proxy.port))
    try:
        apply(through, shop())
        proxy.cut()
        assert through.revision() == 1
        proxy.cut()
        through.flows.restart("shop", "parse")
        assert through.revision() == 2
    finally:
        through.close()
        proxy.close()


def test_every_unit_may_have_another_connection(
    store: Store, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a transaction pooler: nothing may rest on the session."""
    monkeypatch.setattr(store._database.driver, "is_usable", lambda connection: False)
    apply(store, shop())
    store.traffic.commit([finished("c1", outgoing("d1"))])
    lease = store.duty.acquire("me", 30)
    assert lease is not None
    store.fleet.place([], term=lease.term)
    assert store.flows.spec("shop") == shop()
    assert store.fleet.snapshot().revision == 1


def test_nothing_is_left_in_the_session(store: Store) -> None:
    apply(store, shop())
    store.traffic.commit([finished("c1")])

    def look() -> list[tuple[Any, ...]]:
        changed = (
            "SELECT name FROM pg_settings WHERE source = 'session'"
            " UNION ALL SELECT name FROM pg_prepared_statements"
            " UNION ALL SELECT locktype FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND locktype = 'advisory'"
        )
        return list(store._database.execute(changed).fetchall())

    assert store._database.run(look, Mode.READ) == []


def test_a_server_that_stands_still_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowctl.state.watch.LIMIT", 0.4)
    apply(store, shop())

    def backend() -> int:
        return int(store._database.execute("SELECT pg_backend_pid()").fetchone()[0])

    store.close()
    pid = store._database.run(backend, Mode.READ)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert [each.name for each in store.flows.networks()] == ["shop"]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert store._database.run(backend, Mode.READ) != pid


def test_two_units_that_lock_each_other_out_both_end(store: Store, url: str) -> None:
    apply(store, shop())
    other = open_store(url)
    both = threading.Barrier(2)
    tries: list[str] = []

    def lock(mine: Store, first: str, second: str) -> None:
        def work() -> None:
            tries.append(first)
            _touch(mine, first)
            if tries.count(first) == 1:
                both.wait(10)
            _touch(mine, second)

        mine._database.run(work, Mode.WRITE)

    thread = threading.Thread(target=lock, args=(other, "parse", "store"))
    thread.start()
    lock(store, "store", "parse")
    thread.join(20)
    assert not thread.is_alive()
    other.close()
    assert [each.restarts for each in store.flows.processors()] == [2, 2]
    assert len(tries) == 3


def _touch(store: Store, name: str) -> None:
    store._database.execute("UPDATE processor SET restarts = restarts + 1 WHERE name = %s", (name,))


@pytest.mark.parametrize(
    ("path", "said"),
    [("nodb", "does not exist"), ("?no_such_option=1", "invalid URI query parameter")],
)
def test_a_wrong_address_is_told_at_once(
    postgres_server: PostgresServer, path: str, said: str
) -> None:
    url = postgres_server.url_of("x").removesuffix("x") + path
    store = open_store(url)
    with pytest.raises(Misconfigured, match=said):
        store.revision()


def test_a_password_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowctl.state.database.PATIENCE", 0.0)
    store = open_store("postgresql://me:s3cret-canary@127.0.0.1:1/x")
    with pytest.raises(StateUnavailable) as caught:
        store.revision()
    assert "s3cret-canary" not in str(caught.value)
    assert "me:***@127.0.0.1" in str(caught.value)
