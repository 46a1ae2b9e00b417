"""What a command does not need it does not import: start-up is paid at every call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "textual",
    "pika",
    "requests",
    "fabric",
    "rich",
    "pydantic",
    "asyncio",
    "psycopg",
    "psycopg2",
)
STATE = ("peewee", "tabulate", "yaml", "sqlite3")


def imported(home: Path, *words: str) -> set[str]:
    """Run a command and return the names of all modules that it imported."""
    program = (
        "import sys\n"
        "from flowctl.cli.app import run\n"
        "try:\n    run(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print('MODULES', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=os.environ | {"FLOWCTL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_listing_imports_nothing_heavy(tmp_path: Path) -> None:
    found = imported(tmp_path, "ls", "processors")
    assert [name for name in HEAVY if name in found] == []
    assert "peewee" in found


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("ls", "--help")], ids=" ".join)
def test_help_imports_neither_state_nor_broker(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = imported(tmp_path, *words)
    assert [name for name in (*HEAVY, *STATE) if name in found] == []
