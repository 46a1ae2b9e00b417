"""What a run begins with, and what it reads out."""

from pathlib import Path

import pytest

from flowctl.errors import InvalidInput
from flowctl.model.flow import NetworkSpec
from flowctl.recipe.parse import parse
from flowctl.services import runs
from flowctl.services.calls import json_payload, text_payload

FLOW = """\
version: 1
network: shop
processors:
  a: {source: {code: "def f(): pass"}, sockets: {first: f, second: f}}
  b: {source: {code: "def f(x): pass"}, sockets: {middle: f, wrong: f}}
  c: {source: {code: "def f(x): pass"}, sockets: {last: f, tick: {task: f, every: 10s}}}
plugs:
  - a.first -> b.middle
  - b.middle -> c.last
  - {from: b.middle, to: b.wrong, on: error}
"""
CIRCLE = """\
version: 1
network: ring
processors:
  a: {source: {code: "def f(x): return x"}, sockets: {x: f, y: f}}
plugs:
  - a.x -> a.y
  - {from: a.y, to: a.x, allow_cycle: true}
"""

CANVAS = """\
version: 1
network: canvas
processors:
  a: {source: {code: "def f(x): return x"}, sockets: {x: f, y: f, z: f}}
  inner: {type: parallel, steps: [a.x, a.y]}
  outer: {type: pipeline, steps: [a.z, inner.start]}
plugs:
  - outer.complete -> a.y
"""


def flow(text: str = FLOW) -> NetworkSpec:
    return parse(text)


def test_sources_are_fed_by_nothing_and_no_clock() -> None:
    assert runs.sources(flow()) == ["a.first", "a.second"]


def test_sinks_pass_no_result_on() -> None:
    assert runs.sinks(flow()) == ["a.second", "b.wrong", "c.last", "c.tick"]


def test_sources_get_a_null_where_nothing_is_given() -> None:
    assert [(feed.socket, feed.payloads[0].body) for feed in runs.feeds(flow(), [])] == [
        ("a.first", b"null"),
        ("a.second", b"null"),
    ]
    given = [runs.read_feed("b.middle=1", stdin=bytes)]
    assert runs.feeds(flow(), given) == given


def test_a_ring_does_not_know_where_to_begin() -> None:
    with pytest.raises(InvalidInput, match="fed by another"):
        runs.feeds(flow(CIRCLE), [])


def test_inputs_from_the_line_a_file_and_stdin(tmp_path: Path) -> None:
    one, many = tmp_path / "one.json", tmp_path / "many.jsonl"
    one.write_text('{"n":\n 1}')
    many.write_text("1\n\n2\n")
    assert runs.read_feed('a.b={"x": 1}', stdin=bytes).payloads[0].body == b'{"x": 1}'
    assert runs.read_feed(f"a.b=@{one}", stdin=bytes).payloads[0].body == b'{"n": 1}'
    assert [p.body for p in runs.read_feed(f"a.b=@{many}", stdin=bytes).payloads] == [b"1", b"2"]
    assert runs.read_feed("a.b=-", stdin=lambda: b"[1]").payloads[0].body == b"[1]"


@pytest.mark.parametrize("text", ["a.b", "=1", "a.b=", "a.b={", "a.b=@/nowhere", "a.b=Infinity"])
def test_inputs_that_cannot_be_used(text: str) -> None:
    with pytest.raises(InvalidInput):
        runs.read_feed(text, stdin=bytes)


def test_a_private_home_shares_only_the_cache(tmp_path: Path) -> None:
    environ = {
        "FLOWCTL_HOME": str(tmp_path),
        "FLOWCTL_STATE": "postgresql://u@h/d",
        "HOME": "/root",
    }
    with runs.private_home(environ) as settings:
        home = settings.paths.config.parent
        assert settings.embedded
        assert str(home) in settings.state
        assert settings.paths.cache == tmp_path / "cache"
        assert home.is_dir()
    assert not home.exists()


def test_payloads_are_checked_json() -> None:
    assert json_payload(' {"a": 1} ').body == b'{"a": 1}'
    assert text_payload('say "hi"').body == b'"say \\"hi\\""'
    with pytest.raises(InvalidInput, match="not JSON"):
        json_payload("[" * 100_000)


def test_a_run_offers_room_for_every_processor() -> None:
    big = flow(FLOW.replace("sockets: {first", "cpus: 300, sockets: {first"))
    assert runs.enough_cpus(big) == 302
    assert runs.enough_cpus(flow()) >= 3


def test_what_canvases_call_is_fed_and_read_by_them() -> None:
    assert runs.sources(flow(CANVAS)) == ["outer.start"]
    assert runs.sinks(flow(CANVAS)) == ["a.y"]  # a plug leads there as well
    given = [runs.read_feed("inner.start=1", stdin=bytes), runs.read_feed("a.z=1", stdin=bytes)]
    assert runs.sinks(flow(CANVAS), given) == ["a.y", "a.z", "inner.complete"]
