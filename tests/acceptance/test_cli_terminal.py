"""The command line on a terminal: it asks, it colours, it keeps a listing up to date."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import PATIENCE, ROOT, Command

RECIPE = """\
version: 1
network: shop
processors:
  parse: {source: {code: "def rows(x): return x"}, sockets: {rows: rows}}
"""


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: Command, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowctl", *words],
            cwd=ROOT, env=command.environment | {"TERM": "xterm"},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def until(self, wanted: str) -> str:
        """Read until the text appeared."""
        deadline = time.monotonic() + PATIENCE
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self._master], [], [], 0.5)[0]:
                try:
                    self.text += os.read(self._master, 65536).decode()
                except OSError:
                    break
        assert wanted in self.text, self.text
        return self.text

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            os.close(self._master)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """A home of the test's own."""
    made = Command(tmp_path / "home")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    yield made
    made.close()


def test_apply_shows_the_plan_and_asks(command: Command, tmp_path: Path) -> None:
    recipe = str(tmp_path / "recipe.yaml")
    refused = Terminal(command, "apply", recipe)
    assert "+ processor parse" in refused.until("Apply? [y/N] ")
    refused.type("n\n")
    assert refused.end() == 5
    assert command.ok("ls", "net", "-o", "name").out == ""
    agreed = Terminal(command, "apply", recipe)
    agreed.until("Apply? [y/N] ")
    agreed.type("y\n")
    agreed.until("applied")
    assert agreed.end() == 0
    assert command.ok("ls", "net", "-o", "name").out == "shop\n"


def test_no_input_means_no_question(command: Command, tmp_path: Path) -> None:
    terminal = Terminal(command, "apply", str(tmp_path / "recipe.yaml"), "--no-input")
    terminal.until("applied")
    assert terminal.end() == 0
    asked = Terminal(command, "delete", "network", "shop", "--no-input")
    asked.until("add -y")
    assert asked.end() == 2


def test_a_watched_listing_stays_in_place_until_ctrl_c(command: Command) -> None:
    command.ok("apply", "-", stdin=RECIPE)
    terminal = Terminal(command, "ls", "processors", "-w")
    terminal.until("parse")
    assert terminal.text.count("\x1b[2J") == 0
    command.ok("scale", "parse=7")
    terminal.until("  7  ")
    assert terminal.text.startswith("\x1b[H")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130


def test_statuses_are_coloured_on_a_terminal(command: Command) -> None:
    command.ok("apply", "-", stdin=RECIPE)
    terminal = Terminal(command, "ls", "processors")
    terminal.until("\x1b[36mready\x1b[0m")
    assert terminal.end() == 0


def test_a_watch_in_a_pipe_tells_changes_as_lines(command: Command) -> None:
    command.ok("apply", "-", stdin=RECIPE)
    watching = command.begin("ls", "processors", "-w")
    assert watching.stdout is not None
    assert '"change":"added"' in watching.stdout.readline()
    command.ok("scale", "parse=3")
    assert '"change":"changed"' in watching.stdout.readline()
    command.ok("delete", "processor", "parse", "-y")
    while '"change":"deleted"' not in (line := watching.stdout.readline()):
        assert '"change":"changed"' in line
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130
