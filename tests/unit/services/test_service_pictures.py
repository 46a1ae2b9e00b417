"""What a network measures, from a real store and the embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flowctl.errors import InvalidInput, NotFound
from flowctl.graph.build import Grain
from flowctl.model.states import CallStatus
from flowctl.model.work import Sample, Trend
from flowctl.services import pictures, queues
from flowctl.services.control import Control, open_control
from flowctl.services.pictures import Wanted
from flowctl.settings import load
from tests.stores import NOON, apply, finished, outgoing, shop

PLUG = "parse.rows-store.save"
QUEUE = f"shop.{PLUG}"


class Noon:
    """A clock that stands."""

    def now(self):
        return NOON

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(tmp_path), "HOME": str(tmp_path)})
    settings.paths.make()
    with open_control(settings, clock=Noon()) as control:
        control.store.migrate()
        apply(control.store, shop())
        whole = control.store.flows.topology("shop")
        control.broker.declare(queues.specs_of(whole.sockets, whole.plugs))
        yield control


def measured(control: Control) -> pictures.Reading:
    return pictures.measure(control, control.store.flows.topology("shop"))


def work(control: Control, count: int, *, name: str = "c", **fields: object) -> None:
    control.store.traffic.commit([finished(f"{name}{n}", **fields) for n in range(count)])


def begin(control: Control) -> None:
    """Have one call end when the measured time began."""
    ended = NOON - timedelta(seconds=pictures.SPAN)
    work(control, 1, name="first", socket="store.save", plug=PLUG, finished_at=ended)


def hold(control: Control, count: int) -> None:
    control.broker.publish([outgoing(f"m{n}", QUEUE) for n in range(count)])


def test_a_flow_at_rest_moves_nothing(control: Control) -> None:
    found = measured(control)
    plug = found.overlay.plugs[PLUG]
    assert (plug.depth, plug.in_rate, plug.out_rate, plug.trend) == (0, 0.0, 0.0, Trend.STEADY)
    assert found.limit is None
    assert found.broker


def test_rates_come_from_the_calls_that_ended_lately(control: Control) -> None:
    work(control, 39, socket="store.save", plug=PLUG)
    begin(control)
    old = NOON - timedelta(minutes=5)
    work(control, 9, name="old", socket="store.save", plug=PLUG, received_at=old, finished_at=old)
    assert measured(control).overlay.plugs[PLUG].out_rate == pytest.approx(2.0)


def test_a_flow_that_has_just_begun_is_measured_since_then(control: Control) -> None:
    ended = [NOON - timedelta(seconds=left) for left in (2, 1)]
    for count, at in enumerate(ended):
        name = f"late{count}"
        work(control, 4, name=name, socket="store.save", plug=PLUG, finished_at=at, duration=0.0)
    assert measured(control).overlay.plugs[PLUG].out_rate == pytest.approx(4.0)


def test_what_arrives_is_what_leaves_and_what_the_queue_gained(control: Control) -> None:
    work(control, 19, socket="store.save", plug=PLUG)
    begin(control)
    hold(control, 15)
    at = NOON - timedelta(seconds=15)
    control.store.duty.sample(
        [Sample(at=at, kind="queue", object=QUEUE, metric="ready", value=0.0)]
    )
    plug = measured(control).overlay.plugs[PLUG]
    assert (plug.depth, plug.trend) == (15, Trend.GROWING)
    assert plug.in_rate == pytest.approx(2.0)


def test_failures_of_a_processor_are_counted(control: Control) -> None:
    work(control, 3, socket="store.save", plug=PLUG, status=CallStatus.FAILED)
    overlay = measured(control).overlay
    assert overlay.processors["store"].failures == 3
    assert overlay.processors["store"].wanted == 2


def test_what_waits_for_a_processor_without_cpus_is_told(control: Control) -> None:
    hold(control, 5)
    found = measured(control)
    assert found.limit is not None
    assert (found.limit.processor, found.limit.reason) == ("store", "no cpu runs, 5 wait")
    assert found.overlay.processors["store"].limiting


def test_a_focus_keeps_what_is_near(control: Control) -> None:
    whole = control.store.flows.topology("shop")
    alone = pictures.graph(whole, Wanted(focus="parse", hops=0))
    assert [vertex.name for vertex in alone.vertices] == ["parse"]
    both = pictures.graph(whole, Wanted(Grain.SOCKET, focus="store", hops=1))
    assert {vertex.name for vertex in both.vertices} == {"parse.rows", "store.save"}


def test_a_focus_that_is_not_there_names_the_nearest(control: Control) -> None:
    whole = control.store.flows.topology("shop")
    with pytest.raises(NotFound) as caught:
        pictures.graph(whole, Wanted(focus="prase"))
    assert caught.value.near == "parse"
    with pytest.raises(InvalidInput):
        pictures.graph(whole, Wanted(focus="parse", hops=-1))
