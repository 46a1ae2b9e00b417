"""How long a command takes before it has done anything, as a multiple of bare Python."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROUNDS = 15


def measure(home: Path) -> list[tuple[str, Any, str]]:
    """Interleave the commands, so that noise hits all of them alike."""
    flowctl = str(Path(sys.executable).with_name("flowctl"))
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["FLOWCTL_HOME"] = str(home)
    subprocess.run([flowctl, "db", "migrate"], env=env, check=True, capture_output=True)
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "flowctl ls processors": [flowctl, "ls", "processors"],
        "flowctl --help": [flowctl, "--help"],
        "flowctl version": [flowctl, "version"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, env=env, check=True, capture_output=True)
            best[name] = min(best[name], time.perf_counter() - began)
    bare = best.pop("bare")
    rows: list[tuple[str, Any, str]] = [("python -c pass, ms", bare * 1000, "")]
    return rows + [(f"{name}, times bare", took / bare, "<= 13") for name, took in best.items()]
