"""The recipe that a network is written as."""

from __future__ import annotations

import pytest

from flowctl.model.flow import NetworkSpec, ProcessorSpec, Schedule, SocketSpec, Source, SourceKind
from flowctl.recipe.dump import dump
from flowctl.recipe.parse import parse

SHOP = """\
version: 1
network: shop
strategy: efficient

processors:
  add:
    source: {path: /flows/lib, module: adding}
    cpus: 0
    sockets:
      pair: {task: pair, join: latest, queue: {ttl: 1h}}
  alert:
    source: {command: node alert.js --loud, path: /flows}
    sockets:
      send: {}
  parse:
    source:
      git: https://example.org/shop.git
      ref: v2
      module: shop.parse
    requirements: [httpx>=0.27, rich]
    scale: {min: 0, max: 8, queue: 500}
    timeout: 30s
    retry: {max: 3, backoff: 2s, on: [ValueError]}
    rate: 100/s
    env:
      DEBUG: 'true'
    labels: {gpu: a100}
    host: big.example.org
    memory: 512M
    track: errors
    enabled: false
    description: reads lines
    sockets:
      rows: parse_rows
      tick: {task: emit, cron: '*/5 * * * *', payload: {a: [1, 2.5, null]}, catchup: skip}
  text:
    source:
      code: |
        def say(word):
            return word
    sockets:
      say: say

plugs:
- {from: parse.tick, to: alert.send, on: error, name: late}
- {from: parse.rows, to: add.pair, argument: left, queue: {max_length: 10}}
- parse.rows !> alert.send

agents:
  a1: {hostname: h1, cpus: 4, labels: {gpu: a100}, ssh: {user: ops}, enabled: false}

deployments:
  parse.deploy1: {processor: parse, agent: big.example.org, cpus: 2}
"""


def test_a_recipe_is_short_and_stable() -> None:
    assert dump(parse(SHOP)) == SHOP


def test_an_empty_network_is_two_lines() -> None:
    assert dump(NetworkSpec(name="n")) == "version: 1\nnetwork: n\n"


@pytest.mark.parametrize(
    "payload", ['"1e3"', '"010"', '"on"', '"<<"', '{"<<":1}', "1e+16", '""', "[]"]
)
def test_payloads_keep_their_types(payload: str) -> None:
    socket = SocketSpec(name="s", task="f", schedule=Schedule(every=1.0, payload=payload))
    source = Source(kind=SourceKind.PATH, path="/x", module="m")
    spec = NetworkSpec(
        name="n", processors=(ProcessorSpec(name="p", source=source, sockets=(socket,)),)
    )
    assert parse(dump(spec)) == spec


def test_code_with_tabs_and_trailing_blanks_is_kept_to_the_letter() -> None:
    code = "def f():\n\treturn 1  \n\n\n"
    source = Source(kind=SourceKind.CODE, code=code, module="p")
    spec = NetworkSpec(name="n", processors=(ProcessorSpec(name="p", source=source),))
    assert parse(dump(spec)).processors[0].source.code == code


def test_words_with_blanks_make_a_command_a_list() -> None:
    source = Source(kind=SourceKind.COMMAND, command=("awk", "{print $1}", ""))
    spec = NetworkSpec(name="n", processors=(ProcessorSpec(name="p", source=source),))
    assert "command: [awk, '{print $1}', '']" in dump(spec)
    assert parse(dump(spec)) == spec
