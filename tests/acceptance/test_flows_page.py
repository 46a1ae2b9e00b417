"""Every example of docs/flows.md does what the page says."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import PATIENCE, Cluster

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "flows.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
EXIT = re.compile(r"^exit (\d+)\n\Z", re.MULTILINE)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster(tmp_path, cpus=4).start()
    try:
        for name, value in made.env.items():
            if name.startswith("FLOWCTL_"):
                monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield made
    finally:
        made.stop()


def shell(cluster: Cluster, line: str, expected: str) -> None:
    """Run a command line; it must say what follows it, and leave with 0 or as `exit` says."""
    program = f"flowctl() {{ '{sys.executable}' -m flowctl \"$@\"; }}\n{line}"
    done = subprocess.run(
        ["sh", "-c", program], env=cluster.env, cwd=cluster.home, capture_output=True, text=True,
        timeout=3 * PATIENCE, check=False,
    )  # fmt: skip
    found = EXIT.search(expected)
    said = EXIT.sub("", expected)
    status = int(found[1]) if found else 0
    assert (line, done.stdout, done.returncode) == (line, said, status), done.stderr


def test_the_page_is_true(cluster: Cluster) -> None:
    page = PAGE.read_text()
    names: dict[str, object] = {"__name__": "page"}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    commands = 0
    for match in BLOCK.finditer(page):
        kind, text = match[1], match[2]
        if kind == "yaml":
            name = re.search(r"^network: (\w+)$", text, re.MULTILINE)
            assert name
            Path(f"{name[1]}.yaml").write_text(text)
        elif kind == "console":
            for line, expected in COMMAND.findall(text):
                shell(cluster, line, expected)
                commands += 1
        else:
            line_number = page.count("\n", 0, match.start(2)) + 1
            test = parser.get_doctest(text, names, f"line {line_number}", str(PAGE), line_number)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
    assert runner.summarize().failed == 0
    assert commands >= 20
    assert runner.tries >= 8


def test_every_name_of_the_table_leads_to_a_section() -> None:
    page = PAGE.read_text()
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) - anchors == set()
