"""Sockets as functions over real daemons and workers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowctl import CallFailed, Flow, TimedOut
from tests.cluster import PATIENCE, Cluster, until

pytestmark = pytest.mark.process

SHOP = '''
"""A shop; it is marked up, and runs where flowctl is not installed."""
import threading

from flowctl.authoring import network, plug, processor, socket


@processor
class Store:
    @socket
    def save(self, price):
        return ["saved", price]

    @socket
    def add(self, left, right):
        return [left, right]


@processor(cpus=2)
class Price:
    def __init__(self):
        self.calls = 0

    @plug(Store.save)
    @socket
    def total(self, prices):
        return sum(prices)

    @socket
    def echo(self, value):
        return value

    @socket
    async def boom(self, value):
        raise LookupError(f"no price for {value}")

    @socket
    def never(self, value):
        threading.Event().wait()


@network
class Shop:
    price = Price
    store = Store
'''


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("servers", marks=[pytest.mark.rabbit, pytest.mark.postgres])],
)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster of one agent whose settings are in the environment, as a program has them."""
    urls = {}
    if request.param == "servers":
        urls["broker"] = request.getfixturevalue("rabbit_url")
        urls["state"] = request.getfixturevalue("shared_postgres").database()
    made = Cluster(tmp_path_factory.mktemp("client"), cpus=4, **urls).start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in made.env.items():
                if name.startswith("FLOWCTL_"):
                    patch.setenv(name, value)
            yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[Flow]:
    """The shop, applied as a class and served."""
    (cluster.home / "client_shop.py").write_text(SHOP)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(cluster.home)
        patch.delitem(sys.modules, "client_shop", raising=False)
        from client_shop import Shop  # type: ignore[import-not-found]

        with Flow("shop") as flow:
            assert flow.apply(Shop, wait=True, timeout=PATIENCE) is True
            assert flow.apply(Shop) is False
            yield flow


def test_a_socket_is_a_function(shop: Flow) -> None:
    assert shop.price.total([1, 2, 3], timeout=PATIENCE) == 6
    assert shop["price.total"]([1, 2], timeout=PATIENCE) == 3
    assert shop.price.total([shop.price.total([1, 2]), 3]) == 6
    assert shop.store.add(left=1, right=2, timeout=PATIENCE) == [1, 2]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        2**60,
        "",
        "ü\0😀",
        [1, [2]],
        {"b": 1, "a": {"c": None}},
        b"",
        b"\x00\xff",
    ],
    ids=repr,
)
def test_values_come_back_as_they_were_sent(shop: Flow, value: object) -> None:
    back = shop.price.echo(value, timeout=PATIENCE)
    assert (back, repr(back)) == (value, repr(value))


def test_a_failure_brings_its_traceback(shop: Flow) -> None:
    with pytest.raises(CallFailed, match="LookupError: no price for tea") as caught:
        shop.price.boom("tea", timeout=PATIENCE)
    assert caught.value.kind == "LookupError"
    assert 'raise LookupError(f"no price for {value}")' in caught.value.traceback
    assert "client_shop.py" in caught.value.traceback


def test_many_are_on_their_way_at_once_and_come_in_order(shop: Flow) -> None:
    results = shop.price.echo.map(range(1500), timeout=PATIENCE)
    assert list(results) == list(range(1500))
    mixed = [
        shop.price.boom.map([1, 2], timeout=PATIENCE, return_exceptions=True),
        shop.price.echo.map([3], timeout=PATIENCE),
    ]
    kinds = [type(each) for results in mixed for each in results]
    assert kinds == [CallFailed, CallFailed, int]


def test_a_handle_is_fetched_by_another_process(shop: Flow, cluster: Cluster) -> None:
    handle = shop.price.total.send([4, 5], key="order-1")
    assert shop.price.total.send([4, 5], key="order-1") == handle
    program = (
        "import sys; from flowctl import Flow\n"
        "with Flow() as flow: print(flow.handle(sys.argv[1]).result(timeout=60))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, handle.id],
        env=cluster.env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stdout == "9\n", done.stderr
    assert handle.status == "finished"
    until(lambda: len(handle.trace()) == 2, "the plug delivers")
    run = until(
        lambda: handle.trace() if "store.save  finished" in str(handle.trace()) else None,
        "it is saved",
    )
    assert [each.socket for each in run] == ["price.total", "store.save"]
    assert shop.handle(run.calls[1].id).result(timeout=PATIENCE) == ["saved", 9]


def test_what_takes_too_long_goes_on_until_it_is_cancelled(shop: Flow) -> None:
    handle = shop.price.never.send(1)
    with pytest.raises(TimedOut, match=r"price\.never: no result after 0\.2 s"):
        handle.result(timeout=0.2)
    until(lambda: handle.status == "running", "it runs")
    handle.cancel()
    with pytest.raises(CallFailed) as caught:
        handle.result(timeout=PATIENCE)
    assert caught.value.kind == "cancelled"


def test_an_event_loop_waits_for_hundreds(shop: Flow) -> None:
    async def work() -> tuple[list[int], list[int]]:
        calls = [shop.price.total.acall([n, 1], timeout=PATIENCE) for n in range(200)]
        mapped = [each async for each in shop.price.echo.amap(range(20), timeout=PATIENCE)]
        return list(await asyncio.gather(*calls)), mapped

    totals, mapped = asyncio.run(work())
    assert totals == [n + 1 for n in range(200)]
    assert mapped == list(range(20))


def test_threads_share_a_flow(shop: Flow) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda n: shop.price.echo(n, timeout=PATIENCE), range(100))
        assert list(results) == list(range(100))


def test_export_from_a_class_is_the_recipe_that_was_applied(shop: Flow, cluster: Cluster) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowctl", "export", "--from", "client_shop:Shop"],
        env={**cluster.env, "PYTHONPATH": str(Path(__file__).parents[2])}, cwd=cluster.home,
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert done.stdout == cluster.flowctl("export", "shop")
    assert "price.total -> store.save" in done.stdout
