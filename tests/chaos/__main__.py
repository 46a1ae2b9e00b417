"""`python -m tests.chaos`: chaos on both pairs of broker and database, with figures."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos import canvases, joins
from tests.chaos.pairs import PAIRS, pair
from tests.chaos.runner import wreak

MODES = {
    "messages": (wreak, 100.0),
    "canvases": (canvases.wreak, 4.0),
    "joins": (joins.wreak, 100.0),
}
"""What flows while things are killed, and how much of it a second."""


def main() -> int:
    """Run; exit 1 when anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--mode", choices=MODES, default="messages")
    parser.add_argument("--rate", type=float, help="messages, canvases or pairs a second")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between kills")
    parser.add_argument("--pair", choices=PAIRS, action="append")
    options = parser.parse_args()
    bad = False
    for name in options.pair or PAIRS:
        print(f"{name}: {options.seconds:.0f} s, seed {options.seed}", flush=True)
        with tempfile.TemporaryDirectory() as home, pair(name, Path(home)) as (cluster, outages):
            wreak, rate = MODES[options.mode]
            verdict = wreak(
                cluster, seconds=options.seconds, seed=options.seed, rate=options.rate or rate, pause=options.pause,
                outages=outages, say=lambda line: print("  " + line, flush=True),
            )  # fmt: skip
        print(f"{name}: {verdict.sentence()}", flush=True)
        print(json.dumps({"pair": name, "seed": options.seed, "lost": len(verdict.lost),
                          "doubled": len(verdict.doubled), "wrong": len(verdict.wrong), "again": verdict.again}))  # fmt: skip
        bad |= bool(verdict.lost or verdict.doubled or verdict.wrong)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
