"""The cockpit as a person uses it: a real terminal (tmux), a real cluster."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, until
from tests.stage import Stage, stage

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed"
    ),
]
ROOT = Path(__file__).parents[2]
CODE = "def take(n): return n\n\ndef keep(n): return n"


class Tmux:
    """A terminal that a program runs in; keys go in, the screen is read."""

    def __init__(self, folder: Path, command: str, env: dict[str, str]) -> None:
        self._socket = folder / "tmux"
        told = [f"{name}={value}" for name, value in env.items() if name.startswith("FLOWCTL_")]
        line = f"cd {shlex.quote(str(ROOT))} && env {' '.join(map(shlex.quote, told))} {command}"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", line)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, check=False,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )  # fmt: skip
        return done.stdout

    def type(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self._tmux("send-keys", *keys)

    def say(self, text: str) -> None:
        """Type a text and Enter."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def until(self, *texts: str) -> str:
        """Wait until all these texts stand on the screen."""

        def look() -> str:
            seen = self.screen
            return seen if all(text in seen for text in texts) else ""

        try:
            return until(look, f"{texts} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen}") from error

    def close(self) -> None:
        """End it."""
        self._tmux("kill-server")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cockpit"), cpus=8)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def net(cluster: Cluster) -> Iterator[Stage]:
    with stage(cluster, "cockpit") as made:
        yield made


@pytest.fixture
def terminal(cluster: Cluster, tmp_path: Path) -> Iterator[Tmux]:
    made = Tmux(tmp_path, f"{shlex.quote(sys.executable)} -m flowctl ui", cluster.env)
    try:
        yield made
    finally:
        made.close()


def test_a_flow_is_watched_scaled_broken_purged_and_mended(net: Stage, terminal: Tmux) -> None:
    terminal.until("0 networks", "connected")
    net.apply({"first": net.coded(CODE, "take"), "second": net.coded(CODE, "keep")},
              ["first.take -> second.keep"])  # fmt: skip
    terminal.until("cockpit", "running")

    # Live scaling: staged, applied, and seen to happen.
    terminal.type("5")
    terminal.until("2 processors", "first", "second")
    terminal.say("/first")
    terminal.until("1 of 2 processors")
    terminal.type("+", "+")
    terminal.until("1>3", "Enter applies")
    assert net.control.store.flows.processor("first", "cockpit").spec.cpus == 1
    terminal.type("Enter")
    terminal.until("cockpit/first scaled to 3 cpus")
    net.until_processor("first", lambda found: found.running_cpus == 3, "runs on 3 cpus")
    until(lambda: " 3 " in terminal.screen, "the running cpus on the screen")

    # A worker is killed and comes back.
    pid = net.pid("second")
    terminal.say(":workers")
    terminal.until("2 workers", "second")
    os.kill(pid, signal.SIGKILL)
    until(lambda: set(net.pids("second").values()) - {pid}, "another worker of second")
    terminal.until("2 workers", "running")

    # What waits is purged into the trash, and brought back.
    net.say("stop", "second", "--wait")
    net.send("second.keep", [1, 2, 3])
    assert net.ready("second.keep") == 3
    terminal.say(":queues /^cockpit.second.keep$")
    terminal.until("cockpit.second.keep", "1 of ")
    until(lambda: " 3 " in terminal.screen, "what waits on the screen")
    terminal.type("X")
    terminal.until("purge 1 queue", "3 messages wait there", "$ flowctl queue purge")
    terminal.type("Enter")
    until(lambda: "purge 1 queue" not in terminal.screen, "the question is gone")
    assert net.ready("second.keep") == 3, "Enter alone means no"
    terminal.type("X")
    terminal.until("purge 1 queue")
    terminal.type("y")
    terminal.until("3 messages")
    until(lambda: net.ready("second.keep") == 0, "the queue is empty")
    terminal.type("z")
    until(lambda: net.ready("second.keep") == 3, "the messages are back")
    terminal.until("undone: purge")

    terminal.say(":quit")
    until(lambda: "cockpit" not in terminal.screen, "the cockpit is closed")
