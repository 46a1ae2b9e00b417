"""What is to be reached, held against what was measured in the same run, in plain words."""

from __future__ import annotations

from typing import NamedTuple

from tests.bench.race.course import Course, Line

GOAL = 1.0
OURS, EMBEDDED = "flowctl, RabbitMQ + Postgres", "flowctl, embedded"
CELERY, DRAMATIQ = "Celery, results in Postgres", "Dramatiq, results in Redis, 8 threads"


class Verdict(NamedTuple):
    """One goal, and what became of it."""

    what: str
    value: float
    goal: float
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def __str__(self) -> str:
        word = "met" if self.is_met else "NOT MET"
        sign = "<=" if self.at_most else ">="
        return f"{word:8} {self.what}: {_shown(self.value)} (goal {sign} {_shown(self.goal)})"


def verdicts(course: Course) -> list[Verdict]:
    """Return every goal whose figures were measured."""
    found = [
        _goal(course, "calls/s, one hop, RabbitMQ + Postgres, one executor", (OURS, "1"), 4000),
        _goal(course, "the same, two executors", (OURS, "2"), 4000),
        _ratio(course, "one hop against Celery with Postgres results", "1", CELERY, 25),
        _ratio(course, "one hop against Dramatiq with Redis results", "1", DRAMATIQ, 3.5),
        _goal(course, "calls/s, one hop, embedded", (EMBEDDED, "1"), 3000),
        _ratio(course, "two-stage flows against Celery with Postgres results", "flows", CELERY, 25),
        _ratio(course, "two-stage flows against Dramatiq", "flows", DRAMATIQ, 3.5),
        _trip(course, 0.5, 4),
        _trip(course, 0.99, 12),
        _goal(course, "confirmed sends/s from Python", ("flowctl, sends", "python"), 5000),
        _goal(course, "confirmed sends/s, `send --each`", ("flowctl, sends", "shell"), 3000),
        _goal(course, "makespan of mixed calls over the ideal", (OURS, "makespan"), 1.15, True),
        _quicker(course, "a funnel of 1,000 against Celery's chord", "wide"),
        _quicker(course, "a pipeline of 100 against Celery's chain", "deep"),
        _gain(course, "5 ms"),
        _gain(course, "20 ms"),
    ]
    return [verdict for verdict in found if verdict is not None]


def _goal(
    course: Course, what: str, where: tuple[str, str], goal: float, at_most: bool = False
) -> Verdict | None:
    value = _line(course, where[0]).median(where[1])
    return None if value is None else Verdict(what, value, goal, at_most)


def _ratio(course: Course, what: str, figure: str, peer: str, goal: float) -> Verdict | None:
    ours, theirs = _line(course, OURS).median(figure), _line(course, peer).median(figure)
    return None if ours is None or theirs is None else Verdict(what, ours / theirs, goal)


def _quicker(course: Course, what: str, figure: str) -> Verdict | None:
    ours, theirs = _line(course, OURS).median(figure), _line(course, CELERY).median(figure)
    return (
        None
        if ours is None or theirs is None
        else Verdict(f"{what}, times as fast", theirs / ours, GOAL)
    )


def _trip(course: Course, share: float, goal: float) -> Verdict | None:
    value = _line(course, OURS).percentile("trip", share)
    what = f"round trip, p{100 * share:.0f}, ms"
    return None if value is None else Verdict(what, 1000 * value, goal, at_most=True)


def _gain(course: Course, cost: str) -> Verdict | None:
    line = _line(course, "flowctl, cpu-bound")
    one, two = line.median(f"{cost}, 1"), line.median(f"{cost}, 2")
    what = f"two executors against one, calls of {cost} of cpu"
    return None if one is None or two is None else Verdict(what, two / one, 1.85)


def _line(course: Course, name: str) -> Line:
    return course.lines.get(name) or Line(name, "")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
