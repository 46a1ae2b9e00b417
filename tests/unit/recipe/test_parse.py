"""From text to a network: what is read, what is left to defaults, what is refused at once."""

from __future__ import annotations

import pytest
from msgspec import structs

from flowctl.errors import RecipeError
from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    Join,
    JoinMode,
    NetworkSpec,
    PlugKind,
    PlugSpec,
    QueueLimits,
    Rate,
    RateScope,
    Retry,
    Scale,
    Schedule,
    Source,
    SourceKind,
)
from flowctl.recipe.document import Listing, Scalar, Table
from flowctl.recipe.notes import Notes
from flowctl.recipe.parse import LARGEST, MOST_NODES, compose, parse

SHOP = """
version: 1
network: shop
processors:
  parse:
    source: {git: https://example.org/shop.git, ref: 1.10, module: shop.parse}
    requirements: [httpx>=0.27]
    cpus: 2
    timeout: 30s
    retry: {max: 3, backoff: 1s, on: [ValueError]}
    rate: 100/s
    memory: 512M
    env: {DEBUG: true, PORT: 8080}
    sockets:
      rows: parse_rows
      tick: {task: emit, cron: "*/5 * * * *", payload: {a: [1, no]}}
  add:
    source: {path: lib, module: adding}
    scale: {min: 2, max: 8, queue: 500}
    sockets:
      pair: {join: latest, queue: {ttl: 1h, max_length: 10}}
plugs:
  - parse.rows -> add.pair
  - {from: parse.tick, to: add.pair, argument: left}
  - {from: parse.rows, to: add.pair, on: error}
"""


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture(scope="module")
def shop() -> NetworkSpec:
    return parse(SHOP, folder="/flows")


def test_everything_is_sorted_by_name(shop: NetworkSpec) -> None:
    assert [p.name for p in shop.processors] == ["add", "parse"]
    assert [p.argument or p.kind for p in shop.plugs] == ["result", "error", "left"]


def test_a_processor_is_read_with_its_limits(shop: NetworkSpec) -> None:
    found = shop.processors[1]
    assert found.source == Source(
        kind=SourceKind.GIT, url="https://example.org/shop.git", ref="1.10", module="shop.parse"
    )
    assert (found.cpus, found.timeout, found.memory) == (2, 30.0, 512 * 2**20)
    assert found.retry == Retry(max=3, on=("ValueError",))
    assert found.rate == Rate(calls=100.0)
    assert found.env == {"DEBUG": "true", "PORT": "8080"}
    assert found.requirements == ("httpx>=0.27",)


def test_sockets_have_a_short_and_a_long_form(shop: NetworkSpec) -> None:
    rows, tick = shop.processors[1].sockets
    assert (rows.task, rows.schedule) == ("parse_rows", None)
    assert tick.schedule == Schedule(cron="*/5 * * * *", payload='{"a":[1,"no"]}')
    (pair,) = shop.processors[0].sockets
    assert pair.task == "pair"
    assert pair.join == Join(mode=JoinMode.LATEST)
    assert pair.queue == QueueLimits(ttl=3600.0, max_length=10)


def test_cpus_begin_within_the_scale(shop: NetworkSpec) -> None:
    assert shop.processors[0].scale == Scale(min=2, max=8, queue=500)
    assert shop.processors[0].cpus == 2


def test_auto_takes_the_cpus_of_the_machine_and_keeps_to_the_scale() -> None:
    text = "network: n\nprocessors: {a: {source: {command: cat}, cpus: auto, scale: {max: 3}}}"
    assert parse(text, auto_cpus=2).processors[0].cpus == 2
    assert parse(text, auto_cpus=64).processors[0].cpus == 3
    assert parse(text.replace("{max: 3}", ""), auto_cpus=64).processors[0].cpus == 64


def test_relative_folders_lie_beside_the_recipe(shop: NetworkSpec) -> None:
    assert shop.processors[0].source.path == "/flows/lib"


def test_plugs_have_a_short_and_a_long_form() -> None:
    text = (
        "network: n\nprocessors: {a: {source: {command: cat}, sockets: {x: , y: }}}\n"
        "plugs: [a.x !> a.y, a.x->a.y]"
    )
    assert parse(text).plugs == (
        PlugSpec(source="a.x", target="a.y"),
        PlugSpec(source="a.x", target="a.y", kind=PlugKind.ERROR),
    )


def test_rates_and_joins_have_a_long_form() -> None:
    text = (
        "network: n\nprocessors: {a: {source: {command: cat}, retry: 2, "
        "rate: {calls: 5, per: 1m, scope: worker}, sockets: {x: {join: {by: run}}}}}"
    )
    found = parse(text).processors[0]
    assert found.rate == Rate(calls=5.0, per=60.0, scope=RateScope.WORKER)
    assert found.sockets[0].join == Join(by_run=True)
    assert found.retry == Retry(max=2)


def test_inline_code_is_called_like_its_processor() -> None:
    text = "network: n\nprocessors: {my-code: {source: {code: 'def f(): ...'}, sockets: {f: }}}"
    assert parse(text).processors[0].source.module == "my_code"


def test_a_command_line_is_split_as_a_shell_would() -> None:
    text = "network: n\nprocessors: {c: {source: {command: \"awk '{print $1}' -\", path: x}}}"
    found = parse(text, folder="/f").processors[0].source
    assert (found.command, found.path) == (("awk", "{print $1}", "-"), "/f/x")


def test_agents_may_be_called_nodes_and_deployments_may_name_hosts() -> None:
    text = (
        "network: n\nprocessors: {c: {source: {command: cat}}}\n"
        "nodes: {n1: {hostname: h1, cpus: 4, labels: {gpu: yes}, ssh: {user: ops, key: /k}}}\n"
        "deployments: {c.1: {processor: c, hostname: h1, cpus: 3}, c.2: {processor: c, agent: x}}"
    )
    found = parse(text)
    assert found.agents == (
        AgentSpec(
            name="n1",
            hostname="h1",
            cpus=4,
            labels={"gpu": "yes"},
            ssh_user="ops",
            ssh_key="/k",
        ),
    )
    assert found.deployments[0] == DeploymentSpec(name="c.1", processor="c", agent="n1", cpus=3)
    assert found.processors[0].cpus == 4


def test_words_of_yaml_1_1_are_just_words() -> None:
    notes = Notes()
    node = compose("{on: no, y: 010, z: 1:30, d: 2027-01-31, f: 1e3, q: '1', n: ~}", notes)
    assert isinstance(node, Table)
    values = {
        entry.key: entry.value.value for entry in node.entries if isinstance(entry.value, Scalar)
    }
    assert values == {
        "on": "no", "y": 10, "z": "1:30", "d": "2027-01-31", "f": 1000.0, "q": "1", "n": None
    }  # fmt: skip


def test_aliases_and_merges_are_taken_in() -> None:
    node = compose("{a: &a {x: 1, y: 2}, b: {<<: *a, y: 3}, c: [*a, *a]}", Notes())
    assert isinstance(node, Table)
    merged, twice = node.entries[1].value, node.entries[2].value
    assert isinstance(merged, Table)
    assert [entry.key for entry in merged.entries] == ["y", "x"]
    assert isinstance(twice, Listing)
    assert twice.items[0] is twice.items[1]
    assert twice.size == 1 + 2 * 5


def test_a_key_that_stands_twice_is_told_with_the_place_of_the_first() -> None:
    assert problems("network: a\nprocessors: {}\nnetwork: b") == [
        '3:1: network: the key "network" stands here a second time (the first is in line 1)'
    ]


def test_a_byte_order_mark_is_no_part_of_the_recipe() -> None:
    assert parse("\ufeffnetwork: a").name == "a"
    assert parse("\ufeffnetwork: a".encode()).name == "a"


def test_windows_line_ends_are_taken() -> None:
    assert parse("network: a\r\nversion: 1\r\n").name == "a"


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
TOO_MUCH = {
    "an alias bomb": (BOMB, f"more than {MOST_NODES:,}"),
    "a merge bomb": (
        "a: &a {p: 1, q: 1, r: 1}\nb: [" + "{<<: *a}, " * 30000 + "]",
        f"more than {MOST_NODES:,}",
    ),
    "a long list": ("network: a\nplugs:\n" + "- a\n" * 200_000, f"more than {MOST_NODES:,}"),
    "nested lists": ("network: a\nplugs: " + "[" * 900_000, "nested more than 50"),
    "nested mappings": ("a: " + "{a: " * 200_000, "nested more than 50"),
    "nested blocks": ("a:\n  " + "- " * 400_000, "nested more than 50"),
    "nested aliases": (
        "a: &a [1]\n" + "".join(f"a{i}: &a [*a]\n" for i in range(60)),
        "nested more than 50",
    ),
    "a long text": ("network: " + "a" * LARGEST, "longer than 1,000,000"),
    "brackets": ("{" * 900_000, "a key is a word"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_would_grow_without_end_is_refused_with_a_sentence(name: str) -> None:
    text, sentence = TOO_MUCH[name]
    (problem,) = problems(text)
    assert sentence in problem


def test_a_flood_of_problems_is_cut_short() -> None:
    found = problems("network: a\nplugs:\n" + "- x\n" * 3000)
    assert len(found) == 1001
    assert found[-1] == "and 2,000 more problems"


def test_complaints_name_their_source() -> None:
    with pytest.raises(RecipeError, match=r"shop.yaml: 2 problems"):
        parse("netwerk: a", source="shop.yaml")


def test_reading_twice_gives_the_same(shop: NetworkSpec) -> None:
    assert parse(SHOP, folder="/flows") == structs.replace(shop)
