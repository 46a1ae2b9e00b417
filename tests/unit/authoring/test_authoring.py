"""Decorators leave classes as they are, and make the same values as the text of a recipe."""

import doctest
import json
import sys
import types
from typing import Any, get_type_hints

import pytest

import flowctl.authoring
from flowctl.authoring import (
    Route,
    network,
    options,
    plug,
    processor,
    recipe_of,
    socket,
    values,
)
from flowctl.errors import InvalidInput
from flowctl.model.nodes import CANVASES
from flowctl.recipe import schema
from flowctl.recipe.kinds import Forms, Record
from flowctl.recipe.parse import parse


@processor(requirements=["httpx"], env={"A": "b"})
class OrderStore:
    """Keeps orders.

    For ever.
    """

    @socket
    def save(self, order: object) -> object:
        return order

    @staticmethod
    @socket("drop", cron="0 4 * * *", payload={"all": True})
    def forget(order: object) -> None:
        """Forget."""


@processor("prices", cpus=2)
class Price:
    @plug(OrderStore.save)
    @plug("store.drop", on="error", argument="order")
    @socket
    def total(self, order: dict[str, int]) -> int:
        return sum(order.values())


@network("shop", strategy="efficient")
class Everything:
    price = Price
    store = OrderStore
    number = 5


def test_examples_in_the_docs_run() -> None:
    assert doctest.testmod(flowctl.authoring).failed == 0
    assert doctest.testmod(values).failed == 0


def test_a_network_is_the_values_of_its_recipe() -> None:
    recipe = recipe_of(Everything)
    assert recipe["network"] == "shop"
    assert recipe["strategy"] == "efficient"
    folder, module = values.place_of(Price)
    assert module == f"{__name__}:Price"
    assert recipe["processors"]["prices"] == {
        "source": {"path": folder, "module": module},
        "cpus": 2,
        "sockets": {"total": {"task": "total"}},
    }  # fmt: skip
    store = recipe["processors"]["store"]
    assert store["description"] == "Keeps orders."
    assert store["sockets"]["drop"] == {
        "task": "forget",
        "cron": "0 4 * * *",
        "payload": {"all": True},
    }
    assert recipe["plugs"] == [
        {"from": "prices.total", "to": "store.save"},
        {"from": "prices.total", "to": "store.drop", "on": "error", "argument": "order"},
    ]


def test_a_processor_alone_is_a_network_of_its_name() -> None:
    recipe = recipe_of(OrderStore)
    assert recipe["network"] == "order_store"
    assert list(recipe["processors"]) == ["order_store"]


def test_decorated_code_is_called_as_ever() -> None:
    assert Price().total({"a": 1, "b": 2}) == 3
    assert OrderStore.forget(1) is None  # type: ignore[func-returns-value]


def test_those_who_inherit_must_say_what_they_are() -> None:
    class Special(OrderStore):
        @socket
        def extra(self, order: object) -> object:
            return order

    with pytest.raises(InvalidInput, match="neither a network nor a processor"):
        recipe_of(Special)
    marked = processor(source={"git": "https://example.org/x.git", "module": "m:Special"})(Special)
    found = recipe_of(marked)["processors"]["special"]
    assert sorted(found["sockets"]) == ["drop", "extra", "save"]
    assert found["source"]["module"] == "m:Special"


def test_a_method_that_is_overridden_without_a_mark_is_no_socket() -> None:
    @processor(source={"code": "", "module": "m"})
    class Less(OrderStore):
        def save(self, order: object) -> object:
            return order

    assert list(recipe_of(Less)["processors"]["less"]["sockets"]) == ["drop"]


def _nested() -> type:
    @processor
    class Inner:
        pass

    return Inner


def _plug_without_socket() -> type:
    @processor(source={"code": ""})
    class Loose:
        @plug("a.b")
        def f(self) -> None: ...

    return Loose


def _plug_to_nobody() -> type:
    @processor(source={"code": ""})
    class Alone:
        @plug(OrderStore.save)
        @socket
        def f(self) -> None: ...

    return Alone


def _plug_to_two() -> type:
    @network
    class Twice:
        one = OrderStore
        two = OrderStore
        price = Price

    return Twice


def _same_socket_twice() -> type:
    @processor(source={"code": ""})
    class Same:
        @socket("x")
        def f(self) -> None: ...
        @socket("x")
        def g(self) -> None: ...

    return Same


def _same_processor_twice() -> type:
    @network
    class Same:
        one = Price
        two = Price

    return Same


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_nested, "inside of something else"),
        (_plug_without_socket, "Loose.f has a plug and is no socket"),
        (_plug_to_nobody, "OrderStore.save, which is no socket of the network"),
        (_plug_to_two, "OrderStore.save, which is 2 sockets of the network"),
        (_same_socket_twice, 'two that are called "x"'),
        (_same_processor_twice, 'two that are called "prices"'),
        (lambda: object, "neither a network nor a processor"),
        (lambda: 5, "5 is not a class"),
    ],
)
def test_what_cannot_be_says_why(make: Any, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        recipe_of(make())


def test_decorators_on_the_wrong_thing_are_refused_at_once() -> None:
    with pytest.raises(InvalidInput, match="@processor stands on"):
        processor(lambda: None)  # type: ignore[type-var]
    with pytest.raises(InvalidInput, match="@socket stands on"):
        socket(int)
    with pytest.raises(InvalidInput, match="@plug stands on 5"):
        plug("a.b")(5)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("module", "file", "folder", "name"),
    [
        ("shop", "/x/shop.py", "/x", "shop"),
        ("a.b.shop", "/x/a/b/shop.py", "/x", "a.b.shop"),
        ("a.b", "/x/a/b/__init__.py", "/x", "a.b"),
        ("shop", "shop.py", ".", "shop"),
        ("__main__", "/x/tool.py", "/x", "tool"),
    ],
)
def test_workers_import_a_class_from_where_it_lies(
    monkeypatch: pytest.MonkeyPatch, module: str, file: str, folder: str, name: str
) -> None:
    home = types.ModuleType(module)
    home.__file__ = file
    monkeypatch.setitem(sys.modules, module, home)
    monkeypatch.setattr(OrderStore, "__module__", module)
    assert values.place_of(OrderStore) == (folder, f"{name}:OrderStore")


def test_a_class_of_no_file_must_say_where_its_code_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderStore, "__module__", "nowhere.to.be.found")
    with pytest.raises(InvalidInput, match="in no file"):
        recipe_of(OrderStore)


def _keys(kind: Record | Forms) -> set[str]:
    if isinstance(kind, Record):
        return {key.name for key in kind.keys}
    assert isinstance(kind.long, Record)
    return _keys(kind.long)


@pytest.mark.parametrize(
    ("said", "kind", "elsewhere"),
    [
        (options.ProcessorOptions, schema.PROCESSOR, {"sockets"}),
        (options.SocketOptions, schema.SOCKET, {"task"}),
        (options.PlugOptions, schema.PLUG, {"from", "to"}),
        (options.NetworkOptions, schema.RECIPE, {"version", "network", "processors", "plugs"}),
    ],
)
def test_decorators_know_every_key_of_a_recipe(said: Any, kind: Any, elsewhere: set[str]) -> None:
    assert set(get_type_hints(said)) | elsewhere == _keys(kind)


def test_types_of_processors_are_said_in_the_decorator() -> None:
    @processor(type="router", source={"code": "", "module": "m:Sort"})
    class Sort:
        @plug("desk.take", route="big")
        @plug("desk.drop", route="unmatched")
        @socket(routes={"big": "is_big"}, wait="all")
        def order(self, order: object) -> object:
            return order

        def is_big(self, order: object) -> bool:
            return bool(order)

    found = recipe_of(Sort)
    assert found["processors"]["sort"]["type"] == "router"
    assert found["processors"]["sort"]["sockets"]["order"] == {
        "task": "order", "routes": {"big": "is_big"}, "wait": "all",
    }  # fmt: skip
    assert [plug["route"] for plug in found["plugs"]] == ["big", "unmatched"]
    assert Route(1, plugs=["big"]).result == 1


def test_canvases_name_functions_or_what_recipes_write() -> None:
    @processor(
        type="funnel", steps=[OrderStore.save, ["prices.total", Price.total]], final=Price.total
    )
    class Bill:
        @plug(OrderStore.forget)
        @socket
        def complete(self) -> None: ...

        @socket(every="5s")
        def start(self) -> None: ...

    @network
    class Shop:
        store, prices, bill = OrderStore, Price, Bill

    found = recipe_of(Shop)
    assert found["processors"]["bill"] == {
        "type": "funnel",
        "steps": ["store.save", ["prices.total", "prices.total"]],
        "final": "prices.total",
        "sockets": {"complete": {}, "start": {"every": "5s"}},
    }
    spec = parse(json.dumps(found))
    (bill,) = (each for each in spec.processors if each.name == "bill")
    assert bill.canvas == "funnel([store.save, [prices.total, prices.total]], prices.total)"


def test_a_step_that_is_no_socket_says_so() -> None:
    @processor(type="pipeline", steps=[OrderStore.save])
    class Lonely: ...

    with pytest.raises(InvalidInput, match="has a step to OrderStore"):
        recipe_of(Lonely)


def test_canvases_are_the_same_here_and_in_recipes() -> None:
    assert values.CANVASES == CANVASES
