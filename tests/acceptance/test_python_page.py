"""Every example of docs/python.md does what the page says."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str, int]]:
    """Return kind, text and line of every block of the page."""
    page = PAGE.read_text()
    return [(m[1], m[2], page.count("\n", 0, m.start(2)) + 1) for m in BLOCK.finditer(page)]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster, and a program in its folder with its settings."""
    made = Cluster(tmp_path, cpus=4).start()
    try:
        for name, value in made.env.items():
            if name.startswith("FLOWCTL_"):
                monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        yield made
    finally:
        made.stop()
        sys.modules.pop("shop", None)


def write(text: str) -> None:
    """Write a file whose name stands in its first line."""
    name = text.partition("\n")[0].removeprefix("# ")
    Path(name).write_text(text)


def command(cluster: Cluster, text: str) -> None:
    """Run a command line, which must say what follows it."""
    line, _, expected = text.partition("\n")
    said = cluster.flowctl(*line.removeprefix("$ flowctl ").split())
    assert said == expected.replace("HERE", str(Path.cwd()))


def test_the_page_is_true(cluster: Cluster) -> None:
    names: dict[str, object] = {"__name__": "page"}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    kinds = []
    for kind, text, line in blocks():
        kinds.append(kind)
        if kind == "python":
            write(text)
        elif kind == "console":
            command(cluster, text)
        else:
            test = parser.get_doctest(text, names, f"line {line}", str(PAGE), line)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
    assert set(kinds) == {"python", "pycon", "console"}
    assert runner.summarize().failed == 0
    assert runner.tries > 25
