"""Failures that are taken back, so that a dead letter that is sent again has an outcome."""

from __future__ import annotations

from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure
from flowctl.model.work import Arrival, Slot
from flowctl.state.store import Store
from tests.stores import call, finished, message

BAD = Failure(type="ValueError", message="bad row")


def fail(store: Store, id_: str, worker: str = "w") -> None:
    item = finished(id_, result=None, status=CallStatus.FAILED, failure=BAD, worker=worker)
    store.traffic.commit([item])


def test_the_next_outcome_of_a_reopened_call_counts(store: Store) -> None:
    fail(store, "c1")
    assert store.traffic.commit([finished("c1", worker="late")]) == set()
    assert store.traffic.reopen(["c1", "unknown"]) == 1
    open_ = store.traffic.call("c1")
    assert (open_.status, open_.failure) == (CallStatus.RECEIVED, None)
    assert store.traffic.finished(["c1"]) == {}
    assert store.traffic.commit([finished("c1", result=b"2")]) == {"c1"}
    assert store.traffic.result("c1").body == b"2"
    (told,) = store.events.list(object="c1")
    assert (told.action, told.note) == ("sent again", "after ValueError: bad row")


def test_what_did_not_fail_stays_as_it_is(store: Store) -> None:
    store.traffic.commit([finished("c1", result=b"1")])
    assert store.traffic.reopen(["c1"]) == 0
    assert store.traffic.call("c1").status is CallStatus.FINISHED


def test_many_are_reopened(store: Store) -> None:
    many = [f"c{number}" for number in range(1100)]
    failures = [finished(id_, result=None, status=CallStatus.FAILED, failure=BAD) for id_ in many]
    store.traffic.commit(failures)
    assert store.traffic.reopen(many) == 1100


def arrival(id_: str, argument: str) -> Arrival:
    slot = Slot(
        socket="shop.add.pair", key="", argument=argument, message=message(id_), content_type=""
    )
    return Arrival(
        slot=slot, call=call(id_, status=CallStatus.WAITING), mode="zip", needs=("left", "right")
    )


def test_a_join_that_failed_gets_the_same_values_again(store: Store) -> None:
    store.traffic.arrive([arrival("l1", "left")])
    fired = store.traffic.arrive([arrival("r1", "right")])
    fail(store, "r1")
    store.traffic.reopen(["r1"])
    assert store.traffic.arrive([arrival("r1", "right")]) == fired
    store.traffic.commit([finished("r1")])
    assert store.traffic.arrive([arrival("r1", "right")]) == {CallId("r1"): None}
