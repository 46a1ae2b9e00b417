"""The canvas of the recipe in Python; `study.py LIMIT...` sends each limit through it, all at once.

What was sent goes on if this program ends. Run it where `flowctl` runs, with the recipe applied.
"""

import json
import sys

from flowctl import Flow, funnel, parallel, pipeline, segment


def study(flow):
    """Return the canvas: patterns take sockets, and patterns, to any depth."""
    numbers, sums = flow.numbers, flow.sums
    counted = pipeline(segment(parallel(numbers.primes, numbers.twins), 4), sums.add)
    gaps = pipeline(segment(numbers.gap, 4), sums.widest)
    return pipeline(numbers.blocks, funnel([counted, gaps], sums.report))


def main(limits):
    """Send every limit, then print what came of each, in order."""
    with Flow("canvas") as flow:
        for handle in study(flow).send_many(limits):
            print(handle.id, json.dumps(handle.result()))


if __name__ == "__main__":
    main([int(limit) for limit in sys.argv[1:]] or [None])
