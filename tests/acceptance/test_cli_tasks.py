"""Functions from the shell: their code, other code in its place, pipes through them, many hosts of one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import PATIENCE, Cluster, until
from tests.stage import Stage, stage

pytestmark = pytest.mark.process

CODE = '''\
def double(n):
    """Twice as much."""
    return n * 2


def add(n, by=1, *rest, **more):
    return n + by


def fail(n):
    raise ValueError(f"no {n}")


def shout(text):
    return text.upper()


async def many(n):
    for each in range(n):
        yield each
'''
OTHER = "def double(n):\n    return n * 1000\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("tasks"), cpus=8).start()
    yield made
    made.stop()


def shell(net: Stage, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of sh, in which `flowctl` is ours and speaks of this network."""
    program = f"flowctl() {{ '{sys.executable}' -m flowctl -n {net.name} \"$@\"; }}\n{line}"
    return subprocess.run(
        ["sh", "-c", program], env=net.cluster.env, capture_output=True, text=True,
        timeout=2 * PATIENCE, check=False,
    )  # fmt: skip


def test_code_of_a_function_is_shown_changed_and_given_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    with stage(cluster, "code") as net:
        net.apply({"a": net.coded(CODE, "double", "add"), "b": net.coded(CODE, "shout")})
        until(
            lambda: len(json.loads(net.say("task", "ls", "-o", "json"))["items"]) == 3,
            "all are seen",
        )
        rows = {
            r["name"]: r
            for r in json.loads(net.say("task", "functions", "a", "-o", "json"))["items"]
        }
        assert list(rows) == ["double", "add", "fail", "shout", "many"]
        assert (rows["add"]["parameters"], rows["add"]["needs"]) == (
            "n, [by], *rest, **more",
            ["n"],
        )
        assert (rows["many"]["kind"], rows["double"]["doc"]) == (
            "async generator",
            "Twice as much.",
        )
        assert net.say("task", "code", "a.double") == CODE.partition("\n\n\n")[0] + "\n"
        other = tmp_path / "other.py"
        for text, said in (
            ("def double(n:\n    pass\n", "the code line 1: '(' was never closed"),
            ("x = 1\ndef double(n):\n    return\n  y\n", "line 4"),
            ("def twice(n):\n    return 1\n", 'no function "double"; its functions: twice'),
            ("return 1\n", "line 1: 'return' outside function"),
            ("", "is empty"),
        ):
            other.write_text(text)
            done = cluster.invoke("-n", "code", "task", "code", "a.double", "--set", str(other))
            assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert net.say("call", "a.double", "4") == "8\n"
        before = {w.name: w.pid for w in net.control.store.fleet.workers() if w.processor == "b"}
        net.say("task", "code", "a.double", "--set", "-", stdin=OTHER)
        until(lambda: net.say("call", "a.double", "4") == "4000\n", "the other code runs")
        assert net.say("call", "a.add", "4") == "5\n"
        assert net.say("task", "code", "a.double") == OTHER
        shown = net.say("show", "socket", "a.double")
        assert "return n * 1000" in shown
        assert "overridden" in shown
        editor = cluster.home / "editor"
        editor.write_text('#!/bin/sh\nsed -i s/1000/7/ "$1"\n')
        editor.chmod(0o755)
        assert shell(net, f"EDITOR={editor} flowctl task edit a.double").returncode == 0
        until(lambda: net.say("call", "a.double", "4") == "28\n", "the edited code runs")
        net.say("task", "code", "a.double", "--reset")
        until(lambda: net.say("call", "a.double", "4") == "8\n", "its own code runs")
        assert {
            w.name: w.pid for w in net.control.store.fleet.workers() if w.processor == "b"
        } == before


def test_pipes(cluster: Cluster) -> None:
    with stage(cluster, "pipes") as net:
        net.apply({"a": net.coded(CODE, "double", "add", "fail", "shout")})
        for line, said in (
            ("echo 4 | flowctl call a.double - | flowctl call a.add -", "9\n"),
            (
                "echo HI there | flowctl call a.shout - --text | flowctl call a.shout -",
                '"HI THERE"\n',
            ),
            ("flowctl call a.add $(flowctl call a.double 5)", "11\n"),
            ("echo 4 | tee /dev/fd/3 3>&1 | flowctl call a.double - --each", "8\n8\n"),
            (
                "seq 200 | flowctl call a.double - --each | flowctl call a.add - --each | tail -1",
                "401\n",
            ),
            (
                "seq 5 | flowctl send a.double - --each | flowctl result - --wait",
                "2\n4\n6\n8\n10\n",
            ),
            ("seq 2 | flowctl send a.double - --each -o jsonl | flowctl result - --wait", "2\n4\n"),
            ('id=$(flowctl call a.double 21 --async); flowctl result "$id" --wait', "42\n"),
        ):
            done = shell(net, line)
            assert (done.returncode, done.stdout) == (0, said), (line, done)
        failing = shell(net, "seq 2 | flowctl call a.fail - --each")
        assert (failing.returncode, failing.stdout) == (1, "")
        assert failing.stderr.count("failed: a.fail failed: ValueError: no ") == 2
        odd = shell(net, "printf '1\\nx\\n' | flowctl call a.double - --each")
        assert odd.returncode == 2
        assert "not JSON" in odd.stderr


def test_a_function_is_called_wherever_it_is_hosted(cluster: Cluster) -> None:
    folder = cluster.home / "code"
    folder.mkdir()
    (folder / "shop.py").write_text("def f(n): return ['shop', n]\n")
    (folder / "barn.py").write_text("def f(n): return ['barn', n]\n")

    def hosting(module: str) -> dict[str, object]:
        return {"source": {"path": str(folder), "module": module}, "sockets": {"f": "f"}}

    with stage(cluster, "hosts") as net:
        net.apply({"one": hosting("shop"), "two": hosting("shop"), "other": hosting("barn")})
        assert net.say("call", "function/barn.f", "1") == '["barn",1]\n'
        assert net.say("call", "function/shop.f", "1") == '["shop",1]\n'
        missing = cluster.invoke("-n", "hosts", "call", "function/shop.g", "1")
        assert missing.returncode == 4
        assert "shop.f" in missing.stderr
        lines = "".join(f"{n}\n" for n in range(40))
        sent = net.say("send", "function/shop.f", "-", "--each", "-o", "jsonl", stdin=lines)
        rows = [json.loads(line) for line in sent.splitlines()]
        spread = Counter(row["socket"] for row in rows)
        assert spread.keys() == {"one.f", "two.f"}
        assert min(spread.values()) >= 10
        ended = net.say("result", "-", "--wait", stdin=sent)
        assert [json.loads(line) for line in ended.splitlines()] == [["shop", n] for n in range(40)]
        cast = net.say("send", "function/shop.f", '"all"', "--broadcast", "-o", "jsonl")
        assert [json.loads(line)["socket"] for line in cast.splitlines()] == ["one.f", "two.f"]
        assert net.say("result", "-", "--wait", stdin=cast) == '["shop","all"]\n' * 2
