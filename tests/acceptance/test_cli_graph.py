"""`flowctl graph`, as a person runs it."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.command import ROOT, Command

RECIPE = """\
version: 1
network: shop
processors:
  parse:
    source: {code: "def rows(text): return text.split()"}
    sockets: {rows: rows}
  store:
    source: {code: "def save(row): return row"}
    sockets: {save: save}
  alert:
    source: {code: "def tell(what): return what"}
    sockets: {tell: tell}
plugs:
  - parse.rows -> store.save
  - parse.rows !> alert.tell
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(tmp_path_factory.mktemp("graph"))
    command.ok("apply", "-", stdin=RECIPE)
    yield command
    command.close()


def test_the_picture_of_a_network(shop: Command) -> None:
    assert shop.ok("graph", "shop").out == shop.ok("graph", "-n", "shop").out
    assert (
        shop.ok("graph").out
        == """\
                        ┌───────┐
┌───────┐ ╭┄rows!>tell┄▶│ alert │
│ parse ├┄╯             └───────┘
│       ├─╮
└───────┘ │             ┌───────┐
          ╰─rows>save──▶│ store │
                        └───────┘
"""
    )


def test_plain_characters(shop: Command) -> None:
    plain = shop.ok("graph", "shop", "-o", "ascii").out
    assert plain.isascii()
    assert "parse" in plain


@pytest.mark.parametrize(
    ("form", "begin"),
    [("dot", 'digraph "shop" {'), ("mermaid", "flowchart LR"), ("svg", "<svg ")],
)
def test_other_languages(shop: Command, form: str, begin: str) -> None:
    assert shop.ok("graph", "shop", "-o", form).out.startswith(begin)


def test_colours_add_nothing_to_what_is_said(shop: Command) -> None:
    painted = shop.ok("graph", "shop", "--color", "always").out
    assert "\x1b[31m┄" in painted
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == shop.ok("graph", "shop").out


def test_a_document(shop: Command) -> None:
    found = shop.ok("graph", "shop", "-o", "json", "--live").json
    assert (found["version"], found["kind"], found["name"]) == (1, "graph", "shop")
    assert [vertex["name"] for vertex in found["vertices"]] == ["alert", "parse", "store"]
    assert found["edges"][0]["live"]["depth"] == 0
    assert found == shop.ok("-o", "json", "graph", "shop", "--live").json


def test_numbers_in_a_pipe_are_drawn_once(shop: Command) -> None:
    assert "/s" in shop.ok("graph", "shop", "--live").out


def test_a_narrow_picture_reads_downwards(shop: Command) -> None:
    lines = shop.ok("graph", "shop", "--width", "20").out.splitlines()
    assert max(map(len, lines)) <= 20
    assert any("▼" in line for line in lines)
    assert "▼" not in shop.ok("graph", "shop", "--width", "20", "--orient", "lr").out


def test_a_focus(shop: Command) -> None:
    near = shop.ok("graph", "shop", "--focus", "store").out
    assert "parse" in near
    assert "alert" not in near
    missing = shop("graph", "shop", "--focus", "stoer")
    assert missing.code == 4
    assert "store" in missing.err


@pytest.mark.parametrize("words", [("-o", "yaml"), ("--orient", "up"), ("--width", "-3")])
def test_words_that_mean_nothing_are_refused(shop: Command, words: tuple[str, str]) -> None:
    assert shop("graph", "shop", *words).code == 2


def test_listing_does_not_pay_for_pictures(shop: Command) -> None:
    code = (
        "import sys\nfrom flowctl.cli.app import run\n"
        "try:\n    run(['ls', 'processors'])\n"
        "finally:\n    print([m for m in sys.modules if 'graph' in m], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=shop.environment, capture_output=True, text=True,
        cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr.strip() == "[]"


def test_a_live_picture_leaves_the_terminal_as_it_was(shop: Command) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowctl", "graph", "shop", "--live"],
        cwd=ROOT, env=shop.environment | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        stdin=follower, stdout=follower, stderr=follower, close_fds=True,
    )  # fmt: skip
    os.close(follower)
    try:
        seen = read_until(leader, b"store")
        process.send_signal(signal.SIGINT)
        seen += read_until(leader, b"\x1b[?1049l")
        assert process.wait(30) == 130
    finally:
        process.kill()
        os.close(leader)
    assert seen.startswith(b"\x1b[?1049h")
    assert b"Ctrl-C ends" in seen


def read_until(leader: int, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        ready, _, _ = select.select([leader], [], [], 30)
        assert ready, seen
        seen += os.read(leader, 65536)
    return seen
