"""The stream of events: everything once, in an order in which nothing appears late, on both databases."""

from __future__ import annotations

import threading

from msgspec import structs

from flowctl.model.lives import Mark, parse_mark
from flowctl.model.states import CallStatus
from flowctl.state.store import Store, open_store
from flowctl.views.stream import documents
from tests.stores import NOON, call, finished


def steps(store: Store, after: Mark) -> list[tuple[str, int, str]]:
    """What was told after a mark: call, attempt and step."""
    return [
        (told["name"], told["attempt"], told["action"])
        for mark, event in store.events.stream(after)
        for _, told in documents(mark, event)
        if told["channel"].endswith(".task")
    ]


def test_a_commit_tells_three_steps_of_each_call_and_listings_leave_them_out(store: Store) -> None:
    before = store.events.mark()
    store.traffic.commit([finished("c1"), finished("c2", status=CallStatus.FAILED)])
    store.traffic.commit([finished("c1")])
    assert steps(store, before) == [
        (name, 1, step) for name in ("c1", "c2") for step in ("received", "prerun", "postrun")
    ]
    assert store.events.list() == []
    assert steps(store, store.events.mark()) == []
    assert steps(store, store.events.mark(NOON))
    assert parse_mark(str(before)) == before


def test_what_began_before_is_not_told_again(store: Store) -> None:
    before = store.events.mark()
    running = call("c1", status=CallStatus.RUNNING, finished_at=None)
    store.traffic.begun([running])
    store.traffic.begun([structs.replace(running, worker="another")])
    assert steps(store, before) == [("c1", 1, "received"), ("c1", 1, "prerun")]
    made = finished("c1")
    made.is_told = True
    store.traffic.commit([made])
    assert steps(store, before)[2:] == [("c1", 1, "postrun")]


def test_what_never_ran_and_what_is_not_recorded_is_not_told(store: Store) -> None:
    before = store.events.mark()
    loose = finished("c1")
    loose.record = False
    store.traffic.commit([loose, finished("c2", started_at=None, status=CallStatus.CANCELLED)])
    assert steps(store, before) == []


def test_many_writers_and_a_follower_who_misses_nothing(store: Store, state_url: str) -> None:
    names = [[f"w{writer}-{number}" for number in range(60)] for writer in range(4)]

    def write(mine: list[str]) -> None:
        own = open_store(state_url)
        for name in mine:
            own.traffic.commit([finished(name)])
        own.close()

    mark = store.events.mark()
    writers = [threading.Thread(target=write, args=(mine,)) for mine in names]
    for writer in writers:
        writer.start()
    heard: list[str] = []
    while len(heard) < 240 and (any(w.is_alive() for w in writers) or store.events.stream(mark)):
        for place, event in store.events.stream(mark, limit=7):
            heard += [told["name"] for _, told in documents(place, event)][2::3]
            mark = place
    for writer in writers:
        writer.join()
    assert sorted(heard) == sorted(name for mine in names for name in mine)
