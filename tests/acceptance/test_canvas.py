"""Canvases over real daemons: in Python, on the command line, in recipes, through failures and kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl import CallFailed, Flow, funnel, parallel, pipeline, segment
from flowctl.model.states import CallStatus
from tests.cluster import PATIENCE, Cluster, until
from tests.stage import STEPS, Stage, stage

pytestmark = pytest.mark.process

CODE = (
    STEPS
    + '''
def inc(n):
    note(n)
    return n + 1

def add(left, right):
    return [left, right]

def total(numbers):
    return sum(numbers)

def count(n):
    yield from range(n)

def brittle(n):
    """Fail until the test opens the gate."""
    if not pathlib.Path(os.environ["JOURNAL"] + ".open").exists():
        raise ValueError(f"not {n}")
    return n
'''
)
NAMES = ("inc", "add", "total", "count", "brittle", "gated")


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("servers", marks=[pytest.mark.rabbit, pytest.mark.postgres])],
)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    urls = {}
    if request.param == "servers":
        urls["broker"] = request.getfixturevalue("rabbit_url")
        urls["state"] = request.getfixturevalue("shared_postgres").database()
    made = Cluster(tmp_path_factory.mktemp("canvas"), cpus=8, **urls).start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in made.env.items():
                if name.startswith("FLOWCTL_"):
                    patch.setenv(name, value)
            yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def played(cluster: Cluster) -> Iterator[Stage]:
    """One processor `a`, and canvases of it as processors of a recipe."""
    with stage(cluster, "sums") as made:
        processors = {
            "a": made.coded(CODE, *NAMES, cpus=2),
            "b": made.coded(CODE, *NAMES),
            "tidy": {
                "type": "pipeline",
                "steps": ["a.inc", ["b.inc", "a.inc | a.inc"], "a.total"],
            },
            "wide": {"type": "funnel", "steps": ["a.inc", "tidy.start"], "final": "b.total"},
            "weak": {"type": "pipeline", "steps": ["a.brittle"]},
        }
        made.apply(processors, ["tidy.start -> b.gated", "weak.complete !> b.inc"])
        yield made


@pytest.fixture
def scene(played: Stage) -> Stage:
    """The same for every test, with its gate closed and nothing noted."""
    Path(f"{played.journal}.open").unlink(missing_ok=True)
    played.journal.unlink(missing_ok=True)
    return played


def test_canvases_in_python(scene: Stage) -> None:
    with Flow("sums") as flow:
        a, b = flow.a, flow.b
        assert pipeline(a.inc, b.inc, a.inc)(1, timeout=PATIENCE) == 4
        assert (a.inc | parallel(a.inc, b.inc) | b.total)(1, timeout=PATIENCE) == 6
        nested = funnel([a.inc, pipeline(b.inc, parallel(a.inc, a.inc), a.total)], b.total)
        assert nested(3, timeout=PATIENCE) == 14
        cut = pipeline(a.count, segment(b.total, 4))
        assert cut(10, timeout=PATIENCE) == [6, 22, 17]
        bound = parallel(a.add.s(right=2), a.add.s(left="l"), a.add.s(1, 2))
        assert bound(7, timeout=PATIENCE) == [[7, 2], ["l", 7], [1, 2]]
        assert pipeline(a.inc, parallel())(1, timeout=PATIENCE) == []
        assert asyncio.run((a.inc | b.inc).acall(1, timeout=PATIENCE)) == 3
        assert list((a.inc | b.inc).map(range(5), timeout=PATIENCE)) == [2, 3, 4, 5, 6]
        first = (a.inc | b.inc).send(5, key="once")
        again = (a.inc | b.inc).send(5, key="once")
        assert first.id == again.id
        assert flow.handle(first.id).result(PATIENCE) == 7
        assert [call.socket for call in first.trace()] == ["pipeline", "a.inc", "b.inc"]


def test_a_thousand_branches_and_a_hundred_steps(scene: Stage) -> None:
    with Flow("sums") as flow:
        a, b = flow.a, flow.b
        wide = funnel([a.inc, b.inc] * 500, b.total).send(1)
        deep = pipeline([a.inc, b.inc] * 50).send(1)
        both = pipeline([a.inc] * 3, funnel([parallel(a.inc, b.inc) | a.total] * 100, b.total))
        assert both(1, timeout=PATIENCE) == 1000
        assert wide.result(PATIENCE) == 2000
        assert deep.result(PATIENCE) == 101


def test_canvases_on_the_command_line(scene: Stage) -> None:
    assert json.loads(scene.say("call", "a.inc | [b.inc, a.add(right=5)] ", "1")) == [3, [2, 5]]
    (root,) = scene.say("send", "a.count | segment(b.total, 4)", "10").split()
    assert json.loads(scene.say("result", root, "--wait")) == [6, 22, 17]
    assert "segment  finished" in scene.say("trace", root)
    said = scene.cluster.invoke("-n", "sums", "call", "a.inc | a.nothing", "1")
    assert said.returncode != 0
    assert "a.nothing" in said.stderr


def test_canvases_in_recipes(scene: Stage) -> None:
    scene.open_gate()
    before = len(scene.calls("b.gated"))
    (one,) = scene.send("tidy.start", [1])
    (two,) = scene.send("wide.start", [1])
    assert scene.values([one, two]) == [3 + 4, 2 + 7]
    # What came out of the canvas went over its plug; the inner one was a step, and is none.
    scene.settled("b.gated", before + 1)
    assert len(scene.calls("b.gated")) == before + 1
    assert "type: funnel" in scene.say("export")


def test_a_failure_names_its_branch_and_can_be_mended(scene: Stage) -> None:
    with Flow("sums") as flow:
        handle = parallel(flow.a.inc, flow.b.inc | flow.a.brittle, flow.b.inc).send(1)
        with pytest.raises(
            CallFailed, match=r"parallel\[1\]\.pipeline\[1\] \(a\.brittle\)"
        ) as told:
            handle.result(PATIENCE)
        assert "ValueError: not 2" in told.value.traceback
        kept = parallel(flow.a.inc, flow.a.brittle, errors="keep")(1, timeout=PATIENCE)
        assert (kept[0], kept[1]["type"]) == (2, "ValueError")
        scene.open_gate()
        scene.say("queue", "retry", "a.brittle")
        assert until(lambda: flow.handle(handle.id).done, "the canvas ends")
        until(lambda: flow.handle(handle.id).status == "finished", "the canvas ends well")
        assert flow.handle(handle.id).result(PATIENCE) == [2, 2, 2]


def test_a_canvas_of_a_recipe_is_replayed_and_another_says_how(scene: Stage) -> None:
    with Flow("sums") as flow:
        (old,) = scene.send("wide.start", [1])
        assert scene.values([old]) == [2 + 7]
        again = scene.say("replay", old, "-o", "name").strip().rpartition("/")[2]
        assert flow.handle(again).result(PATIENCE) == 2 + 7
        root = (flow.a.inc | flow.b.inc).send(1)
        assert root.result(PATIENCE) == 3
        said = scene.cluster.invoke("-n", "sums", "replay", root.id)
        assert said.returncode != 0
        assert "is a canvas (pipeline) that no recipe holds" in said.stderr
        broken = parallel(flow.a.inc, flow.a.brittle).send(1)
        until(lambda: flow.handle(broken.id).done, "it fails")
        said = scene.cluster.invoke("-n", "sums", "errors", "retry", broken.id)
        assert "replay or retry a step of it" in said.stderr
        scene.open_gate()
        scene.say(
            "errors",
            "retry",
            *(c.id for c in scene.calls("", CallStatus.FAILED) if c.run_id == broken.id),
        )
        until(lambda: flow.handle(broken.id).status == "finished", "its step mends it")


def test_a_cancelled_canvas_ends(scene: Stage) -> None:
    with Flow("sums") as flow:
        handle = parallel(flow.a.gated, flow.a.inc).send(1)
        scene.await_executions(2)
        until(lambda: scene.calls("a.gated", CallStatus.RUNNING), "it runs")
        handle.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            handle.result(PATIENCE)
        until(lambda: scene.calls("a.gated", CallStatus.CANCELLED), "what ran of it was ended")


CLIENT = """
import os, signal
from flowctl import Flow, funnel, pipeline
with Flow("sums") as flow:
    print(funnel([pipeline([flow.a.inc] * 5)] * 40, flow.b.total).send(1).id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_everybody_may_die(scene: Stage) -> None:
    """The client dies right after its send, then workers, agent and scheduler do."""
    found = subprocess.run(
        [sys.executable, "-c", CLIENT], capture_output=True, text=True, check=False
    )
    assert found.returncode == -signal.SIGKILL, found.stderr
    for _ in range(2):
        for processor in ("a", "b"):
            for pid in scene.pids(processor).values():
                os.kill(pid, signal.SIGKILL)
        for daemon in scene.cluster.daemons.values():
            daemon.kill()
    with Flow("sums") as flow:
        assert flow.handle(found.stdout.strip()).result(PATIENCE * 2) == 240
        steps = [
            call for call in flow.handle(found.stdout.strip()).trace() if call.socket == "a.inc"
        ]
    assert len(steps) == 200  # each of them once
    assert {call.status for call in steps} == {CallStatus.FINISHED}
