"""Which plugs only get another name."""

import pytest

from flowctl.model.flow import NetworkSpec, PlugSpec
from flowctl.recipe.diff import diff
from flowctl.recipe.parse import parse
from flowctl.recipe.renames import renames

FLOW = """\
version: 1
network: shop
processors:
  a: {source: {code: "def f(x): return x"}, sockets: {x: f, y: f, all: {task: f%s}}}
plugs:
%s
"""
PLAIN = "  - {from: a.x, to: a.y}"
NAMED = "  - {from: a.x, to: a.y, name: fast}"


def flow(*plugs: str, wait: str = "") -> NetworkSpec:
    return parse(FLOW % (wait, "\n".join(plugs)))


def found(before: NetworkSpec, after: NetworkSpec) -> dict[str, str]:
    return renames(diff(before, after), after)


def test_another_name_alone_is_a_rename() -> None:
    assert found(flow(PLAIN), flow(NAMED)) == {"a.x-a.y": "fast"}
    assert found(flow(NAMED), flow(PLAIN)) == {"fast": "a.x-a.y"}
    assert found(flow(PLAIN), flow(PLAIN)) == {}


@pytest.mark.parametrize(
    "after",
    [
        "  - {from: a.x, to: a.all, name: fast}",
        "  - {from: a.x, to: a.y, on: error, name: fast}",
        "  - {from: a.x, to: a.y, name: fast, queue: {max_length: 9}}",
    ],
)
def test_whatever_else_differs_is_another_plug(after: str) -> None:
    assert found(flow(PLAIN), flow(after)) == {}


def test_a_plug_by_whose_name_values_meet_is_another_plug() -> None:
    wait = ", wait: all"
    plugs = ["  - {from: a.x, to: a.all}", "  - {from: a.x, to: a.all, name: fast}"]
    assert found(flow(plugs[0], wait=wait), flow(plugs[1], wait=wait)) == {}


def test_a_gather_is_another_plug() -> None:
    before = PlugSpec(source="a.x", target="a.y", gather="a.all")
    after = PlugSpec(source="a.x", target="a.y", gather="a.all", name="fast")
    old, new = (NetworkSpec(name="shop", plugs=(plug,)) for plug in (before, after))
    assert found(old, new) == {}
