"""Joins: exactly one firing for each complete set of values, on both databases."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.work import Arrival, CallFilter, Slot
from flowctl.state.store import Store, open_store
from tests.stores import apply, call, empty, finished, message, outgoing, shop

SOCKET = "shop.store.save"


def arrival(id_: str, argument: str, *needs: str, mode: str = "zip", **fields: Any) -> Arrival:
    slot = Slot(
        socket=fields.pop("socket", SOCKET),
        key=fields.pop("key", ""),
        argument=argument,
        message=message(id_, body=id_.encode()),
    )
    record = call(id_, socket="store.save", argument=argument, finished_at=None)
    return Arrival(slot=slot, call=record, mode=mode, needs=needs, **fields)


def arrive(store: Store, *args: Any, **fields: Any) -> list[str] | None:
    """The ids of the values that this arrival fires with."""
    made = arrival(*args, **fields)
    slots = store.traffic.arrive([made])[made.call.id]
    return None if slots is None else [slot.message.id for slot in slots]


def status(store: Store, id_: str) -> CallStatus:
    return store.traffic.call(id_).status


def test_zip_uses_each_value_once_in_order(store: Store) -> None:
    needs = ("left", "right")
    assert arrive(store, "l1", "left", *needs) is None
    assert arrive(store, "l2", "left", *needs) is None
    assert arrive(store, "r1", "right", *needs) == ["l1", "r1"]
    assert arrive(store, "r2", "right", *needs) == ["l2", "r2"]
    assert arrive(store, "r3", "right", *needs) is None
    assert status(store, "l1") is CallStatus.JOINED
    assert status(store, "r1") is CallStatus.RECEIVED
    assert status(store, "r3") is CallStatus.WAITING
    assert store.traffic.finished(["l1"])[CallId("l1")].status is CallStatus.JOINED
    assert store.traffic.finished(["r1", "r3"]) == {}


def test_values_come_in_the_order_of_the_signature_then_the_others(store: Store) -> None:
    assert arrive(store, "x", "extra", "a", "b") is None
    assert arrive(store, "b1", "b", "a", "b") is None
    assert arrive(store, "a1", "a", "a", "b") == ["a1", "b1", "x"]


def test_without_needs_a_value_fires_at_once(store: Store) -> None:
    assert arrive(store, "x", "extra") == ["x"]
    assert status(store, "x") is CallStatus.RECEIVED


def test_keys_and_sockets_are_apart(store: Store) -> None:
    needs = ("left", "right")
    assert arrive(store, "l1", "left", *needs, key="run1") is None
    assert arrive(store, "r1", "right", *needs, key="run2") is None
    assert arrive(store, "r2", "right", *needs, key="run1", socket="shop.other.x") is None
    assert arrive(store, "r3", "right", *needs, key="run1") == ["l1", "r3"]


def test_a_repeat_gets_the_same_answer(store: Store) -> None:
    needs = ("left", "right")
    for _ in range(2):
        assert arrive(store, "l1", "left", *needs) is None
    for _ in range(3):
        assert arrive(store, "r1", "right", *needs) == ["l1", "r1"]
    assert arrive(store, "l1", "left", *needs) is None
    store.traffic.commit([finished("r1", outgoing("r1", attempt=2), status=CallStatus.RETRYING)])
    assert arrive(store, "r1", "right", *needs) == ["l1", "r1"]
    store.traffic.commit([finished("r1")])
    assert arrive(store, "r1", "right", *needs) is None
    assert arrive(store, "l1", "left", *needs) is None
    assert store.dump()["slot"] == store.dump()["firing"] == []


def test_an_unrecorded_firing_is_closed_too(store: Store) -> None:
    assert arrive(store, "x", "extra") == ["x"]
    item = finished("x")
    item.record = False
    store.traffic.commit([item])
    assert status(store, "x") is CallStatus.FINISHED
    assert arrive(store, "x", "extra") is None


def test_latest_combines_the_newest(store: Store) -> None:
    needs = ("left", "right")
    latest = {"mode": "latest"}
    assert arrive(store, "l1", "left", *needs, **latest) is None
    assert arrive(store, "l2", "left", *needs, **latest) is None
    assert arrive(store, "r1", "right", *needs, **latest) == ["l2", "r1"]
    assert arrive(store, "r2", "right", *needs, **latest) == ["l2", "r2"]
    assert arrive(store, "l3", "left", *needs, **latest) == ["l3", "r2"]
    assert arrive(store, "r1", "right", *needs, **latest) == ["l2", "r1"]
    assert [status(store, each) for each in ("l1", "l2")] == [CallStatus.JOINED] * 2
    store.traffic.commit([finished("r1"), finished("r2")])
    assert arrive(store, "r1", "right", *needs, **latest) is None
    assert arrive(store, "l4", "left", *needs, **latest) == ["l4", "r2"]


def test_gather_waits_for_every_index_and_keeps_their_order(store: Store) -> None:
    order = [2, 0, 11, 1, 3, 10, 4, 9, 5, 8, 6]
    gather = {"mode": "gather", "total": 12, "key": "scatter"}
    for index in order:
        assert arrive(store, f"c{index}", str(index), **gather) is None
        assert arrive(store, f"c{index}", str(index), **gather) is None
    assert arrive(store, "c7", "7", **gather) == [f"c{index}" for index in range(12)]
    assert arrive(store, "c7", "7", **gather) == [f"c{index}" for index in range(12)]
    assert status(store, "c3") is CallStatus.JOINED
    assert store.dump()["gathering"] == []


def test_a_batch_may_complete_itself(store: Store) -> None:
    needs = ("left", "right")
    batch = [arrival("l1", "left", *needs), arrival("r1", "right", *needs)]
    answers = store.traffic.arrive(batch)
    assert answers["l1"] is None
    assert [slot.message.body for slot in answers["r1"] or ()] == [b"l1", b"r1"]


def test_a_socket_that_goes_takes_its_values_along(store: Store) -> None:
    apply(store, shop())
    arrive(store, "l1", "left", "left", "right")
    arrive(store, "g1", "0", mode="gather", total=3, key="s")
    apply(store, shop(processors=shop().processors[:1], plugs=()))
    assert store.dump()["slot"] == store.dump()["gathering"] == []
    assert status(store, "l1") is CallStatus.CANCELLED


def test_many_workers_fire_each_pair_once(store: Store, state_url: str) -> None:
    needs = ("left", "right")
    fired: list[tuple[str, ...]] = []
    start = threading.Barrier(4)

    def work(side: str, numbers: range) -> None:
        mine = open_store(state_url)
        start.wait()
        for number in numbers:
            for _ in range(2):
                answer = arrive(mine, f"{side}{number:02}", side, *needs)
            if answer is not None:
                fired.append(tuple(answer))
        mine.close()

    jobs = [
        ("left", range(12)),
        ("right", range(12)),
        ("left", range(12, 24)),
        ("right", range(12, 24)),
    ]
    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(fired) == 24
    assert len({left for left, _ in fired}) == len({right for _, right in fired}) == 24
    joined = store.traffic.calls(CallFilter(status=(CallStatus.JOINED,)))[1]
    assert joined == 24


def test_many_workers_gather_once(store: Store, state_url: str) -> None:
    fired: list[list[str]] = []
    start = threading.Barrier(3)

    def work(indexes: range) -> None:
        mine = open_store(state_url)
        start.wait()
        for index in indexes:
            answer = arrive(mine, f"c{index}", str(index), mode="gather", total=30, key="k")
            if answer is not None:
                fired.append(answer)
        mine.close()

    threads = [threading.Thread(target=work, args=(range(n, 30, 3),)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert fired == [[f"c{index}" for index in range(30)]]


class Model:
    """What a join should do, in a few lines."""

    def __init__(self, mode: str, needs: tuple[str, ...]) -> None:
        self.mode, self.needs = mode, needs
        self.queues: defaultdict[str, deque[str]] = defaultdict(deque)
        self.answers: dict[str, list[str] | None] = {}

    def arrive(self, id_: str, argument: str) -> list[str] | None:
        if id_ not in self.answers:
            self.answers[id_] = self._first(id_, argument)
        return self.answers[id_]

    def finish(self, id_: str) -> None:
        self.answers[id_] = None

    def _first(self, id_: str, argument: str) -> list[str] | None:
        if self.mode == "latest":
            self.queues[argument].clear()
        self.queues[argument].append(id_)
        if not all(self.queues[name] for name in self.needs):
            return None
        others = sorted(n for n, queue in self.queues.items() if queue and n not in self.needs)
        names = [*self.needs, *others]
        if self.mode == "latest":
            return [self.queues[name][0] for name in names]
        return [self.queues[name].popleft() for name in names]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "arrive", "arrive", "repeat", "finish"]), st.integers(0, 5)
    ),
    max_size=25,
)


@pytest.mark.parametrize("mode", ["zip", "latest"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS)
def test_joins_do_as_the_model(store: Store, mode: str, steps: list[tuple[str, int]]) -> None:
    empty(store)
    needs = ("b", "a")
    model = Model(mode, needs)
    arguments: dict[str, str] = {}
    for number, (act, choice) in enumerate(steps):
        known = sorted(arguments)
        if act == "arrive" or not known:
            id_, argument = f"c{number:02}", "abc"[choice % 3]
            arguments[id_] = argument
        else:
            id_ = known[choice % len(known)]
            argument = arguments[id_]
        if act == "finish" and model.answers.get(id_) is not None:
            store.traffic.commit([finished(id_)])
            model.finish(id_)
        assert arrive(store, id_, argument, *needs, mode=mode) == model.arrive(id_, argument)
    fired = {id_ for id_, answer in model.answers.items() if answer is not None}
    rows = {row["call_id"] for row in store.dump()["firing"]}
    assert rows == fired


_BATCHES = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abcd")), min_size=1, max_size=8),
    max_size=8,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=_BATCHES)
def test_a_batch_does_as_its_values_one_by_one(
    store: Store, batches: list[list[tuple[int, str]]]
) -> None:
    empty(store)
    models = {key: Model("zip", ("b", "a")) for key in ("", "k")}
    told: dict[str, str] = {}
    for batch in batches:
        made: list[Arrival] = []
        for number, argument in batch:
            id_ = f"c{number:02}"
            argument = told.setdefault(id_, argument)
            key = "k" if number % 3 == 0 else ""
            made.append(arrival(id_, argument, "b", "a", key=key))
        answers = store.traffic.arrive(made)
        for each in made:
            model = models[each.slot.key]
            expected = model.arrive(each.call.id, each.slot.argument)
            found = answers[each.call.id]
            assert (found and [slot.message.id for slot in found]) == expected
    fired = {id_ for model in models.values() for id_, answer in model.answers.items() if answer}
    assert {row["call_id"] for row in store.dump()["firing"]} == fired


def test_a_replaced_call_keeps_its_record(store: Store) -> None:
    made = arrival("l1", "left", "left", "right")
    store.traffic.arrive([structs.replace(made, call=structs.replace(made.call, worker="w7"))])
    assert store.traffic.call("l1").worker == "w7"
    assert store.traffic.finished([CallId("l1")]) == {}


def test_what_waits_is_counted_by_argument(store: Store) -> None:
    needs = ("left", "right")
    for id_ in ("l1", "l2"):
        arrive(store, id_, "left", *needs)
    arrive(store, "r1", "right", *needs, key="run9")
    arrive(store, "g1", "1", mode="gather", total=3, key="parse.rows-store.save:m")
    found = [(pile.key, pile.argument, pile.count) for pile in store.traffic.piles("shop")]
    assert sorted(found) == [("", "left", 2), ("run9", "right", 1)]
    assert store.traffic.piles("shop") == store.traffic.piles(socket=SOCKET)
    assert store.traffic.piles("sho") == []
    (gathering,) = store.traffic.gatherings("shop")
    assert (gathering.arrived, gathering.key) == (1, "parse.rows-store.save:m")
    assert [slot.message.id for slot in store.traffic.held(SOCKET, "", limit=1)] == ["l1"]
