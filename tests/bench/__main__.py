"""`make bench`: the figures that flowctl is held to, each beside something run in the same minute.

`race` is flowctl and its peers side by side; the other parts look at flowctl alone.

Machines differ and this one is noisy: only ratios and the orders of size say something.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import backlog, codestats, hops, idle, large, planner, recording, scaling, startup
from tests.bench.race import course

PARTS: dict[str, Callable[[Path], list[tuple[str, Any, str]]]] = {
    "startup": startup.measure,
    "planner": planner.measure,
    "recording": recording.measure,
    "idle": idle.measure,
    "scale": scaling.measure,
    "hop-embedded": lambda home: hops.measure(home, "embedded"),
    "hop-servers": lambda home: hops.measure(home, "servers"),
    "codestats": codestats.measure,
    "large": large.measure,
    "backlog": backlog.measure,
}
RACE = "race"
"""flowctl and its peers side by side; it prints a table of its own."""
QUICK, FULL = (2.0, 1), (6.0, 3)
"""Seconds of each run, and rounds."""


def main() -> int:
    """Measure the chosen parts and print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("parts", nargs="*", choices=[RACE, *PARTS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="one short round of the race")
    parser.add_argument("--seconds", type=float, help="of each run of the race")
    parser.add_argument("--rounds", type=int, help="of the race")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.parts or [RACE, *PARTS]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flowctl-bench-") as home:
            rows = _race(Path(home), options) if name == RACE else PARTS[name](Path(home))
        print(f"{name} ({time.monotonic() - began:.0f} s)")
        for what, value, goal in rows:
            found[f"{name}: {what}"] = value
            print(f"  {what:<58} {shown(value):>12}   {goal}", flush=True)
    if options.json:
        told = {"date": time.strftime("%Y-%m-%d %H:%M"), "machine": machine(), "figures": found}
        options.json.write_text(json.dumps(told, indent=1))
    return 0


def _race(home: Path, options: argparse.Namespace) -> list[tuple[str, Any, str]]:
    seconds, rounds = QUICK if options.quick else FULL
    return course.measure(home, options.seconds or seconds, options.rounds or rounds)


def machine() -> str:
    """Return what the figures were taken on."""
    return f"{os.cpu_count()} cpus, {platform.processor() or platform.machine()}, Python {platform.python_version()}"


def shown(value: Any) -> str:
    """Return a figure with three digits that mean something."""
    return f"{value:,.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def median(values: list[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
