"""`flowctl run`: from a recipe to its results, with nothing left behind."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Answer, Command, interrupt, processes_in

pytestmark = pytest.mark.process

FAN = """\
version: 1
network: fan
processors:
  source:
    source:
      code: |
        def numbers(most):
            for number in range(most or 4):
                yield number
    sockets: {numbers: numbers}
  work:
    source:
      code: |
        def square(number):
            if number == 13:
                raise ValueError("unlucky")
            return {"number": number, "square": number * number}
    sockets: {square: square}
plugs:
  - source.numbers -> work.square
"""
SLOW = """\
version: 1
network: slow
processors:
  sleep:
    source:
      code: |
        import time
        def long():
            time.sleep(600)
    sockets: {long: long}
"""
BROKEN = """\
version: 1
network: broken
processors:
  bad:
    source: {code: "import nothing_of_this_name\\ndef task(): return 1\\n"}
    sockets: {task: task}
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Command]:
    """A home of the test's own, with temporary files in it too."""
    command = Command(tmp_path / "home")
    (tmp_path / "tmp").mkdir()
    command.environment["TMPDIR"] = str(tmp_path / "tmp")
    yield command
    assert list((tmp_path / "tmp").iterdir()) == []


def written(folder: Path, text: str) -> str:
    file = folder / "recipe.yaml"
    file.write_text(text)
    return str(file)


def test_a_source_gets_a_null_and_the_sinks_are_printed(fresh: Command, tmp_path: Path) -> None:
    answer = fresh.ok("run", written(tmp_path, FAN), "--timeout", "60s")
    assert answer.out.splitlines()[0].split() == ["number", "square"]
    assert sorted(line.split()[1] for line in answer.out.splitlines()[1:]) == ["0", "1", "4", "9"]
    assert "5 calls in " in answer.err


def test_inputs_and_failures(fresh: Command, tmp_path: Path) -> None:
    lines = tmp_path / "numbers.jsonl"
    lines.write_text("7\n13\n")
    recipe = written(tmp_path, FAN)
    answer = fresh(
        "run", recipe, "--input", f"work.square=@{lines}", "-o", "json", "--timeout", "60s"
    )
    assert answer.code == 1
    document = json.loads(answer.out)
    assert document["results"] == {"work.square": [{"number": 7, "square": 49}]}
    assert document["count"]["failed"] == 1
    assert "failed: work.square: ValueError: unlucky" in answer.err


def test_code_that_cannot_be_imported_ends_the_run_with_its_reason(
    fresh: Command, tmp_path: Path
) -> None:
    answer = fresh("run", written(tmp_path, BROKEN), "--timeout", "60s")
    assert answer.code == 5, answer
    assert "nothing_of_this_name" in answer.err


def test_a_bad_input_is_refused_before_anything_starts(fresh: Command, tmp_path: Path) -> None:
    answer = fresh("run", written(tmp_path, FAN), "--input", "work.square")
    assert answer.code == 2
    assert "no input" in answer.err
    assert (
        fresh("run", written(tmp_path, FAN), "--input", "work.cube=1", "--timeout", "60s").code == 4
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_an_interrupt_leaves_nothing_behind(
    fresh: Command, tmp_path: Path, number: signal.Signals
) -> None:
    running = fresh.begin("run", written(tmp_path, SLOW), "--debug")
    folder = tmp_path / "tmp"
    _await_processes(folder)
    os.kill(running.pid, number)
    out, err = running.communicate(timeout=90)
    assert running.returncode == 130, (out, err)
    home = next(folder.iterdir(), None)
    assert home is None
    assert _processes_below(folder) == []


def _await_processes(folder: Path) -> None:
    import time

    deadline = time.monotonic() + 60
    while len(_processes_below(folder)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)


def _processes_below(folder: Path) -> list[int]:
    return [pid for home in folder.glob("flowctl-run-*") for pid in processes_in(home)]


def test_up_in_front_ends_with_ctrl_c(fresh: Command) -> None:
    running = fresh.begin("up", "--agents", "2", "--cpus", "1")
    assert running.stderr is not None
    said = running.stderr.readline()
    assert said == "ready: a scheduler and 2 agents (a1, a2)\n"
    answer: Answer = interrupt(running)
    assert answer.code == 130
    assert processes_in(fresh.home) == []
    assert not (fresh.home / "run" / "up.json").exists()
