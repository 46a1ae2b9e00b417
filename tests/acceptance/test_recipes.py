"""The recipes that are shipped, run as their comments say, and what a run leaves behind: nothing."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowctl.model.states import CallStatus
from tests.cluster import PATIENCE, Cluster, until
from tests.stage import STEPS, Stage

pytestmark = pytest.mark.process

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a person whose home and temporary files all lie in one folder."""
    rest = {key: value for key, value in os.environ.items() if not key.startswith("FLOWCTL_")}
    return {**rest, "FLOWCTL_HOME": str(home), "TMPDIR": str(home)}


def flowctl(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowctl", *words], env=environment(home), input=stdin, text=True,
        capture_output=True, timeout=2 * PATIENCE, check=False,
    )  # fmt: skip


def ran(home: Path, *words: str, status: int = 0) -> dict[str, Any]:
    """Run a recipe and return the JSON it prints."""
    done = flowctl(home, "run", *words, "-o", "json")
    assert done.returncode == status, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_hello(home: Path) -> None:
    done = flowctl(home, "run", str(RECIPES / "hello"), "--input", 'greet.hello="ワールド"')
    assert (done.returncode, done.stdout) == (0, '"Hello, ワールド!"\n')
    assert "1 call in" in done.stderr
    assert not list(home.glob("flowctl-run-*"))


def test_codestats(home: Path) -> None:
    code = home / "code"
    for number in range(30):
        file = code / "wide" / f"m{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("def f(x):\n    return 1 if x else 2\n")
    (code / "tall.py").write_text("def g():\n    pass\n\n\ndef h(a, b):\n    return a and b\n" * 20)
    (code / "torn.py").write_text("def (\n")
    document = ran(home, str(RECIPES / "codestats"), "-i", f"find.packages={json.dumps(str(code))}")
    (rows,) = document["results"]["report.table"]
    found = {row["package"]: (row["files"], row["broken"], row["lines"]) for row in rows}
    assert found == {
        "tall": (1, 0, 120), "wide": (30, 0, 60), "torn": (1, 1, 1), "TOTAL": (32, 1, 181),
    }  # fmt: skip
    total = rows[-1]
    assert (total["functions"], total["complexity"], total["per_function"]) == (70, 120, 1.71)
    assert (document["count"]["failed"], document["failures"]) == (0, [])


def weblog_of(home: Path, lines: int) -> tuple[Path, int, int]:
    """Write a log; return it with how many of its lines are whole and how many broken."""
    weblog = runpy.run_path(str(RECIPES / "weblog" / "weblog.py"))
    path = home / f"access-{lines}.log"
    weblog["write_log"](path, lines)
    good = sum(bool(weblog["COMBINED"].fullmatch(line)) for line in path.read_text().splitlines())
    return path, good, lines - good


def check_weblog(home: Path, lines: int) -> None:
    path, good, broken = weblog_of(home, lines)
    document = ran(
        home, str(RECIPES / "weblog"), "-i", f"read.blocks={json.dumps(str(path))}", status=1
    )
    (ranking,) = document["results"]["report.top"]
    assert len(ranking) == 5
    assert all(0.1 < row["share"] < 0.15 for row in ranking)
    notes = document["results"]["report.broken"]
    assert (len(notes), document["count"]["failed"]) == (broken, broken)
    assert {note["reason"] for note in notes} >= {"no time in brackets", "0 quotes instead of 6"}
    assert sum(row["hits"] for row in ranking) < good


def test_weblog(home: Path) -> None:
    check_weblog(home, 6_000)


@pytest.mark.slow
def test_weblog_of_full_size(home: Path) -> None:
    check_weblog(home, 100_000)


def test_watch(tmp_path: Path) -> None:
    shutil.copytree(RECIPES / "watch", tmp_path / "watch")
    recipe = tmp_path / "watch" / "recipe.yaml"
    alerts = tmp_path / "alerts.log"
    text = recipe.read_text().replace("every: 10s", "every: 1s")
    recipe.write_text(text.replace("/tmp/flowctl-alerts.log", str(alerts)))
    cluster = Cluster(tmp_path / "home")
    try:
        cluster.start()
        with cluster.control() as control:
            net = Stage(cluster, control, "watch")
            cluster.flowctl("apply", str(recipe.parent), "-y", "--wait", "--timeout", "120s")
            net.settled("host.threshold", 2)
            (sample, *_) = net.calls("host.sample", CallStatus.FINISHED)
            assert set(net.value(sample.id)) == {"cpu", "memory", "disk"}
            low = {"disk": 50, "limits": {"disk": 40}}
            (sent,) = net.send("host.threshold", [low])
            run = until(
                lambda: [c for c in control.store.traffic.run(sent) if c.socket == "alert.write"],
                "an alert is sent",
            )
            (written,) = net.values([run[0].id])
            assert written == {"written": True, "alert": {"over": {"disk": 50}, "run": sent}}
            assert f'{{"over":{{"disk":50}},"run":"{sent}"}}' in alerts.read_text()
    finally:
        cluster.stop()


@contextlib.contextmanager
def running(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a recipe whose only call never ends; wait until it runs."""
    journal = home / "journal"
    recipe = {
        "version": 1, "network": "endless",
        "processors": {"a": {
            "source": {"code": STEPS}, "sockets": {"gated": "gated"}, "env": {"JOURNAL": str(journal)},
        }},
    }  # fmt: skip
    (home / "recipe.yaml").write_text(json.dumps(recipe))
    process = subprocess.Popen(
        [sys.executable, "-m", "flowctl", "run", str(home / "recipe.yaml")], env=environment(home),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until(journal.exists, "the call runs")
        yield process
    finally:
        process.kill()
        process.communicate()


def processes_of(home: Path) -> list[psutil.Process]:
    """Return every process that belongs to what runs in a home, with what these started."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            named = [*process.cmdline(), *process.environ().values()]
            if process.pid != os.getpid() and any(str(home) in word for word in named):
                for each in [process, *process.children(recursive=True)]:
                    found[each.pid] = each
    return list(found.values())


def gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path) as process:
        family = processes_of(tmp_path)
        assert len(family) >= 5  # flowctl, schedulerd, agentd, worker, executor
        process.send_signal(how)
        if how is signal.SIGKILL:  # nobody asked to cut the call off: it may end
            Path(f"{tmp_path / 'journal'}.open").touch()
        _, said = process.communicate(timeout=PATIENCE)
        until(lambda: gone(family) and gone(processes_of(tmp_path)), "everything is gone")
    if how is not signal.SIGKILL:
        assert process.returncode == 130
        assert "Traceback" not in said
        assert not list(tmp_path.glob("flowctl-run-*"))


def test_up_and_down(tmp_path: Path) -> None:
    up = flowctl(tmp_path, "up", "-d", "--cpus", "2")
    assert up.returncode == 0, up.stderr
    try:
        again = flowctl(tmp_path, "up", "-d")
        assert again.returncode != 0
        assert "already up" in again.stderr
        applied = flowctl(tmp_path, "apply", str(RECIPES / "hello"), "-y", "--wait")
        assert applied.returncode == 0, applied.stderr
        assert flowctl(tmp_path, "call", "greet.hello", '"you"').stdout == '"Hello, you!"\n'
        family = processes_of(tmp_path)
    finally:
        down = flowctl(tmp_path, "down")
    assert down.returncode == 0, down.stderr
    assert gone(family)
    assert gone(processes_of(tmp_path))
    status = flowctl(tmp_path, "status")
    assert status.returncode == 8
    assert "no scheduler leads" in status.stdout + status.stderr


def test_a_broken_recipe_is_told_with_every_problem(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "version: 1\nnetwork: shop\nprocessors:\n  a:\n    source: {code: 'def f(x): return x'}\n"
        "    cpu: 2\n    sockets: {f: f}\nplugs:\n  - a.f -> b.g\n"
    )
    done = flowctl(tmp_path, "run", str(recipe))
    assert done.returncode == 10
    assert "recipe.yaml:6:5" in done.stderr
    assert "cpus" in done.stderr
    assert "recipe.yaml:9" in done.stderr
