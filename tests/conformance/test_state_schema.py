"""Migrations, connections and the store as a whole, on both databases."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from flowctl.errors import InvalidInput, Misconfigured, SchemaMismatch
from flowctl.state.store import Store, open_store
from tests.stores import apply, beat, finished, shop


def test_an_empty_database_says_what_it_lacks(fresh_url: str) -> None:
    store = open_store(fresh_url)
    assert store.schema()[0] == 0
    with pytest.raises(SchemaMismatch, match="has schema 0"):
        store.check_schema()
    with pytest.raises(SchemaMismatch) as caught:
        store.flows.networks()
    assert "flowctl db migrate" in caught.value.remedy
    store.close()


def test_migrating_is_done_once(fresh_url: str) -> None:
    store = open_store(fresh_url)
    done = store.migrate()
    assert done[0] == "0001_ground"
    assert store.migrate() == []
    store.check_schema()
    assert store.revision() == 0
    store.close()


def test_many_migrate_at_once_and_one_does_it(fresh_url: str) -> None:
    done: list[list[str]] = []

    def migrate() -> None:
        store = open_store(fresh_url)
        done.append(store.migrate())
        store.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(bool, done)) == [False, False, False, True]


def test_a_newer_schema_is_refused(fresh_url: str) -> None:
    store = open_store(fresh_url)
    store.migrate()
    _, wanted = store.schema()
    _execute(store, f"INSERT INTO schema_version VALUES ({wanted + 1}, 'later', 0)")
    with pytest.raises(SchemaMismatch, match="has schema") as caught:
        store.check_schema()
    assert caught.value.found == wanted + 1
    with pytest.raises(SchemaMismatch):
        store.migrate()
    store.close()


def test_the_tables_are_as_the_code_believes(store: Store) -> None:
    from flowctl.state.schema import ALL
    from flowctl.state.tables import table_name

    store.revision()
    dumped = {name: set(_columns(store, name)) for name in map(table_name, ALL)}
    believed = {table_name(table): set(table._meta.columns) for table in ALL}
    extra = {name: dumped[name] - believed[name] for name in dumped}
    assert {
        name: believed[name] - dumped[name] for name in dumped if believed[name] - dumped[name]
    } == {}
    assert {name: columns for name, columns in extra.items() if columns} in (
        {},
        {"event": {"written_by"}},
    )


def test_drop_leaves_nothing_and_migrate_begins_anew(fresh_url: str) -> None:
    store = open_store(fresh_url)
    store.migrate()
    apply(store, shop())
    store.drop()
    assert store.schema()[0] == 0
    store.migrate()
    assert store.flows.networks() == []
    store.close()


def test_a_dump_is_plain_json_of_everything(store: Store) -> None:
    apply(store, shop())
    beat(store, "host")
    dumped = json.loads(json.dumps(store.dump()))
    assert [row["name"] for row in dumped["processor"]] == ["parse", "store"]
    assert dumped["agent"][0]["name"] == "host"


def test_check_names_the_database(store: Store, state_url: str) -> None:
    line = store.check()
    assert line.endswith(": ok")
    assert line.startswith("SQLite 3" if state_url.startswith("sqlite") else "Postgres 1")


def test_a_closed_store_opens_again(store: Store) -> None:
    apply(store, shop())
    store.close()
    assert [each.name for each in store.flows.networks()] == ["shop"]


def test_an_unknown_kind_of_database_is_told() -> None:
    with pytest.raises(Misconfigured, match="mysql"):
        open_store("mysql://host/db")


def test_a_sqlite_url_must_be_absolute() -> None:
    with pytest.raises(Misconfigured, match="not the URL"):
        open_store("sqlite://state.db").revision()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(SchemaMismatch):
        store.flows.networks()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "made" / "state.db"
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    assert path.stat().st_mode & 0o077 == 0
    store.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this is not a database, it is a long letter to a friend " * 20)
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(Misconfigured, match="not a database"):
        store.check_schema()
    store.close()


def _execute(store: Store, sql: str) -> None:
    from flowctl.state.drivers import Mode

    store._database.run(lambda: store._database.execute(sql), Mode.WRITE)


def _columns(store: Store, table: str) -> list[str]:
    from flowctl.state.drivers import Mode

    def look() -> list[str]:
        cursor = store._database.execute(f'SELECT * FROM "{table}" LIMIT 0')
        return [column[0] for column in cursor.description]

    return store._database.run(look, Mode.READ)


@pytest.fixture
def fresh_url(state_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a database in which nothing is."""
    if state_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'fresh.db'}"
    return str(request.getfixturevalue("postgres_empty_url"))


def test_an_older_schema_is_named(fresh_url: str) -> None:
    store = open_store(fresh_url)
    store.migrate()
    _execute(store, "DELETE FROM schema_version WHERE version > 1")
    _execute(store, "ALTER TABLE processor RENAME COLUMN error TO trouble")
    found, wanted = store.schema()
    with pytest.raises(SchemaMismatch) as caught:
        store.flows.processors()
    assert (caught.value.found, caught.value.wanted) == (found, wanted)
    store.close()


def test_what_no_column_holds_is_bad_input(store: Store) -> None:
    with pytest.raises(InvalidInput):
        store.traffic.commit([finished("c1", attempt=2**70)])
    with pytest.raises(InvalidInput):
        store.flows.network("half \ud800")
    store.traffic.commit([finished("c1")])


def test_what_a_newer_program_wrote_is_told(store: Store) -> None:
    apply(store, shop())
    _execute(store, "UPDATE processor SET spec = '{\"name\": 1}'")
    with pytest.raises(Misconfigured, match="holds a spec that this flowctl cannot read"):
        store.flows.processors()
