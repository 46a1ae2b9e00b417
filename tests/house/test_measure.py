"""The measure of a line: short files, short functions, no words that say nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("flowctl", "agentd", "schedulerd")
VAGUE = {"utils", "util", "common", "manager", "helper", "helpers", "misc"}


def found() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


SOURCES = list(found())


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_a_file_holds_one_thing(path: Path) -> None:
    # The executor runs on any interpreter and so must be one file.
    limit = 1000 if path.name == "executor.py" else 400
    assert path.read_text().count("\n") <= limit


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= 60, f"{place(path)}:{node.lineno} {node.name} has {lines} lines"


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [place(p) for p in SOURCES if p.stem in VAGUE] == []


def test_nothing_is_left_to_do_later() -> None:
    marks = ("TODO", "FIXME", "XXX", "NotImplementedError")
    found = [f"{place(p)}: {m}" for p in SOURCES for m in marks if m in p.read_text()]
    assert found == []
