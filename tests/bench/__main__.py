"""`make bench`: the figures that flowctl is held to, each beside something run in the same minute.

Machines differ and this one is noisy: only ratios and the orders of size say something.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import codestats, hops, idle, planner, recording, scaling, startup

PARTS: dict[str, Callable[[Path], list[tuple[str, Any, str]]]] = {
    "startup": startup.measure,
    "planner": planner.measure,
    "recording": recording.measure,
    "idle": idle.measure,
    "scale": scaling.measure,
    "hop-embedded": lambda home: hops.measure(home, "embedded"),
    "hop-servers": lambda home: hops.measure(home, "servers"),
    "codestats": codestats.measure,
}


def main() -> int:
    """Measure the chosen parts and print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.parts or PARTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flowctl-bench-") as home:
            rows = PARTS[name](Path(home))
        print(f"{name} ({time.monotonic() - began:.0f} s)")
        for what, value, goal in rows:
            found[f"{name}: {what}"] = value
            print(f"  {what:<58} {shown(value):>12}   {goal}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def shown(value: Any) -> str:
    """Return a figure with three digits that mean something."""
    return f"{value:,.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def median(values: list[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
