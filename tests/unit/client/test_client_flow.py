"""Flows over a real state and broker where no worker runs: the test says what became of calls."""

from __future__ import annotations

import asyncio
import doctest
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from flowctl.client import Flow, Handle, flow
from flowctl.errors import (
    CallFailed,
    InvalidInput,
    Misconfigured,
    NotFound,
    RecipeError,
    Refused,
    TimedOut,
)
from flowctl.model.flow import NetworkSpec
from flowctl.model.ids import CallId, RunId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure, Finished
from tests.stores import call

RECIPE = """\
version: 1
network: shop
processors:
  price:
    source: {code: "def total(x): return sum(x)"}
    sockets: {total: total}
  words:
    source: {code: "def ask(x): return x\\ndef add(left, right): return left + right"}
    sockets: {ask: ask, add: {task: add, join: {mode: zip, by: run}}}
  quick:
    source: {code: "def go(x): return x"}
    track: errors
    sockets: {go: go}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STATE", "BROKER", "NETWORK", "CONFIG", "READONLY"):
        monkeypatch.delenv(f"FLOWCTL_{name}", raising=False)
    monkeypatch.setenv("FLOWCTL_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def shop(home: Path) -> Iterator[Flow]:
    (home / "shop.yaml").write_text(RECIPE)
    with Flow("shop") as opened:
        assert opened.apply(home / "shop.yaml")
        yield opened


def ends(shop: Flow, handle: Handle, result: bytes | None = b"1", **fields: Any) -> None:
    """Write the outcome of a call, as a worker would."""
    content_type = fields.pop("content_type", "application/json")
    fields.setdefault("socket", "price.total")
    record = structs.replace(call(handle.id), run_id=RunId(handle.id), **fields)
    item = Finished(call=record, result=result, content_type=content_type)
    shop._session.control.store.traffic.commit([item])


def waiting(shop: Flow, queue: str) -> int:
    found = shop._session.control.broker.depth([queue])
    return found[queue].ready if queue in found else 0


def test_examples_in_the_docs_run(home: Path) -> None:
    assert doctest.testmod(flow).failed == 0


def test_a_call_is_queued_then_ended_and_anybody_can_fetch_it(shop: Flow) -> None:
    handle = shop.price.total.send([1, 2])
    assert (handle.status, handle.done) == ("queued", False)
    with pytest.raises(NotFound):
        _ = handle.call
    with pytest.raises(
        TimedOut, match=r"price\.total: no result after 0 s: the call waits"
    ) as late:
        handle.result(timeout=0)
    assert f'flow.handle("{handle.id}").result()' in late.value.remedy
    ends(shop, handle, b'{"b": [1.5, null]}')
    with Flow(state=shop._session.settings.state) as other:
        fetched = other.handle(handle.id)
        assert fetched == handle
        assert {fetched, handle} == {handle}
        assert fetched.result(timeout=5) == {"b": [1.5, None]}
    assert (handle.status, handle.done) == ("finished", True)
    assert handle.call.socket == "price.total"
    assert len(handle.trace()) == 1
    assert f"run {handle.id}" in str(handle.trace())
    assert [each.id for each in handle.trace()] == [handle.id]


def test_a_failure_is_told_with_the_remote_traceback_and_never_rebuilt(shop: Flow) -> None:
    handle = shop.price.total.send("x")
    failure = Failure(type="TypeError", message="not a list", traceback="Traceback ...\nTypeError")
    ends(shop, handle, None, status=CallStatus.FAILED, failure=failure)
    with pytest.raises(CallFailed, match=r"price\.total failed: TypeError: not a list") as caught:
        handle.result()
    error = caught.value
    assert (error.kind, error.socket, error.call_id) == ("TypeError", "price.total", handle.id)
    assert error.traceback == "Traceback ...\nTypeError"
    assert error.__notes__ == ["Traceback ...\nTypeError"]
    assert pickle.loads(pickle.dumps(error)).traceback == error.traceback
    with pytest.raises(CallFailed):
        asyncio.run(handle.aresult())


def test_results_are_bytes_and_text_by_their_content_type(shop: Flow) -> None:
    raw, text = shop.price.total.send(b"\x00\xff"), shop.price.total.send("x")
    ends(shop, raw, b"\x89\x00", content_type="image/png")
    ends(shop, text, "ü".encode(), content_type="text/plain")
    assert raw.result(5) == b"\x89\x00"
    assert text.result(5) == "ü"
    peeked = shop._session.control.broker.peek("shop.price.total")
    assert {m.content_type for m in peeked} == {"application/octet-stream", "application/json"}


def test_one_key_is_one_call(shop: Flow) -> None:
    first = shop.price.total.send([1], key="order-1")
    assert shop.price.total.send([1], key="order-1") == first
    assert shop.price.total.send([1], key="order-2") != first
    assert len({each.id for each in shop.price.total.send_many([1, 2, 3], key="k")}) == 3


def test_a_delay_keeps_it_back(shop: Flow) -> None:
    shop.price.total.send([1], delay=600)
    shop.price.total.send([1])
    assert waiting(shop, "shop.price.total") == 1
    with pytest.raises(InvalidInput, match="has passed already"):
        shop.price.total.send([1], delay=-1)


def test_named_values_are_one_call_however_it_is_fetched(shop: Flow) -> None:
    handle = shop.words.add.send(left=1, right=[2])
    peeked = shop._session.control.broker.peek("shop.words.add")
    assert {m.argument: m.body for m in peeked} == {"left": b"1", "right": b"[2]"}
    assert len({m.run_id for m in peeked}) == 1
    left, right = sorted(peeked, key=lambda m: m.argument)
    fields = {"socket": "words.add", "run_id": left.run_id}
    joined = call(left.id, status=CallStatus.JOINED, argument="left", **fields)
    shop._session.control.store.traffic.commit([Finished(call=joined)])
    with pytest.raises(TimedOut, match="went into a call of another run"):
        shop.handle(left.id).result(0)
    ended = Finished(call=call(right.id, argument="right", **fields), result=b"3")
    shop._session.control.store.traffic.commit([ended])
    assert handle.result(0) == 3
    assert shop.handle(left.id).result(0) == 3
    assert shop.handle(left.id).done
    with pytest.raises(InvalidInput, match="not both"):
        shop.words.add.send(1, left=1)


def test_nobody_waits_for_what_is_never_recorded(shop: Flow) -> None:
    for wait in (
        lambda: shop.quick.go(1),
        lambda: shop.quick.go.map([1]),
        lambda: asyncio.run(shop.quick.go.acall(1)),
    ):
        with pytest.raises(Refused, match="quick keeps no results"):
            wait()
    assert waiting(shop, "shop.quick.go") == 0
    handle = shop.quick.go.send(1)
    with pytest.raises(Refused, match="track: errors"):
        handle.result()
    assert waiting(shop, "shop.quick.go") == 1


class Eager(list[Any]):
    """A source that counts what was taken of it."""

    def __init__(self, count: int) -> None:
        super().__init__(range(count))
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        for each in range(len(self)):
            self.taken += 1
            yield each


def test_map_has_so_many_on_their_way_and_no_more(shop: Flow) -> None:
    source = Eager(100)
    results = shop.price.total.map(source, ahead=10, timeout=5)
    assert source.taken == 10
    seen = 0
    for number in range(100):
        for message in shop._session.control.broker.peek("shop.price.total", limit=1000):
            ends(shop, shop.handle(message.id), message.body)
        assert next(results) == number
        seen = max(seen, source.taken - number)
    assert seen <= 10
    assert list(results) == []
    assert list(shop.price.total.map([])) == []
    with pytest.raises(InvalidInput, match="ahead=0"):
        shop.price.total.map([1], ahead=0)


def test_map_raises_or_returns_what_failed_in_its_place(shop: Flow) -> None:
    failure = Failure(type="ValueError", message="no")
    for _ in range(2):
        results = shop.price.total.map([1, 2, 3], return_exceptions=_ == 0)
        messages = shop._session.control.broker.peek("shop.price.total")[-3:]
        for message in sorted(messages, key=lambda m: m.body):
            bad = message.body == b"2"
            status = CallStatus.FAILED if bad else CallStatus.FINISHED
            ends(
                shop, shop.handle(message.id), None if bad else message.body,
                status=status, failure=failure if bad else None,
            )  # fmt: skip
        if _ == 0:
            first, second, third = results
            assert (first, third) == (1, 3)
            assert isinstance(second, CallFailed)
        else:
            assert next(results) == 1
            with pytest.raises(CallFailed, match="ValueError: no"):
                next(results)


def test_giving_up_in_an_event_loop_leaves_nothing_behind(shop: Flow) -> None:
    async def impatient() -> None:
        handle = await shop.price.total.asend([1])
        with pytest.raises(TimedOut):
            await handle.aresult(timeout=0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle.aresult(), 0.05)

    asyncio.run(impatient())


def test_a_recipe_is_a_file_a_spec_or_a_class(home: Path) -> None:
    (home / "shop.yaml").write_text(RECIPE)
    with Flow("shop") as opened:
        assert opened.apply(str(home / "shop.yaml")) is True
        assert opened.apply(home) is False
        spec: NetworkSpec = opened._session.control.store.flows.spec("shop")
        assert opened.apply(spec) is False
        assert opened.apply(structs.replace(spec, strategy="EFFICIENT")) is True
        with pytest.raises(RecipeError) as caught:
            opened.apply(structs.replace(spec, strategy="ODD"))
        assert caught.value.problems[0].path == "strategy"
        with pytest.raises(InvalidInput, match="for network other, this flow is shop"):
            opened.apply(NetworkSpec(name="other"))
        with pytest.raises(InvalidInput, match="neither a network nor a processor"):
            opened.apply(dict)


def test_names_are_found_and_mistakes_are_helped(shop: Flow) -> None:
    assert {"price", "words", "apply"} <= set(dir(shop))
    assert dir(shop.words) == ["add", "ask"]
    assert repr(shop["words.ask"]) == repr(shop.words.ask) == "Socket('words.ask')"
    with pytest.raises(NotFound, match=r'did you mean "price.total"'):
        shop.price.totl(1)
    with pytest.raises(NotFound, match="words"):
        shop["words"].send(1)
    assert shop["price"].send([1]).status == "queued"
    for thing in (shop, shop.price):
        with pytest.raises(AttributeError):
            _ = thing._hidden
    with pytest.raises(InvalidInput, match="empty"):
        shop.handle("")


SAME_NAMES = """\
version: 1
network: twins
processors:
  left: {source: {path: /srv, module: shop.left}, sockets: {z: total, b: total}}
  right: {source: {path: /srv, module: "shop.right:Right"}, sockets: {total: total}}
"""


def test_a_function_is_found_by_module_and_name_and_never_by_one_of_them(shop: Flow) -> None:
    (file := Path(shop._session.settings.paths.data) / "twins.yaml").write_text(SAME_NAMES)
    with Flow() as everything:
        everything.apply(file)
        assert repr(everything.function("shop.left", "total")) == "Socket('twins/left.b')"
        for module in ("shop.right", "shop.right:Right"):
            assert repr(everything.function(module, "total")) == "Socket('twins/right.total')"
        assert everything.function("shop.right", "total").send(1).status == "queued"
        for module, task in [
            ("shop.left", "ttal"),
            ("shop.righ", "total"),
            ("shop.right:R", "total"),
        ]:
            with pytest.raises(NotFound, match=r"did you mean \"shop\.(left|right)"):
                everything.function(module, task)
    with pytest.raises(NotFound):
        shop.function("shop.left", "total")


def test_it_acts_only_while_it_is_open(home: Path) -> None:
    closed = Flow("shop")
    with pytest.raises(Refused, match="this flow is not open"):
        closed.price.total(1)
    opened = closed.open()
    assert opened is closed.open()
    closed.close()
    closed.close()
    with pytest.raises(Refused):
        closed.handle("c1").result(0)
    with closed as again:
        assert again.handle("c1").status == "queued"
    with pytest.raises(Misconfigured, match='Flow: state "mysql://x"'):
        Flow(state="mysql://x")


def test_a_reader_may_not_send(shop: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWCTL_READONLY", "1")
    from flowctl.errors import Denied

    with Flow("shop") as reader:
        with pytest.raises(Denied):
            reader.price.total.send(1)
        assert reader.handle(CallId("x")).status == "queued"
