"""What a worker decides about routers, gates, data, schemas and sockets that wait for all."""

from __future__ import annotations

import json
from dataclasses import replace as replaced
from typing import Any

import msgspec
import pytest

from agentd.worker.joins import arrival, complete, is_join
from agentd.worker.nodes import Desk, extras, overrides, rows
from agentd.worker.routing import Route, settle
from flowctl.clock import SystemClock
from flowctl.model.flow import Argument, PlugKind, Socket
from flowctl.model.nodes import Inline, InlineKind, ProcessorType
from flowctl.model.work import Slot
from tests.flows import NOW, item, message, outcome, plug, processor, route, socket

BIG = plug("parse.rows", "big.take", route="big")
BIG2 = plug("parse.rows", "copy.take", route="big")
REST = plug("parse.rows", "rest.take", route="unmatched")
PASSED = plug("parse.rows", "next.take")
REJECTED = plug("parse.rows", "bin.take", kind=PlugKind.REJECT)
ROW = Argument(name="row", position=0, kind="POSITIONAL_OR_KEYWORD")


def node(type_: ProcessorType, *outbound: Any, **spec: Any) -> Route:
    through = route(*outbound, type=type_)
    return replaced(through, socket=socket("parse.rows", **spec))


def sent(through: Route, **fields: Any) -> list[str]:
    finished = settle(through, message(), outcome(**fields), NOW, 0.5)
    return [each.message.plug for each in finished.outgoing]


@pytest.mark.parametrize(
    ("routes", "plugs"),
    [(["big"], [BIG, BIG2]), (["big", "odd"], [BIG, BIG2]), ([], [REST]), (None, [REST])],
)
def test_a_router_sends_over_the_plugs_of_the_routes(routes: Any, plugs: list[Any]) -> None:
    through = node(ProcessorType.ROUTER, BIG, BIG2, REST)
    assert sent(through, routes=routes) == [each.name for each in plugs]


@pytest.mark.parametrize(("routes", "way"), [(["pass"], PASSED), ([], REJECTED)])
def test_a_gate_sends_one_way_or_the_other(routes: list[str], way: Any) -> None:
    assert sent(node(ProcessorType.GATE, PASSED, REJECTED), routes=routes) == [way.name]


def test_what_a_task_returns_is_never_rejected() -> None:
    assert sent(node(ProcessorType.TASK, PASSED, REJECTED)) == [PASSED.name]


def desk(through: Route) -> Desk:
    made = Desk(SystemClock())
    made.assign(through.processor.spec, [through.socket])
    return made


@pytest.mark.parametrize(
    ("body", "path"), [(b"1", ""), (b"-1", "/row"), (b"{", ""), (b'{"row":-1}', "/row")]
)
def test_arguments_are_checked_before_the_function(body: bytes, path: str) -> None:
    through = node(ProcessorType.TASK, schemas={"row": '{"minimum": 0}'})
    call = item(through, body=body)
    call.named = body.startswith(b'{"')
    answer = desk(through).answer(call, [ROW])
    if body == b"1":
        assert answer is None
        return
    assert answer is not None
    assert answer.failure is not None
    assert answer.failure.type == "schema"
    assert json.loads(msgspec.json.encode(answer.failure.details))[0]["path"] == path


def test_what_fits_passes_a_schema_as_it_is() -> None:
    through = node(ProcessorType.SCHEMA, schemas={"": '{"type": "object"}'})
    answer = desk(through).answer(item(through, body=b'{ "b":1e2,"a":[] }'), [])
    assert answer is not None
    assert (answer.result, answer.failure) == (b'{ "b":1e2,"a":[] }', None)


def test_data_of_the_recipe_needs_no_executor() -> None:
    inline = Inline(kind=InlineKind.CSV, text="a,b\n1\n1,2,3\n")
    through = node(ProcessorType.DATA, inline=inline)
    answer = desk(through).answer(item(through), [])
    assert answer is not None
    assert json.loads(answer.result) == [{"a": "1", "b": None}, {"a": "1", "b": "2"}]
    assert rows("") == []


def test_data_of_a_module_is_emitted_by_a_function_that_reads_it_anew() -> None:
    spec = processor("parse", type=ProcessorType.DATA).spec
    sockets: list[Socket] = [socket("parse.a-b", task="X"), socket("parse.w", inline=Inline(
        kind=InlineKind.URL, text="https://example.org/'\""))]  # fmt: skip
    found = overrides(spec, sockets)
    assert sorted(found) == ["flowctl_emit_a_b", "flowctl_emit_w"]
    for text in found.values():
        compile(text, "x", "exec")
    assert extras(spec, sockets[0], [])["task"] == "flowctl_emit_a_b"
    assert overrides(processor("parse").spec, sockets) == {}


def test_a_socket_that_waits_for_all_is_a_join_of_its_plugs() -> None:
    first, second = plug("a.x", "parse.rows"), plug("b.x", "parse.rows")
    through = replaced(route(inbound=first), waits=(first.name, second.name))
    call = item(through)
    assert is_join(call)
    found = arrival(call, [ROW])
    assert (found.slot.argument, found.needs) == (first.name, (first.name, second.name))
    assert not is_join(item(replaced(through, inbound=None)))


def slot(argument: str, body: bytes, content_type: str = "application/json") -> Slot:
    return Slot(
        socket="s", key="", argument=argument, message=message(body=body), content_type=content_type
    )


def test_values_of_several_types_meet_in_parts() -> None:
    through = replaced(route(inbound=plug("a.x", "parse.rows", argument="a")))
    call = item(through)
    complete(call, [slot("a", b"1"), slot("b", b"\xff\x00", "application/octet-stream")])
    assert (call.named, call.body) == (True, b"1\xff\x00")
    assert call.parts == (("a", "application/json", 1), ("b", "application/octet-stream", 2))
    waits = replaced(through, waits=("p", "q"))
    call = item(waits)
    complete(call, [slot("p", b"1"), slot("q", b"[2]"), slot("gone", b"3")])
    assert (call.named, call.body, call.parts) == (False, b"[1,[2]]", ())
