"""What a store costs before it is asked, and what it takes along when it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowctl.errors import Misconfigured
from flowctl.state.store import open_store

ROOT = Path(__file__).parents[3]


def loaded(code: str) -> set[str]:
    """The modules that are loaded after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_opening_loads_no_library() -> None:
    code = "from flowctl.state.store import open_store; open_store('sqlite:////nowhere/state.db')"
    assert loaded(code) & {"peewee", "msgspec", "sqlite3", "psycopg2", "psycopg"} == set()


def test_sqlite_loads_no_driver_of_another_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    code = f"""
from flowctl.state.store import open_store
store = open_store({url!r})
store.migrate(); store.flows.processors(); store.fleet.workers(); store.close()
"""
    modules = loaded(code)
    assert "peewee" in modules
    assert modules & {"psycopg2", "psycopg", "pymysql", "asyncio", "difflib"} == set()


def test_peewee_may_be_loaded_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    code = "import peewee; from flowctl.state.store import open_store; "
    assert "psycopg2" in loaded(f"{code} open_store({url!r}).migrate()")


@pytest.mark.parametrize(
    "url", ["sqlite:relative.db", "sqlite://host/x.db?synchronous=maybe", "sqlite:///"]
)
def test_a_url_that_names_no_file_is_told(url: str) -> None:
    with pytest.raises(Misconfigured, match="not the URL of a database"):
        open_store(url).revision()


def test_a_path_may_hold_odd_letters(tmp_path: Path) -> None:
    path = tmp_path / "a b%20#ö?c" / "state.db"
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    assert path.exists()
    store.close()
