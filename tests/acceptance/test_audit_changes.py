"""A flow is changed while messages wait: what waits is counted and found again, never lost."""

import time
from collections.abc import Iterator

import pytest

from tests.cluster import until
from tests.command import Command, processes_in

pytestmark = pytest.mark.process

CODE = "def rows(x): return x\ndef boom(x): raise ValueError(x)\n"
RECIPE = """\
version: 1
network: change
processors:
  a: {{source: {{code: "{code}"}}, sockets: {{rows: rows, boom: boom}}}}
  b:
    source: {{code: "{code}"}}
    sockets:
      keep: {{task: rows{limits}}}
{plugs}
"""
PLUG = "plugs: [a.rows -> b.keep]"


def recipe(plugs: str = PLUG, limits: str = "") -> str:
    return RECIPE.format(code=CODE.replace("\n", "\\n"), plugs=plugs, limits=limits)


def held(live: Command, queue: str) -> dict[str, object] | None:
    rows = live.ok("ls", "queues", "-o", "json").json["items"]
    return next((row for row in rows if row["name"] == queue), None)


def holds(live: Command, queue: str, count: int) -> None:
    def right() -> bool:
        row = held(live, queue)
        return (row["ready"] if row else 0) == count

    until(right, f"{count} in {queue}", timeout=30)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(tmp_path_factory.mktemp("change"))
    command.ok("up", "-d", "--cpus", "4")
    try:
        command.ok("apply", "-", "--wait", "--timeout", "60s", stdin=recipe())
        yield command
    finally:
        command.ok("down")
        assert processes_in(command.home) == []


def test_what_a_removed_plug_leaves_is_listed_and_can_be_moved(live: Command) -> None:
    live.ok("stop", "b")
    until(lambda: not live.ok("ls", "workers", "--processor", "b", "-o", "name").out, "b ends")
    live.ok("send", "a.rows", "7")
    holds(live, "change.a.rows-b.keep", 1)
    said = live.ok("apply", "-", stdin=recipe(plugs=""))
    assert "1 message left in change.a.rows-b.keep" in said.err
    row = held(live, "change.a.rows-b.keep")
    assert row is not None
    assert (row["role"], row["ready"]) == ("left", 1)
    assert live.ok("queue", "peek", "change.a.rows-b.keep", "-o", "json").json["items"]
    live.ok("queue", "move", "change.a.rows-b.keep", "b.keep")
    assert held(live, "change.a.rows-b.keep") is None
    live.ok("start", "b")
    holds(live, "change.b.keep", 0)
    calls = live.ok("ls", "calls", "--socket", "b.keep", "-o", "json").json["items"]
    assert len(calls) == 1
    live.ok("apply", "-", stdin=recipe())


def test_dead_letters_count_when_their_socket_is_deleted(live: Command) -> None:
    live("call", "a.boom", "1", "--timeout", "30s")
    refused = live("delete", "socket", "a.boom", "-y")
    assert refused.code == 5
    assert "change.a.boom.dead" in refused.err
    live.ok("delete", "socket", "a.boom", "-y", "--purge")
    assert held(live, "change.a.boom.dead") is None
    live.ok("apply", "-", stdin=recipe())


def test_a_full_queue_tells_which_were_accepted(live: Command) -> None:
    live.ok("stop", "b")
    live.ok("apply", "-", stdin=recipe(limits=", queue: {max_length: 2}"))
    events = ("events", "queue/change.b.keep", "-o", "json")
    until(
        lambda: [e["action"] for e in live.ok(*events).json["items"]][-1:] == ["replaced"],
        "the queue has its limit",
    )
    some = live("send", "b.keep", "-", "--each", stdin="1\n2\n3\n")
    assert some.code == 3
    assert len(some.out.split()) == 2
    none = live("send", "b.keep", "4")
    assert (none.code, none.out) == (1, "")
    assert "1 message was not accepted" in none.err
    live.ok("start", "b")
    live.ok("apply", "-", stdin=recipe())


def test_an_agent_that_was_stopped_serves_again_after_up(live: Command) -> None:
    name = live.ok("ls", "agents", "-o", "name").out.strip().removeprefix("agent/")
    live.ok("agent", "stop", name)
    until(lambda: "stopped" in live("ls", "agents").out.split("\n")[1], "the agent ends")
    live.ok("down")
    live.ok("up", "-d", "--cpus", "4")
    assert live.ok("call", "a.rows", "3", "--timeout", "40s").out == "3\n"


def test_what_is_scheduled_says_when_it_comes(live: Command) -> None:
    live.ok("update", "socket", "a.rows", "--cron", "0 0 1 1 *")
    (row,) = live.ok("ls", "schedules", "-o", "json").json["items"]
    year = time.gmtime().tm_year + 1
    assert row["next"] == f"{year}-01-01T00:00:00Z"
    live.ok("pause", "a")
    (row,) = live.ok("ls", "schedules", "-o", "json").json["items"]
    assert row["next"] is None
    live.ok("resume", "a")
    live.ok("update", "socket", "a.rows", "--no-schedule")
