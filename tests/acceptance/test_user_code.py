"""User code does its worst: every way to fail is a recorded failure, and the worker goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowctl.model.states import CallStatus, DeploymentStatus, ProcessorStatus
from flowctl.model.traffic import Call
from tests.cluster import Cluster, until
from tests.stage import Stage, stage

pytestmark = pytest.mark.process

MISCHIEF = '''
import asyncio, ctypes, math, os, sys, threading, time

def raises(n):
    raise ValueError(f"no {n}")

def segfaults(n):
    ctypes.string_at(0)

def leaves(n):
    os._exit(3)

def exits(n):
    sys.exit("enough")

def loops(n):
    while True:
        pass

def prints(n):
    for _ in range(200):
        print("x" * (1 << 20))
    print("the end")
    return n

def floods(n):
    """Past sys.stdout, straight to the descriptor."""
    for _ in range(200):
        os.write(1, b"y" * (1 << 20))
    return n

def nan(n):
    return math.nan

def odd(n):
    return {1, 2}

def deep(n):
    value = []
    for _ in range(100_000):
        value = [value]
    return value

def eats(n):
    return len(bytearray(1 << 31))

def forks(n):
    if os.fork() == 0:
        time.sleep(600)
    return n

def closes(n):
    os.closerange(0, 1024)
    return n

def threads(n):
    threading.Thread(target=time.sleep, args=(600,)).start()
    return n

async def waits(n):
    await asyncio.sleep(0.01)
    return n + 1

def fine(n):
    return n
'''
NAMES = (
    "raises", "segfaults", "leaves", "exits", "loops", "prints", "floods", "nan", "odd", "deep",
    "eats", "forks", "closes", "threads", "waits", "fine",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("code"), cpus=16)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def net(cluster: Cluster) -> Iterator[Stage]:
    with stage(cluster, "code") as made:
        made.apply({"a": made.coded(MISCHIEF, *NAMES, timeout="4s", memory="1G", cpus=2)})
        worker = made.pids("a")
        yield made
        assert made.pids("a") == worker, "user code took its worker down"


def outcome(net: Stage, socket: str) -> Call:
    (call,) = net.ended(net.send(f"a.{socket}", [7])).values()
    assert net.values(net.send("a.fine", [1])) == [1]
    return call


@pytest.mark.parametrize(
    ("socket", "kind", "message", "attempt"),
    [
        ("raises", "ValueError", "no 7", 1),
        ("segfaults", "killed", "the executor was ended by SIGSEGV", 3),
        ("leaves", "killed", "the executor exited with 3 in the middle of the call", 3),
        ("exits", "SystemExit", "enough", 1),
        ("loops", "timeout", "it ran longer than 4 s", 1),
        ("nan", "result", "the result cannot be sent as JSON", 1),
        ("odd", "result", "the result cannot be sent as JSON", 1),
        ("deep", "result", "the result cannot be sent as JSON", 1),
        ("eats", "MemoryError", "", 1),
        ("closes", "killed", "", 3),
    ],
)
def test_it_fails_as_what_it_was(
    net: Stage, socket: str, kind: str, message: str, attempt: int
) -> None:
    call = outcome(net, socket)
    assert call.status is CallStatus.FAILED
    assert call.failure is not None
    assert (call.failure.type, call.attempt) == (kind, attempt)
    assert message in call.failure.message
    dead = net.control.broker.peek(f"code.a.{socket}.dead")
    assert [(m.id, m.reason[: len(kind)]) for m in dead] == [(call.id, kind)]


def test_a_traceback_shows_the_line_of_the_user(net: Stage) -> None:
    failed = net.cluster.invoke("-n", net.name, "call", "a.raises", "8")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert 'raise ValueError(f"no {n}")' in failed.stderr
    assert "executor.py" not in failed.stderr
    assert "a.raises failed: ValueError: no 8" in failed.stderr
    assert "no 8" in net.say("errors", "a", "--full")


def test_200_megabytes_of_output_are_cut_with_a_word_on_it(net: Stage) -> None:
    call = outcome(net, "prints")
    assert call.status is CallStatus.FINISHED
    printed = net.control.store.traffic.call(call.id).output
    assert 60_000 < len(printed) < 200_000
    assert "not kept" in printed
    assert "not kept" in net.say("show", "call", call.id)
    assert outcome(net, "floods").status is CallStatus.FINISHED


@pytest.mark.parametrize(("socket", "result"), [("waits", 8), ("forks", 7), ("threads", 7)])
def test_it_may(net: Stage, socket: str, result: int) -> None:
    assert net.value(outcome(net, socket).id) == result


def test_what_is_no_json_is_refused_before_it_is_sent(net: Stage) -> None:
    refused = net.cluster.invoke("-n", net.name, "send", "a.fine", "{'a': 1}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not JSON" in refused.stderr


def test_code_that_cannot_be_imported_burns_no_message(cluster: Cluster) -> None:
    with stage(cluster, "imports") as net:
        file = net.write(
            {"a": net.coded("import nothing_of_this_name\ndef f(n):\n    return n", "f")}
        )
        refused = cluster.invoke("apply", str(file), "-y", "--wait", "--timeout", "60s")
        assert refused.returncode == 5, refused.stderr
        assert "No module named 'nothing_of_this_name'" in refused.stderr
        ids = net.send("a.f", [1, 2, 3])

        def error() -> str:
            (found,) = net.control.store.fleet.deployments("imports")
            return found.reason if found.status is DeploymentStatus.ERROR else ""

        assert "Traceback" in until(error, "the deployment is in error")
        broken = net.until_processor(
            "a", lambda a: a.status is ProcessorStatus.ERROR, "is in error"
        )
        assert "nothing_of_this_name" in broken.error
        assert "ModuleNotFoundError" in net.say("ls", "deployments")
        why = net.say("why", "a")
        assert "No module named 'nothing_of_this_name'" in why
        assert cluster.invoke("status").returncode == 8
        assert net.ready("a.f") == 3
        net.apply({"a": net.coded("def f(n):\n    return n * 2", "f")})
        assert net.values(ids) == [2, 4, 6]
        assert {call.attempt for call in net.calls("a.f")} == {1}


def test_a_function_that_is_missing_is_named(cluster: Cluster) -> None:
    with stage(cluster, "missing") as net:
        (cluster.home / "lib_missing.py").write_text("def rows(n): return n\ndel rows\n")
        source = {"path": str(cluster.home), "module": "lib_missing"}
        file = net.write({"a": {"source": source, "sockets": {"rows": "rows"}}})
        refused = cluster.invoke("apply", str(file), "-y", "--wait", "--timeout", "60s")
        assert refused.returncode == 5
        assert '"rows" is not in module lib_missing' in refused.stderr


def test_code_is_changed_without_losing_what_waits(cluster: Cluster) -> None:
    with stage(cluster, "change") as net:
        net.apply({"a": net.coded("def f(n):\n    return [n, 1]", "f")})
        before = net.send("a.f", [0, 1])
        assert net.values(before) == [[0, 1], [1, 1]]
        net.apply({"a": net.coded("def f(n):\n    return [n, 2]", "f")})
        assert net.values(net.send("a.f", [2])) == [[2, 2]]
        plan = net.say(
            "plan", str(net.write({"a": net.coded("def f(n):\n    return [n, 2]", "f")}))
        )
        assert "change" in plan
