"""The command line with everything running: up, call, send, trace, scale, logs, down."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flowctl.services import crew
from flowctl.settings import load
from tests.cluster import until
from tests.command import ROOT, Command, processes_in

pytestmark = pytest.mark.process

RECIPE = """\
version: 1
network: talk
processors:
  words:
    source:
      code: |
        def shout(text):
            print("shouting", text)
            return text.upper()

        def ask(text):
            return text + "?"

        def boom(value):
            raise ValueError(f"no {value}")

        def split(text):
            yield from text.split()

        def add(left, right):
            return left + right
    sockets: {shout: shout, ask: ask, boom: boom, split: split, add: add, size: ask}
plugs:
  - words.split -> words.size
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A home where everything runs and the network `talk` is ready."""
    command = Command(tmp_path_factory.mktemp("live"))
    said = command.ok("up", "-d", "--cpus", "2")
    assert "ready: a scheduler and 1 agent" in said.err
    try:
        answer = command.ok("apply", "-", "--wait", "--timeout", "30s", stdin=RECIPE)
        assert "waiting: " in answer.err
        yield command
    finally:
        command.ok("down")
        assert processes_in(command.home) == []


def test_call_prints_the_result_alone(live: Command) -> None:
    answer = live.ok("call", "words.shout", '"hello"', "--timeout", "20s")
    assert answer.out == '"HELLO"\n'
    assert answer.err == ""


def test_text_goes_through_a_pipe_of_calls(live: Command) -> None:
    flowctl = f"{sys.executable} -m flowctl"
    line = f"echo HI | {flowctl} call words.ask - --text | {flowctl} call words.shout -"
    done = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env=live.environment, capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    assert done.stdout == '"HI?"\n'


def test_a_failed_call_fails_the_command_and_shows_where(live: Command) -> None:
    answer = live("call", "words.boom", "5", "--timeout", "20s")
    assert answer.code == 1
    assert answer.out == ""
    assert "ValueError: no 5" in answer.err
    assert 'raise ValueError(f"no {value}")' in answer.err
    assert "flowctl/" not in answer.err.partition("error: ")[0]
    listed = live.ok("errors", "words", "-o", "json").json["items"]
    assert listed[0]["type"] == "ValueError"


def test_a_dead_letter_that_is_sent_again_has_an_outcome(live: Command) -> None:
    call_id = live.ok("send", "words.boom", "6").out.strip()
    assert live("result", call_id, "--wait", "--timeout", "20s").code == 1
    live.ok("wait", "queue", "words.boom", "--for", "empty", "--timeout", "20s")
    assert call_id in live.ok("queue", "peek", "words.boom.dead", "-o", "jsonl").out
    live.ok("queue", "retry", "words.boom", call_id)
    assert live("result", call_id, "--wait", "--timeout", "20s").code == 1
    live.ok("wait", "queue", "words.boom", "--for", "empty", "--timeout", "20s")
    assert call_id in live.ok("queue", "peek", "words.boom.dead", "-o", "jsonl").out
    actions = [
        each["action"] for each in live.ok("events", "call", call_id, "-o", "json").json["items"]
    ]
    assert actions == ["failed", "sent again", "failed"]


def test_send_is_recorded_once_for_one_key(live: Command) -> None:
    first = live.ok("send", "words.shout", '"once"', "--key", "order-1").out.strip()
    again = live.ok("send", "words.shout", '"once"', "--key", "order-1").out.strip()
    assert first == again
    assert live.ok("result", first, "--wait", "--timeout", "20s").out == '"ONCE"\n'
    live.ok("wait", "queue", "words.shout", "--for", "empty", "--timeout", "20s")
    calls = live.ok("ls", "calls", "-t", first, "-r", "100", "-o", "json").json["items"]
    assert len(calls) == 1


def test_many_at_once_from_lines(live: Command) -> None:
    lines = "".join(json.dumps(f"t{number}") + "\n" for number in range(50))
    ids = live.ok("send", "words.shout", "-", "--each", stdin=lines).out.split()
    assert len(set(ids)) == 50
    assert live.ok("result", ids[-1], "--wait", "--timeout", "20s").out == '"T49"\n'


def test_a_trace_is_the_tree_of_the_run(live: Command) -> None:
    call_id = live.ok("send", "words.split", '"one two three"').out.strip()
    live.ok("result", call_id, "--wait", "--timeout", "20s")
    live.ok("wait", "queue", "words.split-words.size", "--for", "empty", "--timeout", "20s")
    live.ok("wait", "run", call_id, "--for", "done", "--timeout", "20s")
    lines = live.ok("trace", call_id[:14]).out.splitlines()
    assert lines[0] == f"run {call_id}"
    assert lines[1].startswith("words.split  finished")
    assert [line.split()[1] for line in lines[2:5]] == ["words.size"] * 3
    assert lines[4].startswith("└─ ")
    assert lines[5].startswith("4 calls, ")
    assert len(live.ok("trace", call_id, "-o", "json").json["calls"]) == 4


def test_arguments_meet_in_a_join(live: Command) -> None:
    answer = live("call", "words.add", "--arg", "left=1", "--arg", "right=2", "--timeout", "20s")
    assert answer.out == "3\n", answer


def test_pages_of_calls_tell_where_they_are(live: Command) -> None:
    live.ok("call", "words.ask", '"x"', "--timeout", "20s")
    answer = live.ok("ls", "calls", "-r", "1")
    assert answer.err.startswith("Page 1 of ")
    assert len(answer.out.splitlines()) == 2
    assert "exist." in live.ok("ls", "calls", "-p", "9999").err


def test_what_functions_print_is_in_the_logs(live: Command) -> None:
    live.ok("call", "words.shout", '"marker-in-the-log"', "--timeout", "20s")
    text = live.ok("logs", "words", "--grep", "marker-in-the-log").out
    assert "shouting marker-in-the-log" in text
    every = live.ok("logs", "-o", "json", "--limit", "0").json["items"]
    assert {"schedulerd", "words.shout"} <= {line["source"] for line in every}
    assert [line["at"] for line in every] == sorted(line["at"] for line in every)


def test_status_and_wait_and_scale(live: Command) -> None:
    answer = live.ok("scale", "words=+1", "--wait", "--timeout", "30s")
    assert "scaled to 2 cpus" in answer.err
    status = live.ok("status", "-o", "json").json
    assert status["healthy"] is True
    assert status["processors"][0]["running_cpus"] == 2
    live.ok("scale", "words=1", "--wait", "--timeout", "30s")


def test_what_cannot_be_placed_says_so_and_times_out(live: Command) -> None:
    answer = live("scale", "words=50", "--wait", "--timeout", "2s")
    assert answer.code == 124
    assert "error: after 2 s: words is " in answer.err
    live.ok("scale", "words=1", "--wait", "--timeout", "30s")


def test_stop_keeps_what_arrives_and_start_serves_it(live: Command) -> None:
    live.ok("stop", "words", "--wait", "--timeout", "30s")
    call_id = live.ok("send", "words.shout", '"later"').out.strip()
    assert live("call", "words.ask", "1", "--timeout", "1s").code == 124
    live.ok("start", "words", "--wait", "--timeout", "30s")
    assert live.ok("result", call_id, "--wait", "--timeout", "20s").out == '"LATER"\n'


def test_events_tell_what_people_did(live: Command) -> None:
    text = live.ok("events", "processor", "words", "--limit", "1000").out
    assert "status" in text
    line = live.begin("events", "-f", "-o", "jsonl")
    assert line.stdout is not None
    first = json.loads(line.stdout.readline())
    assert first["kind"]
    line.terminate()
    line.communicate(timeout=20)


def test_up_twice_is_refused(live: Command) -> None:
    answer = live("up", "-d")
    assert answer.code == 5
    assert "already up" in answer.err


def test_up_brings_back_a_daemon_that_was_killed(live: Command) -> None:
    record = crew.record_file(load(live.environment).paths)
    before = {each["name"]: each["pid"] for each in json.loads(record.read_bytes())}
    name = live.ok("ls", "agents", "-o", "name").out.strip()
    os.kill(before[name], signal.SIGKILL)
    until(lambda: crew.start_of(before[name]) == "", "the agent is gone")
    assert f"{name} was started by `up` and is gone" in live("doctor").out
    assert live("up").code == 5
    assert f"({name})" in live.ok("up", "-d").err
    after = {each["name"]: each["pid"] for each in json.loads(record.read_bytes())}
    assert after[name] != before[name]
    assert after["scheduler"] == before["scheduler"]
    answer = live.ok("call", "words.shout", '"back"', "--timeout", "20s")
    assert answer.out == '"BACK"\n'


def test_agents_can_be_drained_and_resumed(live: Command) -> None:
    name = live.ok("ls", "agents", "-o", "name").out.strip()
    live.ok("agent", "drain", name)
    assert live.ok("show", "agent", name, "-o", "json").json["requested_status"] == "paused"
    live.ok("agent", "resume", name)
    live.ok("wait", "agent", name, "--timeout", "20s")
    refused = live("agent", "rm", name, "-y")
    assert refused.code == 5
