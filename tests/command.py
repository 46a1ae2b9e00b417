"""Runs `flowctl` as a person does: the real program in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
_OURS = ("FLOWCTL_", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")


class Answer:
    """What the program said, and its exit code."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        """What it wrote to stdout, as JSON."""
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Command:
    """`flowctl` in one home; everything it started is ended by `close`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        self.environment = kept | {"FLOWCTL_HOME": str(home), "PYTHONPATH": str(ROOT)}

    def __call__(self, *words: str, stdin: str | None = None, **environment: str) -> Answer:
        """Run the program to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "flowctl", *words],
            cwd=ROOT,
            env=self.environment | environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Answer(done)

    def ok(self, *words: str, stdin: str | None = None) -> Answer:
        """Run the program; it must succeed."""
        answer = self(*words, stdin=stdin)
        assert answer.code == 0, answer
        return answer

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start the program and return it, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "flowctl", *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End what `up` started in this home."""
        if (self.home / "run" / "up.json").exists():
            self("down")


def processes_in(home: Path) -> list[int]:
    """Return the processes that were told to live in this home."""
    wanted = f"FLOWCTL_DATA={home}/data".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def interrupt(process: subprocess.Popen[str]) -> Answer:
    """Press Ctrl-C and wait for the end."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return Answer(subprocess.CompletedProcess(process.args, process.returncode, out, err))
