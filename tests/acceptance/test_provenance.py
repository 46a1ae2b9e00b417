"""What happened can be followed, and run once more: joins that wait, failures, replays, lifecycles."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowctl.model.states import CallStatus
from flowctl.services import queues
from tests.cluster import Cluster, until
from tests.stage import STEPS, Stage, stage

pytestmark = pytest.mark.process

WORK = """
def half(n):
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n // 2

def strict(n):
    if n == "bad":
        raise KeyError("mend me")
    return [n]

def keep(value):
    return value

def pair(left, right):
    if left == right:
        raise ValueError("twins")
    return [left, right]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("provenance"), cpus=8)
    try:
        yield made.start()
    finally:
        made.stop()


def items(net: Stage, *words: str) -> list[dict[str, Any]]:
    """What a command lists."""
    return list(json.loads(net.say(*words, "-o", "json"))["items"])


def test_calls_run_again_as_they_were_or_with_another_input(cluster: Cluster) -> None:
    with stage(cluster, "again") as net:
        net.apply(
            {"a": net.coded(WORK, "half", "strict", "keep", "pair")},
            [
                "a.half -> a.keep",
                "a.half !> a.strict",
                {"from": "a.strict", "to": "a.pair", "argument": "right"},
            ],
        )
        (sent,) = net.send("a.half", [8])
        assert net.values([sent]) == [4]
        (again,) = net.say("replay", sent).split()
        (other,) = net.say("replay", sent[:12], "--input", "[1", "--text").split()
        assert net.values([again]) == [4]
        assert net.call(again).run_id == again, "a replay is a run of its own"
        assert f"replays {sent[:12]}" in net.say("trace", again)
        tree = json.loads(net.say("trace", sent, "-o", "json"))["calls"]
        assert [each["socket"] for each in tree] == ["a.half", "a.keep"]
        assert all(each["waited"] > 0 for each in tree), "the child waited since its parent ended"
        assert f"replayed as {again[:12]} in run {again[:12]}" in net.say("trace", sent)
        assert [each["call"] for each in json.loads(net.say("trace", sent, "-o", "json"))["again"]] == [
            again, other,
        ]  # fmt: skip
        shown = json.loads(net.say("show", "call", again, "-o", "json"))
        assert (shown["input"], shown["replays"]) == (8, sent)

        # What no ERROR plug takes comes back as the same call, from the dead letters.
        bad = net.send("a.strict", ["bad", "bad", "bad"])
        assert {call.status for call in net.ended(bad).values()} == {CallStatus.FAILED}
        until(lambda: net.ready("a.strict.dead") == 3, "three dead letters")
        assert net.say("errors", "retry", bad[0], "--input", '"good"').split() == [bad[0]]
        assert net.values(bad[:1]) == [["good"]]
        assert net.ready("a.strict.dead") == 2
        cluster.env["EDITOR"] = "sed -i s/bad/fine/"
        assert net.say("errors", "retry", bad[1][:10], "--edit").split() == [bad[1]]
        assert net.values(bad[1:2]) == [["fine"]]
        shown = json.loads(net.say("errors", "show", bad[2], "-o", "json"))
        assert (shown["input"], shown["failure"]["type"]) == ("bad", "KeyError")
        net.say("errors", "rm", bad[2])
        assert net.call(bad[2]) is None
        assert net.ready("a.strict.dead") == 0

        # What an ERROR plug took runs again as a new call of the same run.
        odd = net.send("a.half", [3, 5])
        net.ended(odd)
        taken = [each["id"] for each in items(net, "errors", "a", "--type", "ValueError")]
        assert sorted(taken) == sorted(odd), "the text failed with a TypeError"
        (mended,) = net.say("errors", "retry", odd[0], "--input", "10").split()
        assert net.values([mended]) == [5]
        assert net.call(mended).run_id == odd[0]
        assert f"replayed as {mended[:12]}" in net.say("trace", odd[0])
        both = net.say("errors", "retry", "--type", "ValueError", "--socket", "a.half").split()
        assert len(both) == 2
        assert {call.status for call in net.ended(both).values()} == {CallStatus.FAILED}

        # The value of a failure's path waits in a join, and is seen there.
        until(lambda: items(net, "ls", "tasks"), "the functions are on record")
        (join,) = items(net, "ls", "joins")
        assert (join["socket"], list(join["waiting"]), join["missing"]) == (
            "a.pair", ["right"], ["left"],
        )  # fmt: skip
        assert items(net, "ls", "calls", "--processor", "a")
        net.say("delete", "calls", "--processor", "nobody", "-y")
        assert net.call(sent) is not None
        refused = cluster.invoke("-n", "again", "errors", "retry", sent)
        assert refused.returncode == 5
        assert "did not fail" in refused.stderr


def test_what_a_join_fired_runs_again_with_all_its_arguments(cluster: Cluster) -> None:
    with stage(cluster, "twins") as net:
        net.apply({"a": net.coded(WORK, "pair")})
        pairs = ("--arg", "left=1", "--arg", "right=1")
        first, second = net.say("send", "a.pair", *pairs).split()
        (failed,) = until(lambda: net.calls("a.pair", CallStatus.FAILED), "the pair fails")
        until(lambda: net.ready("a.pair.dead") == 1, "it is in the dead letters")
        (again,) = net.say(
            "errors", "retry", failed.id, "--input", '{"left": 1, "right": 2}'
        ).split()
        assert again == failed.id
        assert net.values([failed.id]) == [[1, 2]]
        (replayed,) = net.say("replay", failed.id).split()
        assert net.values([replayed]) == [[1, 2]]
        assert items(net, "ls", "joins") == []
        assert {first, second} - {failed.id}, "the other value went into the call"
        joined = ({first, second} - {failed.id}).pop()
        refused = cluster.invoke("-n", "twins", "replay", joined)
        assert "went into another call" in refused.stderr


LIVES = """
import time

def flaky(n, context=None):
    if context.attempt == 1 and n == 3:
        raise OSError("not yet")
    return n

def slow(n, emit):
    emit("data", {"at": "once"})
    time.sleep(2.5)
    emit("log", f"{n} is nearly done")
    return n
"""


def test_every_step_of_every_call_is_told_once(cluster: Cluster) -> None:
    with stage(cluster, "lives") as net:
        retry = {"max": 1, "backoff": "100ms"}
        net.apply({"a": net.coded(LIVES, "flaky", "slow", retry=retry, cpus=4)})
        before = str(net.control.store.events.mark())
        ids = net.send("a.flaky", list(range(40)))
        (late,) = net.send("a.slow", [1])
        net.ended([*ids, late])

        with listening(net, "listen", "a.task", "--since", before) as heard:
            told = [heard() for _ in range(3 * 41 + 3)]
        assert {each["version"] for each in told} == {1}
        assert {each["channel"] for each in told} == {"a.task"}
        steps = Counter((each["name"], each["attempt"], each["action"]) for each in told)
        assert set(steps.values()) == {1}
        assert len(steps) == 3 * 42, "41 calls, and a second attempt at one"
        ended = Counter(each["status"] for each in told if each["action"] == "postrun")
        assert ended == {"finished": 41, "retrying": 1}
        mine = [each for each in told if each["name"] == late]
        assert [each["action"] for each in mine] == ["received", "prerun", "postrun"]
        assert len({each["id"].rpartition(".")[0] for each in mine}) == 2, "told when it began"

        with listening(net, "listen", "a.data", "a.log", "--since", before) as heard:
            said = [heard() for _ in range(2)]
        assert [(each["channel"], each["data"]) for each in said] == [
            ("a.data", {"at": "once"}),
            ("a.log", "1 is nearly done"),
        ]
        assert {each["name"] for each in said} == {late}

        # Whoever goes on after an id gets the rest, nothing twice.
        half = told[len(told) // 2]
        with listening(net, "listen", "task", "--since", half["id"]) as heard:
            assert heard() == told[len(told) // 2 + 1]
        with listening(net, "events", "-f", "network", "lives") as heard:
            assert heard()["action"] == "added"


def test_a_renamed_plug_takes_along_what_waits(cluster: Cluster) -> None:
    with stage(cluster, "names") as net:

        def waiting(plug: str) -> int:
            return sum(queues.waiting(net.control, [f"names.{plug}"]).values())

        net.apply(
            {"a": net.coded(STEPS, "step"), "b": net.coded(STEPS, "step")}, ["a.step -> b.step"]
        )
        net.say("stop", "b", "--wait", "--timeout", "60s")
        net.values(net.send("a.step", list(range(20))))
        until(lambda: net.ready("a.step-b.step") == 20, "they wait before the stopped b")
        said = cluster.invoke("-n", "names", "update", "plug", "a.step-b.step", "--name", "first")
        assert said.returncode == 0, said.stderr
        until(lambda: waiting("first") == 20, "they wait in the other queue")

        # Killed between the new name and the move, the scheduler does the rest.
        env = {**cluster.env, "FLOWCTL_FAILPOINT": "plug.renamed:kill"}
        line = [sys.executable, "-m", "flowctl", "-n", "names", "update", "plug", "first"]
        done = subprocess.run([*line, "--name", "second"], env=env, check=False)
        assert done.returncode == -signal.SIGKILL
        until(lambda: waiting("second") == 20, "the scheduler moves what was left")
        held = net.control.broker.peek("names.second", limit=30)
        assert [json.loads(message.body) for message in held] == list(range(20))
        net.values(net.send("a.step", [20]))
        net.say("start", "b", "--wait", "--timeout", "60s")
        assert len(net.settled("b.step", 21)) == 21
        assert {call.plug for call in net.calls("b.step")} == {"a.step-b.step", "second"}


@contextlib.contextmanager
def listening(net: Stage, *words: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run a command that follows, and give what reads its next document."""
    line = [sys.executable, "-m", "flowctl", "-n", net.name, *words]
    with subprocess.Popen(line, env=net.cluster.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield lambda: json.loads(process.stdout.readline())  # type: ignore[union-attr]
        finally:
            process.terminate()
