"""Kills things while values of two sources meet, by `zip` and by run, then looks at every pair.

Each value must be used once by each of the joins; by run, only values of the same run may meet.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowctl.errors import PublishFailed, Unavailable
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services.control import Control
from tests.chaos.checker import Verdict
from tests.chaos.runner import Killer, idle, serving, under_fire
from tests.cluster import Cluster, until

CODE = """
import os
def note(context):
    file = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (context.call_id + "\\n").encode())
    os.close(file)
def give(n, context=None):
    note(context)
    for index in range(SIZE):
        yield [os.environ["SIDE"], n, index]
def both(left, right, context=None):
    note(context)
    return [left, right]
"""
SIZE = 10
"""Values that one call of a source gives; all are of one run."""
SIDES = ("left", "right")
JOINS = ("pair.zip", "pair.run")

Value = tuple[str, int, int]
Pair = tuple[Value, Value]


def recipe(journal: Path, cpus: int) -> str:
    """Two sources, and both joins in a processor whose workers are on several hosts."""

    def made(side: str, sockets: dict[str, Any]) -> dict[str, Any]:
        return {
            "source": {"code": CODE.replace("SIZE", str(SIZE))}, "cpus": cpus, "sockets": sockets,
            "env": {"JOURNAL": str(journal), "SIDE": side},
        }  # fmt: skip

    pair = {
        "zip": {"task": "both", "join": "zip"},
        "run": {"task": "both", "join": {"mode": "zip", "by": "run"}},
    }
    processors = {side: made(side, {"give": "give"}) for side in SIDES}
    plugs = [
        {"from": f"{side}.give", "to": join, "argument": side} for side in SIDES for join in JOINS
    ]
    whole = {"processors": processors | {"pair": made("", pair)}, "plugs": plugs}
    return json.dumps({"version": 1, "network": "chaos", **whole})


@dataclass(slots=True)
class Sent:
    """What became of the two sends of one number."""

    run: RunId
    ids: tuple[CallId, CallId]
    accepted: set[CallId] = field(default_factory=set)
    is_unknown: bool = False

    def is_whole(self) -> bool:
        """Tell whether both were accepted."""
        return len(self.accepted) == len(SIDES)


class Producer(threading.Thread):
    """Sends numbers to both sources at a steady pace, and notes those that were accepted."""

    def __init__(self, control: Control, rate: float, batch: int = 5) -> None:
        super().__init__(daemon=True)
        self._control, self._pause, self._batch = control, batch * SIZE / rate, batch
        self.sent: list[Sent] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        """Send until told to stop."""
        while not self.stopping.wait(self._pause):
            self.send(self._batch)

    def send(self, count: int) -> None:
        """Send as many numbers more, and note what became of that."""
        some = [Sent(RunId(new_id()), (CallId(new_id()), CallId(new_id()))) for _ in range(count)]
        first = len(self.sent)
        self.sent += some
        messages = [
            Outgoing(
                queue=f"chaos.{side}.give",
                message=Message(id=id_, run_id=each.run, body=str(first + offset).encode()),
            )
            for offset, each in enumerate(some)
            for side, id_ in zip(SIDES, each.ids, strict=True)
        ]
        try:
            self._control.broker.publish(messages, timeout=60)
        except PublishFailed as error:
            for each in some:
                each.accepted |= set(each.ids) - error.reasons.keys()
        except Unavailable:
            for each in some:
                each.is_unknown = True
        else:
            for each in some:
                each.accepted |= set(each.ids)

    def whole(self) -> int:
        """Return how many numbers both sources accepted."""
        return sum(each.is_whole() for each in self.sent)


def wreak(
    cluster: Cluster,
    *,
    seconds: float,
    seed: int,
    rate: float = 100.0,
    pause: float = 2.0,
    outages: list[Callable[[], None]] | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Let values meet under fire for `seconds`, drain, and judge."""
    journal = cluster.home / "journal"
    (cluster.home / "recipe.yaml").write_text(recipe(journal, cpus=2))
    cluster.flowctl("apply", str(cluster.home / "recipe.yaml"), "-y")
    with cluster.control() as control:
        until(lambda: serving(control) == {*SIDES, "pair"}, "sources and joins serve")
        producer = Producer(control, rate)
        killer = Killer(cluster, seed, pause, outages or [])
        under_fire(
            producer, killer, seconds,
            lambda: say(f"{SIZE * producer.whole()} pairs accepted, {dict(killer.kills)}"),
        )  # fmt: skip
        drained = time.monotonic()
        with contextlib.suppress(AssertionError):  # the verdict says what is missing
            until(lambda: met(control, producer), "all values meet", timeout=300, pause=0.5)
        settle(control)
        say(f"drained in {time.monotonic() - drained:.1f} s after {dict(killer.kills)}")
        return judge(control, producer, journal)


def met(control: Control, producer: Producer) -> bool:
    """Tell whether there are as many pairs as must be."""
    wanted = SIZE * producer.whole()
    with contextlib.suppress(Unavailable):
        return all(finished(control, socket) >= wanted for socket in JOINS)
    return False


def finished(control: Control, socket: str) -> int:
    """Return how many calls of a socket ended well."""
    wanted = CallFilter(socket=socket, status=(CallStatus.FINISHED,), limit=1)
    return control.store.traffic.calls(wanted)[1]


def settle(control: Control) -> None:
    """Wait until nothing is on its way any more: repeats that come late must be counted, too."""
    sockets = [*(f"{side}.give" for side in SIDES), *JOINS]
    plugs = [f"{side}.give-{join}.{side}" for side in SIDES for join in JOINS]
    until(lambda: idle(control, [f"chaos.{name}" for name in sockets + plugs]), "all is quiet")


def judge(control: Control, producer: Producer, journal: Path) -> Verdict:
    """Look at every pair of both joins: what was used twice, what never, what must not meet."""
    given = [whole_sides(control, each) for each in producer.sent]
    verdict = Verdict(accepted=SIZE * producer.whole())
    verdict.unknown = SIZE * sum(each.is_unknown for each in producer.sent)
    for number, each in enumerate(producer.sent):
        verdict.lost += [f"{i} ({number})" for i in each.accepted - given[number]]
    for join in JOINS:
        pairs = pairs_of(control, producer, join)
        strange = [pair for pair in pairs if not fits(join, pair)]
        verdict.wrong += [f"{join}: {pair}" for pair in strange]
        used = Counter(value for pair in pairs for value in pair)
        verdict.doubled += [f"{join}: {value}" for value, times in used.items() if times > 1]
        missing = expected(join, producer.sent, given) - len(pairs)
        verdict.lost += [f"{join}: a pair"] * missing
    executed = Counter(journal.read_text().split()) if journal.exists() else Counter()
    verdict.executions = executed.total()
    verdict.again = executed.total() - len(executed)
    return verdict


def whole_sides(control: Control, sent: Sent) -> set[CallId]:
    """Return which of the two sources gave its values."""
    found = control.store.traffic.outcomes(sent.ids)
    return {call.id for call, _ in found if call.status is CallStatus.FINISHED}


def expected(join: str, sent: Sequence[Sent], given: Sequence[set[CallId]]) -> int:
    """Return how many pairs there must be: by run where both sides are there, else as many as fit."""
    if join == "pair.run":
        return SIZE * sum(len(sides) == len(SIDES) for sides in given)
    lefts = sum(each.ids[0] in sides for each, sides in zip(sent, given, strict=True))
    rights = sum(each.ids[1] in sides for each, sides in zip(sent, given, strict=True))
    return SIZE * min(lefts, rights)


def pairs_of(control: Control, producer: Producer, join: str) -> list[Pair]:
    """Return the pairs that a join made; each is in one of the runs that were sent."""
    return [
        (tuple(left), tuple(right))
        for each in producer.sent
        for _, result in control.store.traffic.results_of(each.run, [join])
        for left, right in [json.loads(result.body)]
    ]


def fits(join: str, pair: Pair) -> bool:
    """Tell whether two values may meet."""
    (left, one, _), (right, other, _) = pair
    return (left, right) == SIDES and (join == "pair.zip" or one == other)
