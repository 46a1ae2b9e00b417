"""How long pictures take: layout and painting of large graphs, repainting of numbers, and how much
moves when a vertex is added.

`python tests/bench/bench_graph.py [SEED]`; prints, asserts nothing. Milliseconds of this process's
own processor time, the best of several, so that a busy machine tells the same.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from flowctl.graph.build import Graph
from flowctl.graph.labels import Level
from flowctl.graph.layout import Orient
from flowctl.graph.picture import Options, draw, text
from tests.drawings import R1, graph, overlay


def flow(vertices: int, rng: random.Random) -> Graph:
    """Return a flow as people build them: lanes of steps, branches, joins, a few long ways back,
    errors that go to one place in every lane.
    """
    arrows: list[str] = []
    for number in range(1, vertices):
        near = max(0, number - rng.choice((1, 1, 1, 2, 4, 10)))
        arrows.append(f"v{near}>v{number}")
    for _ in range(vertices // 4):
        first = rng.randrange(vertices - 1)
        arrows.append(f"v{first}>v{min(vertices - 1, first + rng.randint(1, 12))}")
    back = [f"v{number}>v{number - rng.randint(3, 20)}" for number in range(40, vertices, 40)]
    return graph(*arrows, *back)


def wide(vertices: int, rng: random.Random) -> Graph:
    """Return a flow of eight layers, each far wider than any that people build."""
    per = vertices // 8
    arrows = [f"v{n}>v{(n // per + 1) * per + rng.randrange(per)}" for n in range(7 * per)]
    arrows += [f"v{rng.randrange(per)}>v{per + rng.randrange(7 * per)}" for _ in range(per)]
    return graph(*[f"v{n}" for n in range(vertices)], *arrows)


def best(act, times=5):
    spent = []
    value = None
    for _ in range(times):
        began = time.process_time()
        value = act()
        spent.append(time.process_time() - began)
    return 1000 * min(spent), value


def report(name, milliseconds, more=""):
    print(f"{name:44} {milliseconds:8.1f} ms  {more}")


def size(drawing):
    layout = drawing.layout
    return f"{layout.width} x {layout.height} cells, {layout.crossings} crossings"


def moved(vertices, rng, tries=20):
    """Return the part of pairs of a layer that change their order when a vertex is added."""
    flips = pairs = 0
    for _ in range(tries):
        before = flow(vertices, rng)
        old = draw(before, Options(orient=Orient.LR)).layout
        arrows = [f"{edge.source}>{edge.target}" for edge in before.edges]
        near = rng.randrange(vertices)
        after = graph(*arrows, f"v{near}>new", f"new>v{min(vertices - 1, near + 5)}")
        new = draw(after, Options(orient=Orient.LR), seed=old.order).layout
        for one in old.boxes:
            for two in old.boxes:
                if one < two and old.boxes[one].x == old.boxes[two].x:
                    pairs += 1
                    was = old.boxes[one].y < old.boxes[two].y
                    flips += was is not (new.boxes[one].y < new.boxes[two].y)
    return flips, pairs


def main():
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    reference = graph(*R1)
    for name, options in (
        ("reference, as it likes", Options(live=True)),
        ("reference in 60 x 24", Options(width=60, height=24, live=True)),
        ("reference in 160", Options(width=160)),
    ):
        spent, drawing = best(lambda options=options: draw(reference, options))
        report(name, spent, f"{size(drawing)}, {drawing.level}")
    for count in (30, 100, 300, 1000):
        for make in (flow, wide):
            big = make(count, rng)
            numbers = overlay(big)
            for orient in Orient:
                options = Options(orient=orient, live=True, level=Level.RATE)
                spent, drawing = best(lambda big=big, options=options: draw(big, options), 3)
                name = f"{count} vertices, {len(big.edges)} edges, {make.__name__}, {orient}"
                report(name, spent, size(drawing))
                again, _ = best(lambda drawing=drawing, numbers=numbers: text(drawing, numbers))
                report("  all numbers again", again)
    for count in (12, 30, 100):
        flips, pairs = moved(count, rng)
        print(f"{count} vertices and one more: {flips} of {pairs} pairs in a layer change order")


if __name__ == "__main__":
    main()
