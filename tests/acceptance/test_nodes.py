"""Routers, gates, data, schemas and sockets that wait for all their plugs, as a recipe has them."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from flowctl.model.ids import CallId, new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from tests.cluster import Cluster, until
from tests.stage import Stage, stage

pytestmark = pytest.mark.process

CODE = '''
import sys
try:
    from flowctl import Route
except ImportError:
    Route = None

def is_big(order): return order["total"] >= 100
def is_odd(order): return order["total"] % 2 == 1
def keep(value): return value
def keep2(value): return value
def keep3(value): return value
def sort(order, routes):
    """Choose by what the input says, and pass on something else than the input."""
    for name in order["to"]:
        routes[name] = True
    return {"sorted": order["id"]}
def chosen(order, plugs):
    if order == "route":
        return Route({"r": 1}, plugs=["big"])
    plugs["small"] = {"p": 1}
def test(order): return order["ok"]
def left(n): return n
def right(n): return n.encode() if isinstance(n, str) else n
def third(n): raise ValueError(n)
def all_of(*values):
    return [v.decode() if isinstance(v, bytes) else v for v in values]
def price(row): return row["price"] * 2
'''


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("nodes"), cpus=24)
    try:
        yield made.start()
    finally:
        made.stop()


@contextlib.contextmanager
def web_page(kind: str, body: bytes) -> Iterator[str]:
    """Serve one page on loopback; yield its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/page"
        finally:
            server.shutdown()
            thread.join()


def results(net: Stage, socket: str, count: int) -> list[Any]:
    return [net.value(call.id) for call in net.settled(socket, count)]


def test_a_router_sends_its_input_where_functions_say_and_its_result_where_it_said(
    cluster: Cluster,
) -> None:
    with stage(cluster, "router") as net:
        router = {
            "type": "router", "source": {"code": CODE},
            "sockets": {"orders": {"routes": {"big": "is_big", "odd": "is_odd"}}, "sort": "sort"},
        }  # fmt: skip
        net.apply(
            {"r": router, "t": net.coded(CODE, "keep", "keep2", "keep3", "chosen")},
            [
                "r.orders:big -> t.keep", "r.orders:odd -> t.keep2", "r.orders:unmatched -> t.keep3",
                {"from": "r.sort", "route": "big", "to": "t.keep", "name": "sorted-big"},
                {"from": "r.sort", "route": "odd", "to": "t.keep2", "name": "sorted-odd"},
                {"from": "t.chosen", "route": "big", "to": "t.keep"},
                {"from": "t.chosen", "route": "small", "to": "t.keep2"},
            ],
        )  # fmt: skip
        orders = [{"total": n, "z": 1, "a": 10**30} for n in (100, 101, 7, 8)]
        net.ended(net.send("r.orders", orders))
        assert results(net, "t.keep", 2) == [orders[0], orders[1]]
        assert sorted(v["total"] for v in results(net, "t.keep2", 2)) == [7, 101]
        assert results(net, "t.keep3", 1) == [orders[3]]

        ids = net.send("r.sort", [{"id": 1, "to": ["big", "odd"]}, {"id": 2, "to": []}])
        (bad,) = net.send("r.sort", [{"id": 3, "to": ["nowhere"]}])
        ended = net.ended([*ids, bad])
        assert [ended[i].outputs for i in ids] == [2, 0]
        failure = ended[bad].failure
        assert failure is not None
        assert (failure.type, failure.message) == (
            "output", 'there is no route "nowhere"; the routes of this socket: big, odd',
        )  # fmt: skip
        assert {"sorted": 1} in results(net, "t.keep", 3)

        net.ended(net.send("t.chosen", ["route", "plug"]))
        assert {"r": 1} in results(net, "t.keep", 4)
        assert {"p": 1} in results(net, "t.keep2", 4)


def test_a_gate_passes_rejects_and_is_closed_by_a_person(cluster: Cluster) -> None:
    with stage(cluster, "gates") as net:
        net.apply(
            {
                "g": {"type": "gate", "source": {"code": CODE}, "sockets": {"in": "test"}},
                "valve": {"type": "gate", "sockets": {"in": {}}},
                "t": net.coded(CODE, "keep", "keep2"),
            },
            ["g.in -> valve.in", {"from": "g.in", "to": "t.keep2", "on": "reject"},
             "valve.in -> t.keep"],
        )  # fmt: skip
        net.send("g.in", [{"ok": True, "n": 1}, {"ok": False, "n": 2}])
        assert results(net, "t.keep", 1) == [{"ok": True, "n": 1}]
        assert results(net, "t.keep2", 1) == [{"ok": False, "n": 2}]

        net.say("gate", "close", "valve")
        gates = {
            row["name"]: row for row in json.loads(net.say("gate", "ls", "-o", "json"))["items"]
        }
        assert (gates["valve"]["gate"], gates["g"]["gate"]) == ("closed", "open")
        sent = [0]

        def held() -> bool:
            sent[0] += len(net.send("g.in", [{"ok": True}]))
            return net.ready("g.in-valve.in") >= 3

        until(held, "messages wait before the valve")
        until(
            lambda: net.ready("g.in-valve.in") + len(net.calls("t.keep")) == 1 + sent[0],
            "all of them are before the valve or behind it",
        )
        (shut,) = [
            r for r in json.loads(net.say("gate", "ls", "-o", "json"))["items"] if r["waiting"]
        ]
        assert (shut["name"], shut["waiting"]) == ("valve", net.ready("g.in-valve.in"))
        assert "somebody closed the gate" in net.say("why", "valve")
        waiting = net.ready("g.in-valve.in")
        net.say("restart", "valve", "--wait", "--timeout", "90s")
        assert net.ready("g.in-valve.in") == waiting  # a new worker keeps it closed
        net.say("gate", "open", "valve")
        assert len(results(net, "t.keep", 1 + sent[0])) == 1 + sent[0]
        assert net.cluster.invoke("-n", net.name, "gate", "close", "t").returncode != 0


def test_data_sends_objects_of_a_module_and_of_the_recipe(cluster: Cluster) -> None:
    code = (
        "import random\nprint('evaluated')\nSEED = random.random()\nROWS = (n for n in range(3))\n"
    )
    with stage(cluster, "data") as net, web_page("text/csv", "x,y\n1,ü\n".encode()) as web:
        net.apply(
            {
                "d": {
                    "type": "data", "source": {"code": code},
                    "sockets": {
                        "seed": "SEED", "rows": "ROWS", "prices": {"json": {"b": 1, "a": [None]}},
                        "table": {"csv": "id,name\n1,Äpfel\n2,\"x, y\"\n"}, "page": {"url": web},
                    },
                },
                "t": net.coded(CODE, "keep", "keep2"),
            },
            ["d.rows -> t.keep", "d.table -> t.keep2"],
        )  # fmt: skip
        seeds = [CallId(net.say("data", "emit", "d", "seed").strip()) for _ in range(2)]
        first, second = net.values(seeds)
        assert first != second
        assert net.control.store.traffic.call(seeds[0]).output == "evaluated\n"
        assert len(net.say("data", "emit", "d").split()) == 5
        assert results(net, "d.prices", 1) == [{"b": 1, "a": [None]}]
        assert results(net, "d.page", 1) == [[{"x": "1", "y": "ü"}]]
        assert sorted(results(net, "t.keep", 3)) == [0, 1, 2]
        table = [{"id": "1", "name": "Äpfel"}, {"id": "2", "name": "x, y"}]
        assert results(net, "t.keep2", 1) == [table]


def test_a_schema_lets_through_what_fits(cluster: Cluster) -> None:
    row = {"type": "object", "required": ["price"], "properties": {"price": {"minimum": 0}}}
    with stage(cluster, "schema") as net:
        net.apply(
            {
                "s": {"type": "schema", "sockets": {"rows": {"schema": row}}},
                "t": {
                    **net.coded(CODE, "keep", "keep2"), "sockets": {
                        "keep": "keep", "keep2": "keep2",
                        "price": {"task": "price", "arguments": {"row": {"schema": row}}},
                    },
                },
            },
            ["s.rows -> t.keep", "s.rows !> t.keep2", "t.price !> t.keep2"],
        )  # fmt: skip
        net.send("s.rows", [{"price": 3}, {"price": -1}])
        assert results(net, "t.keep", 1) == [{"price": 3}]
        (failure,) = results(net, "t.keep2", 1)
        assert failure["type"] == "schema"
        assert failure["message"] == "/price: -1 is less than the minimum of 0"
        assert failure["details"] == [
            {"path": "/price", "message": "-1 is less than the minimum of 0",
             "rule": "/properties/price/minimum"}
        ]  # fmt: skip
        assert failure["input"] == {"price": -1}
        net.ended(net.send("t.price", [{"price": 4}, {}]))
        found = results(net, "t.keep2", 2)
        assert found[1]["message"] == '/row: "price" is a required property'
        assert results(net, "t.price", 1) == [8]


def test_a_socket_that_waits_for_all_gets_the_values_in_order(cluster: Cluster) -> None:
    with stage(cluster, "waits") as net:
        code = net.coded(CODE, "left", "right", "third", "all_of")
        code["sockets"]["all_of"] = {"task": "all_of", "wait": "all"}
        net.apply({"t": code}, ["t.left -> t.all_of", "t.right -> t.all_of", "t.third !> t.all_of"])
        net.send("t.right", ["bytes", 5])
        net.send("t.left", [1, 2])
        until(lambda: len(net.calls("t.all_of", CallStatus.WAITING)) == 4, "four wait")
        (join,) = json.loads(net.say("ls", "joins", "-o", "json"))["items"]
        assert join["missing"] == ["t.third-error-t.all_of"]
        net.send("t.third", ["why"])
        ((one, two, failure),) = results(net, "t.all_of", 1)
        assert (one, two, failure["message"]) == (1, "bytes", "why")
        assert net.say("call", "t.all_of", "[7, 8]") == "[7,8]\n"


def test_a_loop_without_end_ends(cluster: Cluster) -> None:
    with stage(cluster, "loop") as net:
        net.apply(
            {"t": net.coded(CODE, "keep", "keep2")},
            ["t.keep -> t.keep2", {"from": "t.keep2", "to": "t.keep", "allow_cycle": True}],
        )
        message = Message(id=new_id(), run_id=new_id(), body=b"1", hops=990)  # type: ignore[arg-type]
        net.control.broker.publish([Outgoing(queue=f"{net.name}.t.keep", message=message)])
        (failed,) = until(
            lambda: [c for s in ("t.keep", "t.keep2") for c in net.calls(s, CallStatus.FAILED)],
            "the loop ends",
        )
        assert failed.failure is not None
        assert (failed.failure.type, failed.run_id) == ("cycle", message.run_id)


VALUES = """
VALUES = {
    "order": {"z": 1, "a": {"y": [], "b": {}}, "m": None},
    "big": [10**400, -(10**30), 2**63, 0, True, False],
    "floats": [0.1, -0.0, 1e308, 5e-324, 1.0, 1e22, 123456789.123456789],
    "text": ["", "naïve ☃ \\U0001d11e", "\\x00\\x1f\\u2028", '"\\\\/', "\\U0001f600"],
    "nested": [[[[[None]]]], {"": {"": [""]}}],
    "bytes": bytes(range(256)),
}
def make(name): return VALUES[name]
def bad(name): return {"nan": float("nan"), "inf": [1, {"x": -float("inf")}], "set": {1}}[name]
def other(name): return name
def tell(value): return repr(value)
def told(value, name): return [name, repr(value)]
def two(value, name): return [name, repr(value)]
def scattered(name):
    yield VALUES[name]
    yield name
def gathered(values): return [repr(value) for value in values]
def heard(failure): return [failure["type"], failure["message"]]
"""


def test_what_python_returned_is_what_python_gets(cluster: Cluster) -> None:
    known: dict[str, Any] = {}
    exec(VALUES, known)
    values = known["VALUES"]
    with stage(cluster, "types") as net:
        names = ("make", "bad", "other", "tell", "two", "scattered", "gathered", "heard")
        net.apply(
            {"t": net.coded(VALUES, *names)},
            [
                "t.make -> t.tell", "t.bad -> t.tell", "t.bad !> t.heard", "t.make !> t.heard",
                {"from": "t.make", "to": "t.two", "argument": "value"},
                {"from": "t.other", "to": "t.two", "argument": "name"},
                {"from": "t.scattered", "to": "t.gathered", "gather": "t.scattered"},
            ],
        )  # fmt: skip
        net.send("t.make", list(values))
        assert sorted(results(net, "t.tell", 6)) == sorted(repr(each) for each in values.values())
        assert net.calls("t.heard") == []
        net.send("t.other", list(values))
        pairs = results(net, "t.two", 6)
        assert sorted(name for name, _ in pairs) == sorted(values)
        assert sorted(text for _, text in pairs) == sorted(repr(each) for each in values.values())
        net.send("t.scattered", ["bytes", "big"])
        assert sorted(results(net, "t.gathered", 2)) == sorted(
            [repr(values[name]), repr(name)] for name in ("bytes", "big")
        )
        net.ended(net.send("t.bad", ["nan", "inf", "set"]))
        heard = results(net, "t.heard", 3)
        assert {kind for kind, _ in heard} == {"result"}
        assert all("cannot be sent as JSON" in why for _, why in heard)
        assert len(net.calls("t.tell")) == 6  # what failed went nowhere else
        printed = net.say("call", "t.make", '"big"', "--timeout", "60s")
        assert json.loads(printed) == values["big"]


def test_the_next_result_takes_the_new_way_while_the_flow_runs(cluster: Cluster) -> None:
    with stage(cluster, "rewire") as net:
        flow = {"t": net.coded(CODE, "keep"), "u": net.coded(CODE, "keep2", "keep3")}
        net.apply(flow, [{"from": "t.keep", "to": "u.keep2", "name": "way"}])
        pids = net.executors("t")
        net.send("t.keep", [1])
        assert results(net, "u.keep2", 1) == [1]
        net.say("update", "plug", "way", "--target", "u.keep3")

        def arrives() -> bool:
            net.send("t.keep", [2])
            return bool(net.calls("u.keep3", CallStatus.FINISHED))

        until(arrives, "a result takes the new way")
        before = len(net.calls("u.keep2"))
        net.ended(net.send("t.keep", [3]))
        until(
            lambda: 3 in [net.value(c.id) for c in net.calls("u.keep3", CallStatus.FINISHED)], "3"
        )
        assert len(net.calls("u.keep2")) == before
        assert net.executors("t") == pids  # nothing restarted

        net.say("stop", "u", "--wait")
        net.ended(net.send("t.keep", [4, 5]))
        until(lambda: net.ready("way") == 2, "two wait on the plug")
        refused = net.cluster.invoke("-n", net.name, "delete", "plug", "way", "-y")
        assert refused.returncode == 5
        assert "2 messages wait" in refused.stderr
        net.say("delete", "plug", "way", "-y", "--force")
        assert net.ready("way") == 2
        net.say("queue", "move", f"{net.name}.way", "u.keep2")
        net.say("start", "u")
        until(lambda: len(net.calls("u.keep2", CallStatus.FINISHED)) == before + 2, "they are run")


def test_nodes_can_be_made_on_the_command_line(cluster: Cluster) -> None:
    with stage(cluster, "typed") as net:
        net.say("add", "processor", "d", "--type", "data", "--cpus", "0")
        net.say("data", "add", "d", "rows", "--csv", "-", stdin="a,b\n1,2\n")
        net.say("data", "add", "d", "page", "--url", "https://example.org/x")
        code = ("--code", "-", "--cpus", "0")
        tests = "def is_big(x): return x\ndef is_odd(x): return x\n"
        net.say("add", "processor", "r", "--type", "router", *code, stdin=tests)
        net.say("add", "socket", "r.in", "--route", "big=is_big", "--route", "odd=is_odd")
        net.say("add", "processor", "g", "--type", "gate", "--cpus", "0", "--socket", "in=")
        net.say("add", "processor", "s", "--type", "schema", "--cpus", "0")
        net.say("add", "socket", "s.in", "--schema", "-", stdin='{"type": "object"}')
        net.say("add", "plug", "d.rows", "r.in")
        net.say("add", "plug", "r.in", "g.in", "--route", "big")
        net.say("add", "plug", "g.in", "s.in", "--on-reject")
        net.say("update", "socket", "r.in", "--route", "odd=")
        net.say("update", "socket", "s.in", "--wait-all")
        net.say("schedule", "set", "d.page", "0 6 * * *", "--timezone", "Asia/Tokyo")
        assert net.say("export", "typed").partition("  g:")[2] == (
            "\n    type: gate\n    cpus: 0\n    sockets:\n      in: {}\n"
            f"  r:\n    type: router\n    source:\n      code: |\n{_indented(tests)}"
            "    cpus: 0\n    sockets:\n      in: {routes: {big: is_big}}\n"
            "  s:\n    type: schema\n    cpus: 0\n    sockets:\n"
            "      in: {wait: all, schema: {type: object}}\n\nplugs:\n- d.rows -> r.in\n"
            "- {from: g.in, to: s.in, on: reject}\n- r.in:big -> g.in\n"
        )
        assert (
            "page: {cron: 0 6 * * *, timezone: Asia/Tokyo, url: 'https://example.org/x'"
            in net.say("export")
        )
        names = json.loads(net.say("data", "ls", "d", "-o", "json"))["items"]
        assert [row["socket"] for row in names] == ["d.page", "d.rows"]


def _indented(text: str) -> str:
    return "".join(f"        {line}" for line in text.splitlines(keepends=True))
