"""What a recipe may say of routers, gates, data, schemas and sockets that wait for all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowctl.errors import RecipeError
from flowctl.model.flow import PlugKind
from flowctl.model.nodes import InlineKind, ProcessorType
from flowctl.recipe.dump import dump
from flowctl.recipe.parse import parse

CODE = "ROWS = [1]\ndef f(x): return x\ndef g(x): return x\n"


def recipe(**processors: Any) -> str:
    plugs = processors.pop("plugs", [])
    known = {"t": {"source": {"code": CODE}, "sockets": {"f": "f", "g": "g"}}, **processors}
    return json.dumps({"network": "n", "processors": known, "plugs": plugs})


def typed(type_: str, **sockets: Any) -> dict[str, Any]:
    return {"type": type_, "source": {"code": CODE}, "sockets": sockets}


def test_nodes_are_read_and_written_as_a_person_would() -> None:
    text = """\
version: 1
network: n

processors:
  d:
    type: data
    sockets:
      a: {json: [1, {x: null}]}
      b: {csv: 'a,b'}
      c: {every: 1h, url: 'https://example.org/x.json'}
  g:
    type: gate
    sockets:
      in: {}
  r:
    type: router
    source:
      code: |
        def big(x): return x > 9
    sockets:
      in: {routes: {big: big}}
  s:
    type: schema
    sockets:
      in: {wait: all, schema: {type: integer}}

plugs:
- d.a -> r.in
- {from: g.in, to: s.in, on: reject}
- r.in:big -> g.in
- {from: r.in, to: s.in, route: unmatched, name: rest}
"""
    spec = parse(text)
    assert dump(spec) == text
    data, gate, _, schema = spec.processors
    assert data.type is ProcessorType.DATA
    assert data.sockets[0].inline is not None
    assert (data.sockets[0].inline.kind, data.sockets[0].inline.text) == (
        InlineKind.JSON, '[1,{"x":null}]',
    )  # fmt: skip
    assert gate.sockets[0].task == ""
    assert schema.sockets[0].wait_all
    assert schema.sockets[0].schemas == {"": '{"type":"integer"}'}
    assert spec.plugs[1].kind is PlugKind.REJECT
    assert [plug.route for plug in spec.plugs] == ["", "", "big", "unmatched"]


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        (recipe(x={"type": "router"}), "processors.x", '"source" is missing'),
        (recipe(x={"type": "roter"}), "processors.x.type", "expected one of task, router"),
        (recipe(x=typed("gate", i={"routes": {"a": "f"}})), "i.routes", '"routes" is for a router'),
        (recipe(x=typed("router", i={"routes": {"a": "h"}})), "routes.a", 'no function "h"'),
        (recipe(x=typed("router", i={"routes": {"unmatched": "f"}})), "unmatched", "is taken by"),
        (recipe(x=typed("task", i={"task": "f", "json": 1})), "i.json", '"json" is for a data'),
        (recipe(x=typed("data", i="NONE")), "i.task", 'there is no object "NONE"'),
        (recipe(x={"type": "data", "sockets": {"i": "A"}}), "sockets.i", "has no source for it"),
        (recipe(x={"type": "data", "sockets": {"i": {"url": "file:///x"}}}), "i.url", "expected an"),
        (recipe(x={"type": "schema", "sockets": {"i": {}}}), "sockets.i", '"schema" is missing'),
        (recipe(x={"type": "schema", "sockets": {"i": {"schema": {"type": "intger"}}}}), "i.schema",
         "not a JSON Schema"),
        (recipe(x={"type": "schema", "sockets": {"i": {"schema": {"$ref": "http://x/y"}}}}),
         "i.schema", "refers to parts of itself only"),
        (recipe(x=typed("task", i={"task": "f", "arguments": {"x": {"schema": 3}}})),
         "arguments.x.schema", "a schema is a mapping"),
        (recipe(plugs=[{"from": "t.f", "to": "t.g", "on": "reject"}]), "plugs[0].on",
         "only a gate rejects"),
        (recipe(x=typed("router", i="f"), plugs=["x.i -> t.f"]), "plugs[0]", "which route"),
        (recipe(x=typed("router", i={"routes": {"big": "f"}}), plugs=["x.i:bg -> t.f"]),
         "plugs[0].route", 'has no route "bg"'),
        (recipe(plugs=["t.f:a !> t.g"]), "plugs[0].route", "a plug on error takes no route"),
        (recipe(x=typed("data", i="ROWS"), plugs=["t.f -> x.i"]), "plugs[0].to", "leads into data"),
        (recipe(x=typed("task", i={"task": "f", "wait": "all"}),
                plugs=[{"from": "t.f", "to": "x.i", "argument": "x"}]), "plugs[0].argument",
         "gets their values by position"),
        (recipe(x={"type": "router", "source": {"command": "cat"}, "sockets": {"i": {}}}),
         "sockets.i", "a program cannot choose"),
    ],
    ids=lambda it: it if " " in it and len(it) < 60 else "",
)  # fmt: skip
def test_what_a_type_cannot_have_is_told(text: str, path: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text)
    found = [(problem.path, str(problem)) for problem in caught.value.problems]
    assert any(where.endswith(path) and said in what for where, what in found), found
