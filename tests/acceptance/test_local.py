"""A flow gives the same whether daemons run it or one process does, and that one can be debugged."""

from __future__ import annotations

import json
import os
import pty
import runpy
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowctl.model.work import CallFilter
from flowctl.services import local, recipes, runs
from flowctl.services.control import Control, open_control
from tests.cluster import PATIENCE, Cluster, until
from tests.command import Command
from tests.wheels import wheel

pytestmark = pytest.mark.process

RECIPES = Path(__file__).parents[2] / "recipes"

SCATTER = """
def words(text):
    for word in text.split():
        yield word

def upper(word):
    return word.upper()

def together(words):
    return " ".join(words)
"""
JOIN = """
def split(pairs):
    for left, right in pairs:
        yield {"left": left, "right": right}

def left(pair):
    return pair["left"]

def right(pair):
    return pair["right"]

def pair(left, right, sep="-"):
    return f"{left}{sep}{right}"
"""
ERRORS = """
def flaky(n, context):
    if context.attempt <= n:
        raise ConnectionError(f"attempt {context.attempt}")
    return context.attempt

def strict(n):
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n

def told(failure):
    return [failure["type"], failure["message"], failure["input"], failure["attempt"]]
"""
WAYS = """
class Route:
    def __init__(self, result, plugs):
        self.result, self.plugs = result, plugs

def sort(n, routes):
    routes["even" if n % 2 == 0 else "odd"] = True
    return n

def named(n, plugs):
    plugs["even"] = n * 10
    plugs["odd"] = n * 100
    return n

def routed(n):
    return Route(n, ["odd"])

def take(n):
    return n
"""
KINDS = """
import asyncio, os

def raw(n):
    return bytes(range(n))

def size(data):
    return [type(data).__name__, len(data)]

async def slow(n):
    await asyncio.sleep(0)
    return {"b": n, "a": [None, 1.5, "\\u00e9"]}

def env(_):
    return [os.environ.get("SHOP"), "FLOWCTL_HOME" in os.environ]

def broken(_):
    return object()

def loop(n):
    while n: pass

def leave(_):
    raise SystemExit(3)
"""


def coded(code: str, *sockets: str, **more: Any) -> dict[str, Any]:
    return {"source": {"code": code}, "sockets": {name: name for name in sockets}, **more}


FLOWS: dict[str, tuple[dict[str, Any], list[Any], list[str]]] = {
    "scatter": (
        {"t": coded(SCATTER, "words", "upper"), "u": coded(SCATTER, "together")},
        ["t.words -> t.upper", {"from": "t.upper", "to": "u.together", "gather": "t.words"}],
        ['t.words="to be or not"', 't.words=""'],
    ),
    "join": (
        {"j": coded(JOIN, "split", "left", "right", "pair")},
        [
            "j.split -> j.left", "j.split -> j.right",
            {"from": "j.left", "to": "j.pair", "argument": "left"},
            {"from": "j.right", "to": "j.pair", "argument": "right"},
        ],
        ['j.split=[["a", 1], ["b", 2], ["c", 3]]'],
    ),
    "byrun": (
        {"j": {**coded(JOIN, "left", "right"), "sockets": {
            "left": "left", "right": "right", "pair": {"task": "pair", "join": {"by": "run"}},
        }}},
        [{"from": "j.left", "to": "j.pair", "argument": "left"}],
        ['j.left={"left": 1}'],
    ),
    "errors": (
        {
            "e": coded(ERRORS, "flaky", retry={"max": 3, "backoff": "10ms"}),
            "s": coded(ERRORS, "strict", "told"),
            "d": coded(ERRORS, "strict"),
        },
        [{"from": "s.strict", "to": "s.told", "on": "error"}, "e.flaky -> d.strict"],
        ["e.flaky=0", "e.flaky=1", "e.flaky=9", "s.strict=2", "s.strict=3"],
    ),
    "ways": (
        {
            "w": coded(WAYS, "sort", "named", "routed"),
            "even": coded(WAYS, "take"), "odd": coded(WAYS, "take"),
        },
        [f"w.{name} -> {target}.take" for name in ("sort", "named", "routed") for target in ("even", "odd")],
        ["w.sort=1", "w.sort=2", "w.named=3", "w.routed=4"],
    ),
    "kinds": (
        {
            "k": coded(KINDS, "raw", "size", "slow", "env", "broken", "leave", env={"SHOP": "x"}),
            "l": coded(KINDS, "loop", timeout="200ms"),
            "c": {
                "source": {"command": ["python3", "-uc", "for l in __import__('sys').stdin: print(l.upper())"]},
                "sockets": {"up": "up"},
            },
        },
        ["k.raw -> k.size"],
        ["k.raw=300", "k.slow=1", "k.env=null", "k.broken=null", "k.leave=null", "l.loop=1", 'c.up="\\u0020b"'],
    ),
    "cycle": (
        {"n": coded("def down(n):\n    if n: yield n - 1\ndef same(n): return n\n", "down", "same")},
        ["n.down -> n.same", {"from": "n.same", "to": "n.down", "allow_cycle": True}],
        ["n.down=5"],
    ),
    "nodes": (
        {
            "r": {
                "type": "router", "source": {"code": "def big(n): return n > 9\ndef odd(n): return n % 2\n"},
                "sockets": {"in": {"routes": {"big": "big", "odd": "odd"}}},
            },
            "g": {
                "type": "gate", "source": {"code": "def small(n): return n < 100\n"},
                "sockets": {"in": "small"},
            },
            "t": coded("def a(n): return n\ndef b(n): return n\ndef c(n): return n\ndef d(n): return n\n", *"abcd"),
        },
        [
            "r.in:big -> g.in", "r.in:odd -> t.a", "r.in:unmatched -> t.b", "g.in -> t.c",
            {"from": "g.in", "to": "t.d", "on": "reject"},
        ],
        ["r.in=4", "r.in=5", "r.in=11", "r.in=100"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("local"), cpus=16).start()
    yield made
    made.stop()


def outcome(control: Control, harvest: runs.Harvest) -> dict[str, Any]:
    """Return everything of a run that does not depend on when and where it ran."""
    calls, _ = control.store.traffic.calls(CallFilter(run_id=harvest.run_id, limit=10_000))
    failures = [
        (c.socket, c.attempt, c.failure.type, c.failure.message) for c in calls if c.failure
    ]
    return {
        "results": {
            socket: sorted((found.content_type, found.body) for found in results)
            for socket, results in harvest.results.items()
        },
        "calls": sorted((c.socket, c.status, c.attempt, c.outputs) for c in calls),
        "failures": sorted(failures),
        "count": harvest.count,
    }


def by_daemons(cluster: Cluster, recipe: recipes.Recipe, given: list[runs.Feed]) -> dict[str, Any]:
    with cluster.control() as control:
        harvest = runs.execute(control, recipe, given, timeout=PATIENCE)
        if "byrun" in recipe.spec.name:  # a value that waits is no end: nobody waits for it
            until(lambda: control.store.traffic.run_count(harvest.run_id).waiting, "a value waits")
        return outcome(control, harvest)


def by_itself(recipe: recipes.Recipe, given: list[runs.Feed]) -> dict[str, Any]:
    with runs.private_home() as settings:
        settings.paths.make()
        with open_control(settings) as control:
            control.store.migrate()
            harvest, _ = local.execute(control, recipe, given)
            return outcome(control, harvest)


def both(cluster: Cluster, recipe: recipes.Recipe, given: list[runs.Feed]) -> dict[str, Any]:
    """Run a recipe both ways and return the outcome, which is one."""
    theirs = by_daemons(cluster, recipe, given)
    assert by_itself(recipe, given) == theirs
    return theirs


@pytest.mark.parametrize("name", FLOWS)
def test_both_ways_give_the_same(cluster: Cluster, name: str) -> None:
    processors, plugs, inputs = FLOWS[name]
    values = {"version": 1, "network": name, "processors": processors, "plugs": plugs}
    given = [runs.read_feed(text, stdin=bytes) for text in inputs]
    found = both(cluster, recipes.from_values(values, name), given)
    assert found["calls"]
    cluster.flowctl("delete", "network", name, "-y", "--purge")


def shipped(folder: Path, name: str) -> Path:
    """Return a copy of a shipped recipe that writes into its own folder."""
    shutil.copytree(RECIPES / name, folder / name)
    file = folder / name / "recipe.yaml"
    file.write_text(file.read_text().replace("/tmp/", f"{folder}/"))
    return folder / name


@pytest.mark.parametrize("name", ["hello", "codestats", "weblog", "etl", "mapreduce", "canvas"])
def test_shipped_recipes_give_the_same(cluster: Cluster, tmp_path: Path, name: str) -> None:
    code = json.dumps(str(RECIPES.parent / "agentd" / "worker"))
    folder = shipped(tmp_path, name)
    inputs = {
        "hello": ['greet.hello="you"'],
        "codestats": [f"find.packages={code}"],
        "weblog": [f"read.blocks={json.dumps(str(tmp_path / 'access.log'))}"],
        "mapreduce": [f"files.find={code}"],
        "canvas": ["study.start=30000"],
    }.get(name, [])
    if name == "weblog":
        weblog = runpy.run_path(str(folder / "weblog.py"))
        weblog["write_log"](tmp_path / "access.log", 2_000)
    (recipe,) = recipes.read(str(folder))
    found = both(cluster, recipe, [runs.read_feed(text, stdin=bytes) for text in inputs])
    assert found["results"]
    assert bool(found["failures"]) == (name in ("weblog", "etl"))
    cluster.flowctl("delete", "network", name, "-y", "--purge")


# Only here: the debugger, delays, and code that lives together


@pytest.fixture
def flowctl(tmp_path: Path) -> Command:
    return Command(tmp_path / "home")


def write(folder: Path, processors: dict[str, Any], plugs: list[Any] | None = None) -> str:
    file = folder / "recipe.yaml"
    recipe = {"version": 1, "network": "here", "processors": processors, "plugs": plugs or []}
    file.write_text(json.dumps(recipe))
    return str(file)


def test_delays_pass_at_once_and_the_end_is_told(tmp_path: Path, flowctl: Command) -> None:
    file = write(
        tmp_path, {"e": coded(ERRORS, "flaky", retry={"max": 4, "backoff": "1h", "cap": "9h"})}
    )
    done = flowctl("run", "--local", file, "-i", "e.flaky=1", "-i", "e.flaky=99", "-o", "jsonl")
    assert done.code == 1
    assert done.out == '{"socket":"e.flaky","result":2}\n'
    assert "1 message went to dead letters" in done.err
    assert "of delays were not waited for" in done.err


def test_prints_stay_out_of_the_results(tmp_path: Path, flowctl: Command) -> None:
    code = "import os\ndef f(x):\n    print('said')\n    os.system('echo shouted')\n    return x\n"
    done = flowctl("run", "--local", write(tmp_path, {"a": coded(code, "f")}), "-i", "a.f=1")
    assert (done.code, done.out) == (0, "1\n")
    assert "said" in done.err
    assert "shouted" in done.err


def test_installers_of_all_packages_see_the_variables_meant_for_them(
    tmp_path: Path, flowctl: Command
) -> None:
    packages = {"a": "tinyone", "b": "tinytwo"}
    processors = {
        name: coded(
            f"import {package}\ndef f(x): return {package}.ANSWER\n", "f", requirements=[package]
        )
        for name, package in packages.items()
    }
    (index,) = {wheel(tmp_path / "index", package).parent for package in packages.values()}
    file = write(tmp_path, processors, ["a.f -> b.f"])
    found = {"UV_FIND_LINKS": str(index), "UV_NO_INDEX": "1"}
    done = flowctl("run", "--local", file, "-i", "a.f=1", **found)
    assert (done.code, done.out) == (0, "42\n"), done


def test_modules_of_one_name_are_as_many_as_there_are_folders(
    tmp_path: Path, flowctl: Command
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text(
            "def f(x):\n    import part\n    return [x, part.NAME]\n"
        )
        (tmp_path / name / "part.py").write_text(f"NAME = {name!r}\n")
    processors = {
        name: {"source": {"path": str(tmp_path / name), "module": "main"}, "sockets": {"f": "f"}}
        for name in ("one", "two")
    }
    file = write(tmp_path, processors, ["one.f -> two.f"])
    done = flowctl("run", "--local", file, "-i", "one.f=1", "-i", "two.f=2", "-i", "one.f=3")
    assert done.code == 0, done
    assert sorted(map(str, json.loads(flowctl(
        "run", "--local", file, "-i", "one.f=1", "-i", "two.f=2", "-o", "json"
    ).out)["results"]["two.f"])) == ["[2, 'two']", "[[1, 'one'], 'two']"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--local", "--here"], 2, "no --here"),
        (["--pdb"], 2, "add --local"),
        (["--local", "-i", "a.nothing=1"], 4, "not found"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, flowctl: Command, words: list[str], code: int, said: str
) -> None:
    done = flowctl("run", write(tmp_path, {"a": coded("def f(x): return x\n", "f")}), *words)
    assert (done.code, said in done.err) == (code, True), done


def test_code_that_cannot_be_loaded_is_told(tmp_path: Path, flowctl: Command) -> None:
    done = flowctl(
        "run",
        "--local",
        write(tmp_path, {"a": coded("import nothing_like_it\ndef f(x): return x\n", "f")}),
    )
    assert done.code == 5
    assert "No module named 'nothing_like_it'" in done.err
    assert "processor a is in error" in done.err


class Terminal:
    """A person before a terminal."""

    def __init__(self, command: Command, *words: str) -> None:
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowctl", *words],
            env=command.environment | {"TERM": "dumb"}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""

    def see(self, words: str) -> None:
        """Read until these words are on the screen."""
        while words not in self.text:
            ready, _, _ = select.select([self.fd], [], [], PATIENCE)
            assert ready, self.text
            try:
                self.text += os.read(self.fd, 4096).decode()
            except OSError as error:
                raise AssertionError(self.text) from error
        self.text = self.text.partition(words)[2]

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self.fd, f"{line}\n".encode())

    def close(self) -> int:
        """Wait for the end of the program and return its status."""
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return self.process.wait(PATIENCE)


def test_breakpoints_and_post_mortem(tmp_path: Path, flowctl: Command) -> None:
    code = "def f(x):\n    y = x * 2\n    breakpoint()\n    return y\ndef g(x):\n    return 1 / x\n"
    file = write(tmp_path, {"a": coded(code, "f", "g", timeout="1m")}, ["a.f -> a.g"])
    screen = Terminal(flowctl, "run", "--local", file, "-i", "a.f=21", "--pdb")
    screen.see("(Pdb) ")
    screen.type("y")
    screen.see("42")
    screen.type("y = 0")
    screen.type("c")
    screen.see("division by zero")
    screen.see("(Pdb) ")
    screen.type("p 'input', x")
    screen.see("('input', 0)")
    screen.type("q")
    screen.see("failed: a.g: ZeroDivisionError")
    assert screen.close() == 1
    screen = Terminal(flowctl, "run", "--local", file, "-i", "a.f=21")
    screen.see("(Pdb) ")
    screen.type("q")
    assert screen.close() == 130
