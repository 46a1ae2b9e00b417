"""The race: who runs, in which order, and the table that comes of it.

The machine is noisy, so the systems take turns, round after round, and the middle of their rounds
counts. Only ratios within one run say something.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.race.flow import WORKERS, FlowSystem
from tests.bench.race.marks import Marks, idle, makespan
from tests.bench.race.peers import Peer
from tests.cluster import Cluster
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer

FULL = "quorum queue, confirms, result and outputs in SQL first, acked last, each id once"
EMBEDDED = "the same on SQLite (synchronous=full) and the embedded broker"
SAFE = "quorum queue, confirms, acked late, result in SQL; a repeat runs and overwrites"
REDIS = "quorum queue, confirms, acked late; result in Redis memory"
CONFIRMED = "classic queue, confirms, acked late; result in Redis memory"
BARE = "classic queue, no confirms, no results"

TRIPS = 200
NAPS = 240
"""Calls for fairness: about a minute of work for four, so that the last long one does not decide."""
WIDE, DEEP = 1000, 100
NAPPERS = ("Celery, results in Postgres", "Dramatiq, results in Redis, 8 threads")
PACE = {"servers": 4000.0, "embedded": 3000.0}
"""About how many calls a second flowctl takes: a run is made as long as wanted."""


@dataclass(slots=True)
class Line:
    """One line of the table: everything measured of one system."""

    name: str
    guarantees: str
    figures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def median(self, what: str) -> float | None:
        """Return the middle of what the rounds gave."""
        return statistics.median(self.figures[what]) if self.figures.get(what) else None

    def percentile(self, what: str, share: float) -> float | None:
        """Return the value below which this share of all lies."""
        found = sorted(self.figures.get(what, ()))
        return found[min(len(found) - 1, int(len(found) * share))] if found else None


@dataclass(slots=True)
class Course:
    """The servers and everybody who runs on them."""

    servers: FlowSystem
    embedded: FlowSystem
    peers: list[Peer]
    seconds: float
    rounds: int
    lines: dict[str, Line] = field(default_factory=dict)

    def note(self, name: str, guarantees: str, what: str, *values: float) -> None:
        """Keep what was measured."""
        line = self.lines.setdefault(name, Line(name, guarantees))
        line.figures[what] += values

    def count(self, pace: float) -> int:
        """Return how many calls make a run of the wanted length."""
        return max(100, int(pace * self.seconds))


@contextmanager
def laid_out(home: Path, seconds: float, rounds: int) -> Iterator[Course]:
    """Start the servers, flowctl on both pairs, and name the peers."""
    with ExitStack() as stack:
        rabbit, postgres, redis = RabbitServer(), PostgresServer(careful=True), RedisServer()
        for server in (rabbit, postgres, redis):
            stack.callback(server.close)
            server.start()
        home.chmod(0o755)
        on_servers = {"state": postgres.database(), "broker": rabbit.url}
        yield Course(
            servers=_flowctl(stack, home / "servers", on_servers),
            embedded=_flowctl(stack, home / "embedded", {}),
            peers=_peers(home, rabbit, postgres.database(), redis.url),
            seconds=seconds,
            rounds=rounds,
        )


def _flowctl(stack: ExitStack, home: Path, urls: dict[str, str]) -> FlowSystem:
    home.mkdir()
    cluster = Cluster(home, agents=WORKERS, cpus=32, env={"FLOWCTL_NETWORK": "race"}, **urls)
    stack.callback(cluster.stop)
    control = stack.enter_context(cluster.start().control())
    made = FlowSystem(cluster, control, Marks(home / "marks"))
    made.apply()
    return made


def _peers(home: Path, rabbit: RabbitServer, database: str, redis: str) -> list[Peer]:
    sql = "db+" + database.replace("postgresql://", "postgresql+psycopg2://")
    celery, dramatiq = "celery", "dramatiq"

    def peer(
        name: str, guarantees: str, program: str, results: str, pace: float, file: str
    ) -> Peer:
        return Peer(name, guarantees, program, rabbit.url, results, Marks(home / file), pace)

    return [
        peer("Celery, results in Postgres", SAFE, celery, sql, 180, "celery-sql"),
        peer("Celery, results in Redis", REDIS, celery, redis, 600, "celery-redis"),
        peer("Dramatiq, results in Redis, 8 threads", CONFIRMED, dramatiq, redis, 1200, "dramatiq"),
        peer("Dramatiq, no results, 8 threads", BARE, dramatiq, "", 1700, "dramatiq-bare"),
    ]


def measure(home: Path, seconds: float, rounds: int) -> list[tuple[str, Any, str]]:
    """Run the race, print its table and what became of the goals, and return all figures."""
    from tests.bench.race.goals import verdicts

    with laid_out(home, seconds, rounds) as course:
        run(course)
    print(table(course), flush=True)
    for verdict in verdicts(course):
        print(verdict)
    return [
        (f"{line.name}: {what}", value, line.guarantees)
        for line in course.lines.values()
        for what, value in figures(line)
    ]


def figures(line: Line) -> Iterator[tuple[str, float]]:
    """Return the middle of every figure of a line, round trips in milliseconds."""
    for what in line.figures:
        if what != "trip":
            yield what, line.median(what) or 0.0
    for share in (0.5, 0.99):
        if line.figures.get("trip"):
            yield f"round trip p{100 * share:.0f}, ms", _ms(line.percentile("trip", share)) or 0.0


# What is measured


def hops(course: Course) -> None:
    """One durable hop: no-op calls a second with one and with two processes."""
    for system, name, guarantees in _ours(course):
        count = course.count(PACE[name])
        label = _label(name)
        course.note(label, guarantees, "1", system.rate("one", count))
        course.note(label, guarantees, "2", system.rate("two", count))
        course.note(label, guarantees, "flows", system.flows(count // 2))
    for peer in course.peers:
        count = course.count(peer.pace)
        course.note(peer.name, peer.guarantees, "1", peer.rate(count))
        course.note(peer.name, peer.guarantees, "2", peer.rate(2 * count, 2))
        course.note(peer.name, peer.guarantees, "flows", peer.flows(max(100, count // 3)))


def trips(course: Course) -> None:
    """The round trip of one call to an idle worker."""
    for system, name, guarantees in _ours(course):
        course.note(_label(name), guarantees, "trip", *system.trips(TRIPS))
    for peer in course.peers:
        if peer.has_results:
            course.note(peer.name, peer.guarantees, "trip", *peer.trips(TRIPS))


def lighter(course: Course) -> None:
    """What it brings to record less; joins; sends."""
    system, count = course.servers, course.count(PACE["servers"])
    for track in ("errors", "none"):
        course.note("flowctl, track", FULL, track, system.rate(track, count))
    course.note("flowctl, joins", FULL, "pairs", system.pairs(count // 3))
    course.note("flowctl, sends", FULL, "python", system.sent(count))
    course.note("flowctl, sends", FULL, "shell", system.sent_by_shell(count))


def burning(course: Course) -> None:
    """Calls that use a cpu: what a second executor brings."""
    system = course.servers
    for cost in (0.005, 0.02):
        for processor, executors in (("burn1", 1), ("burn2", 2)):
            count = int(executors * course.seconds / cost)
            rate = system.burnt(processor, cost, count)
            course.note("flowctl, cpu-bound", FULL, f"{1000 * cost:.0f} ms, {executors}", rate)


def fairness(course: Course) -> None:
    """Four workers and calls of 1 ms to 2 s, mixed: who waits while others hoard."""
    dice = random.Random(7)
    naps = [round(0.001 * 2000 ** dice.random(), 4) for _ in range(NAPS)]
    ideal = max(sum(naps) / WORKERS, *naps)
    found = {"flowctl": (FULL, course.servers.naps(naps))}
    for peer in course.peers:
        if peer.name in NAPPERS:
            found[peer.name] = (peer.guarantees, peer.naps(naps, WORKERS))
    for name, (guarantees, seen) in found.items():
        label = _label("servers") if name == "flowctl" else name
        course.note(label, guarantees, "makespan", makespan(seen) / ideal)
        course.note(label, guarantees, "idle", idle(seen, WORKERS))


def canvases(course: Course) -> None:
    """Calls made of calls: a fan-in of a thousand, and a hundred in a row."""
    for what, size in (("wide", WIDE), ("deep", DEEP)):
        ours: Callable[[int], float] = getattr(course.servers, what)
        course.note(_label("servers"), FULL, what, ours(size))
        for peer in course.peers:
            if peer.program == "celery":
                course.note(peer.name, peer.guarantees, what, peer.timed(what, size))


PARTS: tuple[Callable[[Course], None], ...] = (hops, trips, lighter, burning, fairness, canvases)


def _ours(course: Course) -> list[tuple[FlowSystem, str, str]]:
    return [(course.servers, "servers", FULL), (course.embedded, "embedded", EMBEDDED)]


def _label(name: str) -> str:
    return "flowctl, RabbitMQ + Postgres" if name == "servers" else "flowctl, embedded"


def run(course: Course) -> None:
    """Measure everything, round after round."""
    for number in range(course.rounds):
        for part in PARTS:
            part(course)
            print(f"  round {number + 1} of {course.rounds}: {part.__name__} measured", flush=True)


# What is shown

HEADERS = [
    "system", "tasks/s, 1 process", "2 processes", "two-stage flows/s",
    "round trip p50 ms", "p99 ms", "makespan / ideal", "idle s", "1,000 wide s", "100 deep s",
]  # fmt: skip


def table(course: Course) -> str:
    """Return the table of all systems, and below it what each promises."""
    shown = [
        line
        for line in course.lines.values()
        if line.median("1") or line.median("makespan") or line.median("wide")
    ]
    rows = [
        [
            line.name,
            *(line.median(what) for what in ("1", "2", "flows")),
            *(_ms(line.percentile("trip", share)) for share in (0.5, 0.99)),
            line.median("makespan"),
            line.median("idle"),
            line.median("wide"),
            line.median("deep"),
        ]
        for line in shown
    ]
    formats = ("", ",.0f", ",.0f", ",.0f", ".1f", ".1f", ".2f", ".1f", ".1f", ".1f")
    text = tabulate(rows, HEADERS, tablefmt="github", floatfmt=formats, missingval="-")
    promises = "\n".join(f"  {line.name}: {line.guarantees}" for line in shown)
    return f"{text}\n\n{promises}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
