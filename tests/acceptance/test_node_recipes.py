"""The recipes etl, sensors, mapreduce and canvas over both brokers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowctl.model.states import CallStatus
from tests.cluster import PATIENCE, Cluster, until
from tests.stage import Stage, stage

pytestmark = pytest.mark.process

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("servers", marks=[pytest.mark.rabbit, pytest.mark.postgres])],
)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    urls = {}
    if request.param == "servers":
        names = {"broker": "rabbit_url", "state": "postgres_url"}
        urls = {key: request.getfixturevalue(name) for key, name in names.items()}
    made = Cluster(tmp_path_factory.mktemp(f"recipes-{request.param}"), cpus=16, **urls)
    try:
        yield made.start()
    finally:
        made.stop()


def applied(net: Stage, old: str = "", new: str = "") -> None:
    """Apply the recipe of this name, with one text replaced by another."""
    folder = net.cluster.home / net.name
    shutil.copytree(RECIPES / net.name, folder)
    text = (folder / "recipe.yaml").read_text().replace(old or "\0", new)
    (folder / "recipe.yaml").write_text(text)
    net.cluster.flowctl("apply", str(folder), "-y", "--wait", "--timeout", f"{PATIENCE:.0f}s")


def test_etl(cluster: Cluster) -> None:
    database = cluster.home / "etl.db"
    with stage(cluster, "etl") as net:
        applied(net, "/tmp/flowctl-etl.db", str(database))
        (sent,) = net.say("data", "emit", "orders").split()
        (report,) = net.settled("report.loaded", 1)
        assert report.run_id == sent
        loaded = net.value(report.id)
        broken = net.settled("store.broken", 6)
        assert Counter(net.value(call.id)["place"] for call in broken) == Counter(
            ["/country", "/amount", "/euros", "/amount", "/id", "/euros"]
        )
        assert len(net.calls("check.row", CallStatus.FAILED)) == 6

        def ways() -> dict[str, int]:
            found = {
                s: len(net.calls(f"store.{s}", CallStatus.FINISHED))
                for s in ("large", "home", "abroad")
            }
            sorted_ = net.calls("sort.order", CallStatus.FINISHED)
            return (
                found
                if sum(found.values()) == sum(c.outputs for c in sorted_) and len(sorted_) == 34
                else {}
            )

        found = until(ways, "all orders are stored")
        with closing(sqlite3.connect(database)) as stored:
            rows = stored.execute("SELECT way, COUNT(*) FROM orders GROUP BY way").fetchall()
            ids, euros = stored.execute(
                "SELECT COUNT(*), SUM(euros) FROM (SELECT DISTINCT id, euros FROM orders)"
            ).fetchone()
        assert dict(rows) == found
        assert loaded == {"orders": ids, "euros": round(euros, 2)}
        assert ids == 34


def test_sensors(cluster: Cluster) -> None:
    with stage(cluster, "sensors") as net:
        applied(net)
        pairs = [net.value(call.id)["of"] for call in net.settled("join.comfort", 3)]
        once = Counter(reading for pair in pairs for reading in pair)
        assert set(once.values()) == {1}
        readings = {
            name: [call.id for call in net.calls(f"sense.{name}")]
            for name in ("temperature", "humidity")
        }
        for temperature, humidity in pairs:
            assert temperature in readings["temperature"]
            assert humidity in readings["humidity"]
        said = [net.value(call.id) for call in net.settled("join.weather", 4)]
        assert all(each["pressure"] > 1000 for each in said)
        rows = {row["socket"]: row for row in _schedules(net)}
        assert len(rows) == 3
        assert all(row["next"] for row in rows.values())
        assert rows["sense.pressure"]["timezone"] == "Europe/Berlin"

        net.say("pause", "sense")
        assert not any(row["next"] for row in _schedules(net))
        net.say("resume", "sense")
        net.say("schedule", "set", "sense.pressure", "--every", "1h")
        net.say("schedule", "rm", "sense.humidity")
        rows = {row["socket"]: row for row in _schedules(net)}
        assert {name: row["schedule"] for name, row in rows.items()} == {
            "sense.temperature": "cron */2 * * * * *", "sense.pressure": "every 1h",
        }  # fmt: skip
        assert rows["sense.pressure"]["payload"] == '{"mean":1013,"swing":9}'


def _schedules(net: Stage) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(net.say("ls", "schedules", "-o", "json"))["items"]
    return found


def test_mapreduce(cluster: Cluster) -> None:
    texts = cluster.home / "texts"
    texts.mkdir()
    counted: Counter[str] = Counter()
    for number in range(10):
        words = [f"word{chr(97 + n)}" for n in range(number + 1) for _ in range(n + 1)]
        counted.update(words)
        (texts / f"{number}.txt").write_text(" ".join(words))
    (texts / "link.txt").symlink_to(texts / "9.txt")
    with stage(cluster, "mapreduce") as net:
        applied(net)
        net.send("files.find", [str(texts)])
        (report,) = net.settled("report.top", 1)
        *rows, total = net.value(report.id)
        assert {row["word"]: row["count"] for row in rows} == counted
        assert total == {"word": "(10 words in 10 files)", "count": sum(counted.values())}
        assert len(net.calls("map.count", CallStatus.FINISHED)) == 3
        assert len(net.calls("reduce.add", CallStatus.FINISHED)) == 8


def test_canvas(cluster: Cluster) -> None:
    """The same canvas out of processors and out of Python: the same calls, the same values."""
    below = {  # as tables of primes say
        0: {"primes": 0, "twins": 0, "widest gap": 0, "after": 0},
        1_000: {"primes": 168, "twins": 35, "widest gap": 20, "after": 887},
        100_000: {"primes": 9592, "twins": 1224, "widest gap": 72, "after": 31397},
    }
    with stage(cluster, "canvas") as net:
        applied(net)
        assert net.values(net.send("study.start", list(below))) == list(below.values())
        counted = Counter(call.socket for call in net.calls("", CallStatus.FINISHED))
        assert counted["numbers.primes"] == counted["numbers.twins"] == counted["numbers.gap"] == 4
        found = subprocess.run(
            [sys.executable, RECIPES / "canvas" / "study.py", *map(str, below)],
            capture_output=True, text=True, check=False, env=cluster.env, timeout=PATIENCE * 2,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        lines = [line.partition(" ") for line in found.stdout.splitlines()]
        assert [json.loads(value) for _, _, value in lines] == list(below.values())
        assert "numbers.twins" in net.say("trace", lines[-1][0])
