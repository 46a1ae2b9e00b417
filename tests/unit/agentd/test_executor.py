"""The executor, driven over a real socketpair as the worker drives it."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentd.worker.frames import Frame, Kind, Reader, pack
from agentd.worker.launch import PROGRAM, Launched, kill_group, spawn

pytestmark = pytest.mark.process

BASE = getattr(sys, "_base_executable", sys.executable)
PYTHONS = [BASE, *filter(None, os.environ.get("FLOWCTL_TEST_PYTHONS", "").split(":"))]


class Bench:
    """An executor on the bench: frames in, frames out."""

    def __init__(self, python: str, folder: Path, env: dict[str, str] | None = None) -> None:
        self.launched: Launched = spawn(python, env=env or {}, cwd=folder)
        self.launched.link.settimeout(20)
        self.reader = Reader()
        self.frames: list[Frame] = []

    def send(self, frame: Kind, body: bytes = b"", /, **head: Any) -> None:
        self.launched.link.sendall(pack(frame, head, body))

    def next(self) -> Frame:
        while not self.frames:
            data = self.launched.link.recv(1 << 20)
            if not data:
                raise EOFError
            self.frames += self.reader.feed(data)
        return self.frames.pop(0)

    def call(
        self,
        task: str,
        value: object = None,
        *,
        named: bool = False,
        plugs: tuple[str, ...] = (),
        body: bytes | None = None,
        content_type: str = "application/json",
        **more: Any,
    ) -> list[Frame]:
        """Send a call and return all frames up to its end."""
        self.send(
            Kind.CALL,
            json.dumps(value).encode() if body is None else body,
            id="c1",
            task=task,
            content_type=content_type,
            named=named,
            plugs=plugs,
            context={"call_id": "c1", "run_id": "r1", "socket": "p.s", "attempt": 1},
            **more,
        )
        frames = [self.next()]
        while frames[-1].kind not in (Kind.DONE, Kind.FAILED):
            frames.append(self.next())
        assert all(frame.head["id"] == "c1" for frame in frames)
        return frames

    def result(self, task: str, value: object = None, **more: Any) -> Any:
        """Call and return the result; whatever else happens is an error."""
        (frame,) = self.call(task, value, **more)
        assert frame.kind is Kind.DONE, frame
        return json.loads(frame.body)

    def failure(self, task: str, value: object = None, **more: Any) -> dict[str, Any]:
        last = self.call(task, value, **more)[-1]
        assert last.kind is Kind.FAILED, last
        return last.head

    def close(self) -> None:
        kill_group(self.launched.process.pid, self.launched.token)
        self.launched.process.wait()
        self.launched.link.close()
        for stream in (self.launched.stdout, self.launched.stderr):
            with contextlib.suppress(OSError):
                os.close(stream)


@pytest.fixture(params=PYTHONS, ids=[Path(python).name for python in PYTHONS])
def benches(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A maker of executors; all end with the test."""
    made: list[Bench] = []

    def make(env: dict[str, str] | None = None, **setup: Any) -> Bench:
        bench = Bench(request.param, tmp_path, env)
        made.append(bench)
        base = {"kind": "code", "output_cap": 1 << 20, "frame_cap": 1 << 20}
        bench.send(Kind.SETUP, **(base | setup))
        return bench

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def load(benches: Any) -> Any:
    """A maker of executors that have loaded a text."""

    def make(code: str, *tasks: str, **setup: Any) -> Bench:
        bench = benches(code=code, tasks=tasks, **setup)
        ready = bench.next()
        while ready.kind is Kind.OUTPUT:
            ready = bench.next()
        assert ready.kind is Kind.READY, ready.head
        bench.ready = ready.head
        return bench  # type: ignore[no-any-return]

    return make


def printed(frames: list[Frame], stream: str = "stdout") -> str:
    mine = [f for f in frames if f.kind is Kind.OUTPUT and f.head["stream"] == stream]
    return "".join(frame.body.decode() for frame in mine)


def read_all(stream: int) -> bytes:
    """Read a pipe to its end."""
    data = b""
    while chunk := os.read(stream, 65536):
        data += chunk
    return data


def yields(frames: list[Frame]) -> list[tuple[str | None, Any]]:
    return [(f.head["plug"], json.loads(f.body)) for f in frames if f.kind is Kind.YIELD]


# The file


def test_the_program_is_one_file_that_old_pythons_can_read() -> None:
    tree = ast.parse(PROGRAM.read_text(), feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)


# Inputs


def test_a_function_is_told_about_and_called_with_one_value(load: Any) -> None:
    bench = load("def double(x):\n    return 2 * x\n", "double")
    assert bench.ready["pid"] == bench.launched.process.pid
    assert bench.ready["tasks"] == [
        {
            "name": "double",
            "module": "processor_code",
            "arguments": [
                {
                    "name": "x",
                    "position": 0,
                    "kind": "POSITIONAL_OR_KEYWORD",
                    "has_default": False,
                }
            ],
            "source": "def double(x):\n    return 2 * x\n",
        }
    ]
    assert bench.result("double", 21) == 42
    assert bench.result("double", [1]) == [1, 1]
    (frame,) = bench.call("double", 1)
    assert frame.head["content_type"] == "application/json"
    assert frame.head["generator"] is False
    assert frame.head["routes"] is None
    assert 0 <= frame.head["duration"] < 1


def test_null_calls_a_function_without_required_parameters_with_none(load: Any) -> None:
    code = "def bare(): return 'ran'\ndef some(x=5): return x\ndef one(x): return [x]\n"
    bench = load(code, "bare", "some", "one")
    assert bench.result("bare", None) == "ran"
    assert bench.result("some", None) == 5
    assert bench.result("one", None) == [None]
    assert bench.failure("bare", 1)["type"] == "TypeError"


def test_named_arguments_are_spread_by_signature(load: Any) -> None:
    code = "def pair(left, /, right, *, scale=1): return [left, right, scale]\n"
    bench = load(code, "pair")
    assert bench.result("pair", {"right": 2, "left": 1}, named=True) == [1, 2, 1]
    assert bench.result("pair", {"left": 1, "right": 2, "scale": 3}, named=True) == [1, 2, 3]
    assert bench.failure("pair", [1, 2], named=True)["type"] == "malformed"
    assert bench.failure("pair", {"left": 1}, named=True)["type"] == "TypeError"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1] 2", "Extra data"),
        (b'{"a": 1, "a": 2}', 'the key "a" is there twice'),
        (b"[NaN]", "NaN is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b"\xff\xfe", "utf-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
    ids=["empty", "cut", "extra", "twice", "nan", "infinity", "bytes", "deep"],
)
def test_an_input_that_is_not_json_is_refused_and_never_run(
    load: Any, body: bytes, said: str
) -> None:
    bench = load("def f(x): print('ran')\n", "f")
    frames = bench.call("f", body=body)
    assert [frame.kind for frame in frames] == [Kind.FAILED]
    assert frames[0].head["type"] == "malformed"
    assert said in frames[0].head["message"]


def test_other_content_types_arrive_as_text_and_bytes(load: Any) -> None:
    bench = load("def f(x): return [type(x).__name__, len(x)]\n", "f")
    assert bench.result("f", body=b" [1] ") == ["list", 1]
    assert bench.result("f", body="ä".encode(), content_type="text/plain") == ["str", 1]
    assert bench.result("f", body=b"\xff\x00", content_type="image/png") == ["bytes", 2]
    assert bench.result("f", body=b"[]", content_type="application/json; charset=utf-8") == [
        "list",
        0,
    ]


def test_values_that_a_join_laid_together_are_read_each_by_its_type(load: Any) -> None:
    bench = load(
        "def f(a, b): return [a, list(b)]\ndef g(*all): return list(map(repr, all))\n", "f", "g"
    )
    parts = [["a", "application/json", 3], ["b", "application/octet-stream", 2]]
    assert bench.result("f", body=b"[1]\xff\x00", parts=parts, named=True) == [[1], [255, 0]]
    assert bench.result("g", body=b"[1]\xff\x00", parts=parts, args=True) == [
        "[1]",
        "b'\\xff\\x00'",
    ]
    assert bench.result("g", [1, None], args=True) == ["1", "None"]


def test_an_input_is_tested_and_passed_on_to_the_letter(load: Any) -> None:
    code = """
async def big(x): return x["n"] > 9
def spoil(x):
    x["n"] = 100
    return False
def even(x, context): return x["n"] % 2 == 0
"""
    bench = load(code, "big", "spoil", "even")
    tests = {"spoil": "spoil", "big": "big", "even": "even"}
    (frame,) = bench.call("", body=b'{"n": 1e1}', tests=tests)
    assert (frame.head["routes"], frame.body) == (["big", "even"], b'{"n": 1e1}')
    (frame,) = bench.call("", {"n": 3}, tests=tests)
    assert frame.head["routes"] == []
    assert bench.failure("", {}, tests=tests)["type"] == "KeyError"


def test_routes_are_known_by_their_names(load: Any) -> None:
    code = """
from flowctl import Route
def f(x, routes):
    assert list(routes) == ["big", "small"]
    for name in x: routes[name] = True
    return 1
def g(x): return Route({"r": x}, plugs=["small"])
"""
    bench = load(code, "f", "g")
    (frame,) = bench.call("f", ["small"], plugs=("p.a-q.b",), routes=["big", "small"])
    assert frame.head["routes"] == ["small"]
    failure = bench.failure("f", ["huge"], plugs=("p.a-q.b",), routes=["big", "small"])
    assert failure["message"] == 'there is no route "huge"; the routes of this socket: big, small'
    (frame,) = bench.call("g", 1, plugs=("p.a-q.b",), routes=["big", "small"])
    assert (frame.head["routes"], json.loads(frame.body)) == (["small"], {"r": 1})


# Results


def test_results_are_json_or_bytes_and_nothing_else(load: Any) -> None:
    code = """
def f(x):
    return {"nan": float("nan"), "set": {1}, "deep": deep(), "text": "\\ud800", "bytes": b"\\x00"}[x]
def deep():
    value = []
    for _ in range(100000):
        value = [value]
    return value
def big(x): return "x" * (2 << 20)
"""
    bench = load(code, "f", "big")
    for kind in ("nan", "set", "deep", "text"):
        assert bench.failure("f", kind)["type"] == "result", kind
    (frame,) = bench.call("f", "bytes")
    assert (frame.head["content_type"], frame.body) == ("application/octet-stream", b"\x00")
    failure = bench.failure("big")
    assert failure["type"] == "TooLarge"
    assert "1048576" in failure["message"]


def test_a_generator_sends_each_value_and_then_what_it_returns(load: Any) -> None:
    code = """
def count(n):
    for i in range(n):
        print(i)
        yield i
    return "end"
def breaks(n):
    yield 1
    raise ValueError("no")
"""
    bench = load(code, "count", "breaks")
    frames = bench.call("count", 3)
    assert yields(frames) == [(None, 0), (None, 1), (None, 2)]
    assert frames[-1].head["generator"] is True
    assert json.loads(frames[-1].body) == "end"
    kinds = [frame.kind for frame in frames]
    assert kinds == [Kind.OUTPUT, Kind.YIELD] * 3 + [Kind.DONE], "in the order of the code"
    assert bench.failure("breaks", 1)["type"] == "ValueError"


def test_async_functions_share_one_loop(load: Any) -> None:
    code = """
import asyncio
loops = set()
async def wait(x):
    await asyncio.sleep(0)
    loops.add(id(asyncio.get_running_loop()))
    return [x, len(loops)]
async def stream(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
async def fails(x):
    raise KeyError(x)
"""
    bench = load(code, "wait", "stream", "fails")
    assert bench.result("wait", 1) == [1, 1]
    assert bench.result("wait", 2) == [2, 1]
    frames = bench.call("stream", 2)
    assert yields(frames) == [(None, 0), (None, 1)]
    assert frames[-1].head["generator"] is True
    failure = bench.failure("fails", "k")
    assert failure["type"] == "KeyError"
    assert "asyncio" not in failure["traceback"]


# What is offered


def test_the_sample_of_the_original_runs_unchanged(load: Any) -> None:
    code = """
def do_something(*args, plugs={}, output={}, **kwargs):
    plugs["store.save"] = {"got": args[0]}
    output["note"] = "seen"
    return "done"
"""
    bench = load(code, "do_something")
    frames = bench.call("do_something", 7, plugs=("parse.rows-store.save",))
    assert yields(frames) == [("store.save", {"got": 7})]
    assert printed(frames) == "note: seen\n"
    assert json.loads(frames[-1].body) == "done"
    arguments = {each["name"]: each["has_default"] for each in bench.ready["tasks"][0]["arguments"]}
    assert arguments == {"args": True, "kwargs": True}, "a join waits for none of them"


def test_a_plug_or_route_that_is_not_there_is_an_error(load: Any) -> None:
    code = """
def plug(x, plugs):
    plugs[x] = 1
def route(x, routes):
    assert set(routes) == {"a", "b"} and not any(routes.values())
    routes[x] = True
    return x
"""
    bench = load(code, "plug", "route")
    failure = bench.failure("plug", "c", plugs=("a", "b"))
    assert failure["type"] == "output"
    assert failure["message"] == 'there is no plug "c"; the plugs of this socket: a, b'
    assert bench.call("route", "b", plugs=("a", "b"))[-1].head["routes"] == ["b"]
    assert bench.failure("route", "c", plugs=("a", "b"))["type"] == "output"


def test_a_result_that_names_its_plugs_goes_to_these(load: Any) -> None:
    code = """
class Route:
    def __init__(self, result, plugs): self.result, self.plugs = result, plugs
def once(x): return Route(x, ["a"])
def many(x):
    yield Route(x, ["a", "b"])
"""
    bench = load(code, "once", "many")
    frames = bench.call("once", 1, plugs=("a", "b"))
    assert (json.loads(frames[-1].body), frames[-1].head["routes"]) == (1, ["a"])
    assert yields(bench.call("many", 1, plugs=("a", "b"))) == [("a", 1), ("b", 1)]


def test_the_context_may_be_read_and_not_written(load: Any) -> None:
    code = """
def read(context, x): return [context.call_id, context.socket, context.attempt, x]
def write(x, *, context): context.attempt = 2
"""
    bench = load(code, "read", "write")
    assert bench.result("read", "v") == ["c1", "p.s", 1, "v"]
    assert [a["name"] for a in bench.ready["tasks"][0]["arguments"]] == ["x"]
    assert bench.failure("write", 1)["type"] == "AttributeError"


# Loading


def test_modules_come_from_the_paths_and_not_from_ours(benches: Any, tmp_path: Path) -> None:
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "parse.py").write_text(
        "import sys\n"
        "class Parser:\n"
        "    def __init__(self): self.n = 0\n"
        "    def rows(self, x): self.n += 1; return [x, self.n]\n"
        "def seen(x):\n"
        "    for name in ('agentd', 'flowctl.errors', 'msgspec', 'machine', 'executor'):\n"
        "        try: __import__(name)\n"
        "        except ImportError: continue\n"
        "        return name\n"
        "def main(x): return [__name__, sys.stdin.read()]\n"
    )
    where = {"kind": "path", "paths": [str(tmp_path / "src")]}
    bench = benches(**where, module="shop.parse", tasks=["seen", "main"])
    assert bench.next().kind is Kind.READY
    assert bench.result("seen", 1) is None
    assert bench.result("main", 1) == ["shop.parse", ""]
    made = benches(**where, module="shop.parse:Parser", tasks=["rows"])
    ready = made.next()
    assert [a["name"] for a in ready.head["tasks"][0]["arguments"]] == ["x"]
    assert [made.result("rows", 5), made.result("rows", 5)] == [[5, 1], [5, 2]]


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("def f(:\n", "SyntaxError", "<processor code>"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError", "nowhere_to_be_found"),
        ("1 / 0\n", "ZeroDivisionError", "1 / 0"),
        ("import sys\nsys.exit(4)\n", "SystemExit", "4"),
        ("def parse_rows(x): pass\n", "task", 'did you mean "parse_rows"?'),
        ("parse_row = 5\n", "task", '"parse_row" is not a function of module'),
    ],
)
def test_what_cannot_be_loaded_says_why_and_ends(
    benches: Any, code: str, kind: str, said: str
) -> None:
    bench = benches(code="print('loading')\n" + code, tasks=["parse_row"])
    frame = bench.next()
    if frame.kind is Kind.OUTPUT:
        assert frame.body == b"loading\n"
        frame = bench.next()
    assert frame.kind is Kind.BROKEN
    assert frame.head["type"] == kind
    assert said in frame.head["message"] + frame.head["traceback"]
    assert "executor.py" not in frame.head["traceback"]
    assert bench.launched.process.wait(10) == 3


def test_an_override_replaces_a_function_and_a_bad_one_fails_its_own_calls_only(load: Any) -> None:
    code = "K = 2\ndef good(x): return x\ndef bad(x): return x\ndef odd(x): return x\n"
    overrides = {
        "good": "def good(x):\n    return K * x\n",
        "bad": "def bad(x:\n",
        "odd": "def other(x): return x\n",
    }
    bench = load(code, "good", "bad", "odd", overrides=overrides)
    assert bench.result("good", 4) == 8
    failure = bench.failure("bad", 4)
    assert failure["type"] == "override"
    assert "SyntaxError" in failure["traceback"]
    assert "does not define it" in bench.failure("odd", 4)["message"]
    assert [task["name"] for task in bench.ready["tasks"]] == ["good", "bad", "odd"]


def test_a_task_that_was_added_later_is_found(load: Any) -> None:
    bench = load("def f(x): return x\ndef g(x): return -x\n", "f")
    assert bench.result("g", 1) == -1
    failure = bench.failure("h", 1)
    assert failure["type"] == "task"


# Failures


def test_a_failure_tells_the_users_part_of_the_traceback(load: Any) -> None:
    code = """
def f(x):
    try:
        deep(x)
    except KeyError as error:
        raise ValueError("bad row") from error
def deep(x):
    return {}[x]
"""
    failure = load(code, "f").failure("f", "k")
    assert (failure["type"], failure["message"]) == ("ValueError", "bad row")
    text = failure["traceback"]
    assert "return {}[x]" in text
    assert 'raise ValueError("bad row") from error' in text
    assert "direct cause" in text
    assert "executor.py" not in text


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return f(x)", "RecursionError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise StopIteration(3)", "StopIteration"),
        ("raise Odd()", "Odd"),
        ("raise ValueError('x' * 10**6)", "ValueError"),
    ],
)
def test_whatever_is_raised_ends_one_call_only(load: Any, line: str, kind: str) -> None:
    code = f"""
class Odd(Exception):
    def __str__(self): raise RuntimeError("no text")
def f(x):
    if x == "fine": return x
    {line}
"""
    bench = load(code, "f")
    failure = bench.failure("f", "bad")
    assert failure["type"] == kind
    assert len(failure["message"]) <= 8192
    assert len(failure["traceback"]) <= 70_000
    assert bench.result("f", "fine") == "fine"


def test_memory_is_limited_for_each_executor(load: Any) -> None:
    code = "def f(n): return len(bytearray(n))\n"
    bench = load(code, "f", memory=512 << 20)
    assert bench.failure("f", 1 << 30)["type"] == "MemoryError"
    assert bench.result("f", 1000) == 1000


def test_a_crash_is_explained_on_stderr(load: Any) -> None:
    bench = load("import ctypes\ndef f(x): ctypes.string_at(0)\n", "f")
    with pytest.raises((EOFError, ConnectionError)):
        bench.call("f", 1)
    assert bench.launched.process.wait(10) == -signal.SIGSEGV
    assert b"Segmentation fault" in read_all(bench.launched.stderr)


# Output


def test_prints_belong_to_their_call_and_stream(load: Any) -> None:
    code = """
import logging, sys, threading, warnings
print("at import")
def f(x):
    print("out", x)
    sys.stderr.write("half")
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start(); thread.join()
    logging.getLogger("mine").warning("logged")
    warnings.warn("warned")
    sys.stdout.buffer.write(b"bytes\\n")
    sys.stdout.reconfigure(line_buffering=True)
    return sys.stdout.isatty()
"""
    bench = load(code, "f")
    frames = bench.call("f", 1)
    assert printed(frames) == "out 1\nfrom a thread\nbytes\n"
    stderr = printed(frames, "stderr")
    assert stderr.startswith("halflogged\n")
    assert "UserWarning: warned" in stderr
    assert json.loads(frames[-1].body) is False


def test_a_line_leaves_at_once_and_does_not_wait_for_the_end(load: Any) -> None:
    bench = load("import time\ndef f(x):\n    print('now')\n    time.sleep(30)\n", "f")
    started = time.monotonic()
    bench.send(Kind.CALL, b"1", id="c1", task="f", content_type="application/json")
    assert bench.next().body == b"now\n"
    assert time.monotonic() - started < 15


def test_endless_output_costs_little_and_keeps_head_and_tail(load: Any) -> None:
    code = """
def f(n):
    line = "x" * 99
    print("first")
    for _ in range(n): print(line)
    print("last")
"""
    bench = load(code, "f", output_cap=10_000)
    frames = bench.call("f", 300_000)
    text = printed(frames)
    assert text.startswith("first\nxxx")
    assert text.endswith("xxx\nlast\n")
    assert len(text) <= 10_000
    (notice,) = [f for f in frames if f.kind is Kind.OUTPUT and f.head["dropped"]]
    assert notice.head["dropped"] == 300_000 * 100 + len("first\nlast\n") - len(text)
    assert len(frames) < 200


def test_what_libraries_write_goes_to_the_pipes(load: Any) -> None:
    code = """
import os, subprocess
def f(x):
    os.write(1, b"raw\\n")
    subprocess.check_call(["echo", "child"])
    subprocess.check_call(["echo", "given"], stdout=__import__("sys").stdout)
"""
    bench = load(code, "f")
    assert bench.result("f", 1) is None
    bench.send(Kind.STOP)
    assert read_all(bench.launched.stdout) == b"raw\nchild\ngiven\n"


# Processes


def test_children_have_no_hold_on_the_socket(load: Any) -> None:
    code = """
import multiprocessing, os, subprocess, threading
def square(n): print("child", n); return n * n
def pool(x):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(square, range(x)))
def fork(x):
    pid = os.fork()
    if pid == 0:
        return "the child comes back"
    os.waitpid(pid, 0)
    return "parent"
def fork_in_thread(x):
    got = []
    def work():
        pid = os.fork()
        if pid == 0:
            print("child of a thread")
            os._exit(5)
        got.append(os.waitpid(pid, 0)[1] >> 8)
    thread = threading.Thread(target=work)
    thread.start(); thread.join()
    return got
def fds(x):
    return [fd for fd in os.listdir("/proc/self/fd") if int(fd) > 2 and "socket" in link(fd)]
def link(fd):
    try: return os.readlink("/proc/self/fd/" + fd)
    except OSError: return ""
def inherited(x):
    return subprocess.check_output(["sh", "-c", "ls -l /proc/$$/fd | grep -c socket || true"]).decode()
"""
    bench = load(code, "pool", "fork", "fds", "inherited")
    assert bench.result("pool", 4) == 14
    assert bench.result("fork", 1) == "parent"
    assert bench.result("fork_in_thread", 1) == [5]
    (number,) = bench.result("fds", 1)
    assert int(number) >= 200, "out of the way of whoever closes or reuses low descriptors"
    assert bench.result("inherited", 1).strip() == "0"
    bench.send(Kind.STOP)
    written = read_all(bench.launched.stdout)
    assert b"child 3\n" in written
    assert b"child of a thread\n" in written


def test_the_environment_is_clean(benches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWCTL_STATE", "postgresql://me:secret@db/x")
    monkeypatch.setenv("LC_TIME", "C")
    bench = benches(
        env={"TOKEN_OF_USER": "t"},
        code="import os\ndef f(x): return dict(os.environ)\n",
        tasks=["f"],
    )
    assert bench.next().kind is Kind.READY
    seen = bench.result("f", 1)
    assert "secret" not in json.dumps(seen)
    assert (seen["TOKEN_OF_USER"], seen["LC_TIME"]) == ("t", "C")
    assert "HOME" in seen
    assert "PATH" in seen


def test_a_signal_to_the_whole_service_cuts_no_call_off(load: Any) -> None:
    code = """
import multiprocessing, subprocess, time
def f(x):
    print("runs")
    time.sleep(0.2)
    program = subprocess.Popen(["sleep", "300"])
    program.terminate()
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,))
    child.start()
    child.terminate()
    child.join()
    return [program.wait(), child.exitcode]
"""
    bench = load(code, "f")
    bench.send(Kind.CALL, b"1", id="c1", task="f")
    assert bench.next().kind is Kind.OUTPUT
    bench.launched.process.terminate()
    done = bench.next()
    assert (done.kind, done.body) == (Kind.DONE, b"[-15,-15]")


def test_programs_of_the_environment_can_be_run_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    subprocess.run([BASE, "-m", "venv", "--without-pip", str(folder)], check=True)
    (folder / "bin" / "tool").write_text("#!/bin/sh\necho ran\n")
    (folder / "bin" / "tool").chmod(0o755)
    bench = Bench(str(folder / "bin" / "python"), tmp_path)
    code = "import subprocess\ndef f(x): return subprocess.check_output(['tool']).decode()\n"
    bench.send(Kind.SETUP, kind="code", code=code, tasks=["f"])
    assert bench.next().kind is Kind.READY
    assert bench.result("f", 1) == "ran\n"
    bench.close()


def test_stop_ends_it_and_so_does_the_end_of_the_worker(load: Any) -> None:
    code = "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef f(x): return x\n"
    stopped = load("def f(x): return x\n", "f")
    stopped.send(Kind.STOP)
    assert stopped.launched.process.wait(10) == 0
    left = load(code, "f")
    left.launched.link.close()
    assert left.launched.process.wait(10) == 0, "a thread of the user does not keep it"


def test_it_ends_with_its_parent_even_while_user_code_runs(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys, os, signal\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from agentd.worker.frames import Kind, Reader, pack\n"
        "from agentd.worker.launch import spawn\n"
        f"launched = spawn({BASE!r}, env={{}}, cwd='/')\n"
        "setup = dict(kind='code', code='def f(x):\\n    print(1)\\n    while True: pass\\n', tasks=['f'])\n"
        "launched.link.sendall(pack(Kind.SETUP, setup) + pack(Kind.CALL, dict(id='c', task='f'), b'1'))\n"
        "reader, frames = Reader(), []\n"
        "while len(frames) < 2: frames += reader.feed(launched.link.recv(9999))\n"
        "print(launched.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=30, check=False)
    pid = int(done.stdout)
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        assert select.select([fd], [], [], 10)[0], "the kernel ended it"
        os.close(fd)


def test_calls_may_be_queued_and_are_answered_in_order(load: Any) -> None:
    bench = load("def f(x): return x\n", "f")
    frames = b"".join(
        pack(Kind.CALL, {"id": f"c{n}", "task": "f"}, str(n).encode()) for n in range(500)
    )
    bench.launched.link.sendall(frames)
    answers = [bench.next() for _ in range(500)]
    assert [int(answer.body) for answer in answers] == list(range(500))
    assert [answer.head["id"] for answer in answers] == [f"c{n}" for n in range(500)]


# Programs

ECHO = """
import json, sys
for line in sys.stdin:
    value = json.loads(line)
    print("heard", file=sys.stderr, flush=True)
    if value == "die": sys.exit(7)
    if value == "bad": print("{oops", flush=True); continue
    if value == "two": print("1\\n2", flush=True); continue
    if value == "big": print(json.dumps("x" * 5_000_000), flush=True); continue
    print(json.dumps([value, len(line), __import__("os").getpid()]), flush=True)
"""


@pytest.fixture
def program(benches: Any, tmp_path: Path) -> Any:
    """An executor around a program that answers lines."""
    (tmp_path / "echo.py").write_text(ECHO)

    def make(*command: str, **setup: Any) -> Bench:
        words = command or (sys.executable, str(tmp_path / "echo.py"))
        return benches(kind="command", command=words, cwd=str(tmp_path), tasks=["any"], **setup)  # type: ignore[no-any-return]

    return make


def test_a_program_answers_line_by_line_and_is_kept(program: Any) -> None:
    bench = program()
    ready = bench.next()
    assert ready.head["tasks"] == [{"name": "any", "module": "", "arguments": [], "source": ""}]
    first = bench.call("any", body=b'{\n "a": [1,\n 2]}')
    assert printed(first, "stderr") == "heard\n"
    value, _, pid = json.loads(first[-1].body)
    assert value == {"a": [1, 2]}
    assert json.loads(bench.call("any", "ä" * 100_000)[-1].body)[1:] == [100_003, pid]
    assert json.loads(bench.call("any", None)[-1].body)[0] is None


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("die", "command", "exited with 7"),
        ("bad", "command", "{oops"),
        ("big", "TooLarge", "1048576"),
    ],
)
def test_a_program_that_fails_is_restarted(program: Any, value: str, kind: str, said: str) -> None:
    bench = program()
    bench.next()
    pid = json.loads(bench.call("any", 1)[-1].body)[2]
    failure = bench.failure("any", value)
    assert failure["type"] == kind
    assert said in failure["message"]
    assert json.loads(bench.call("any", 1)[-1].body)[2] != pid


def test_a_program_that_says_too_much_cannot_shift_the_answers(program: Any) -> None:
    bench = program()
    bench.next()
    assert json.loads(bench.call("any", "two")[-1].body) == 1
    frames = bench.call("any", "after")
    assert json.loads(frames[-1].body)[0] == "after"
    assert "more than one line" in printed(frames, "stderr")


def test_a_program_ends_with_its_executor(program: Any) -> None:
    bench = program("sh", "-c", "read line; setsid sleep 300 & echo $$; sleep 300")
    bench.next()
    pid = json.loads(bench.call("any", 1)[-1].body)
    fd = os.pidfd_open(pid)
    bench.send(Kind.STOP)
    assert bench.launched.process.wait(10) == 0
    assert select.select([fd], [], [], 10)[0]
    os.close(fd)


def test_a_program_that_is_not_there_is_said_at_once(program: Any) -> None:
    frame = program("/nowhere/at/all").next()
    assert frame.kind is Kind.BROKEN
    assert 'no program "/nowhere/at/all"' in frame.head["message"]


def test_code_with_our_decorators_runs_where_flowctl_is_not(load: Any) -> None:
    bench = load(
        """
from flowctl.authoring import network, plug, processor, socket

@processor
class Store:
    @socket
    def save(self, x): return x

@processor(cpus=2)
class Price:
    @plug(Store.save)
    @plug("store.save", on="error")
    @socket("sum")
    def total(self, x): return x + 1

@network
class Shop:
    price = Price
""",
        "total",
        module="price:Price",
    )
    assert bench.result("total", 1) == 2
