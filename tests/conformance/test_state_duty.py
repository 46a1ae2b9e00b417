"""Leadership, schedules, samples and events, on both databases."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from flowctl.errors import Conflict
from flowctl.model.ids import CallId
from flowctl.model.traffic import Event
from flowctl.model.work import Fire, Sample
from flowctl.state.store import Store, open_store
from tests.stores import NOON, outgoing

LATER = NOON + timedelta(days=300)


def fire(second: int, socket: str = "shop.parse.tick") -> Fire:
    due = NOON + timedelta(seconds=second)
    return Fire(socket=socket, due_at=due, call_id=CallId(f"f{second}"))


def sample(second: int, value: float, metric: str = "cpu", name: str = "host") -> Sample:
    at = NOON + timedelta(seconds=second)
    return Sample(at=at, kind="agent", object=name, metric=metric, value=value)


def test_one_leads_until_its_lease_expires(store: Store) -> None:
    assert store.duty.lease() is None
    first = store.duty.acquire("a", 60)
    assert first is not None
    assert (first.holder, first.term) == ("a", 1)
    assert store.duty.acquire("b", 60) is None
    again = store.duty.acquire("a", 60)
    assert again is not None
    assert again.term == 1
    assert again.expires_at >= first.expires_at
    assert store.duty.renew("a", 1, 0)
    second = store.duty.acquire("b", 60)
    assert second is not None
    assert (second.holder, second.term) == ("b", 2)
    assert not store.duty.renew("a", 1, 60)
    assert store.duty.lease() == second


def test_who_yields_is_followed_at_once(store: Store) -> None:
    store.duty.acquire("a", 60)
    store.duty.yield_("b", 1)
    assert store.duty.acquire("b", 60) is None
    store.duty.yield_("a", 1)
    lease = store.duty.acquire("b", 60)
    assert lease is not None
    assert lease.term == 2
    told = [(e.object, e.action) for e in store.events.list(kind="scheduler")]
    assert told == [("a", "leads"), ("a", "yielded"), ("b", "leads")]


@pytest.mark.parametrize("before", [False, True])
def test_of_many_candidates_one_leads(store: Store, state_url: str, before: bool) -> None:
    if before:
        store.duty.acquire("old", 0)
    start = threading.Barrier(5)
    leaders: list[str] = []

    def stand(name: str) -> None:
        mine = open_store(state_url)
        start.wait()
        if mine.duty.acquire(name, 60):
            leaders.append(name)
        mine.close()

    threads = [threading.Thread(target=stand, args=(f"s{number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    lease = store.duty.lease()
    assert lease is not None
    assert leaders == [lease.holder]


def test_a_due_time_is_fired_once(store: Store) -> None:
    store.duty.acquire("a", 60)
    assert store.duty.fire([(fire(1), outgoing("f1")), (fire(2), outgoing("f2"))], term=1) == 2
    assert store.duty.fire([(fire(2), outgoing("f2")), (fire(3), outgoing("f3"))], term=1) == 1
    assert store.duty.last_fire("shop.parse.tick") == NOON + timedelta(seconds=3)
    assert store.duty.last_fire("none") is None
    assert [each.message.id for each in store.traffic.unsent(LATER, 9)] == ["f1", "f2", "f3"]


def test_a_deposed_leader_fires_nothing(store: Store) -> None:
    store.duty.acquire("a", 0)
    store.duty.acquire("b", 60)
    with pytest.raises(Conflict, match="term 1 of the leader is over, now it is 2"):
        store.duty.fire([(fire(1), outgoing("f1"))], term=1)
    assert store.traffic.unsent(LATER, 9) == []


def test_samples_are_kept_in_order_and_expire(store: Store) -> None:
    store.duty.sample([sample(2, 0.5), sample(1, 0.25), sample(1, 9.0, "memory")])
    store.duty.sample([])
    found = store.duty.samples("agent", "host", "cpu", NOON)
    assert found == [sample(1, 0.25), sample(2, 0.5)]
    assert store.duty.samples("agent", "host", "cpu", NOON + timedelta(seconds=2)) == found[1:]
    assert len(store.duty.samples("agent", "", "", NOON)) == 3
    assert store.duty.expire(NOON + timedelta(seconds=2)) == 2
    assert store.duty.samples("agent", "host", "", NOON) == [sample(2, 0.5)]


def test_many_samples_expire_a_part_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowctl.state.rows.EXPIRED", 3)
    moments = [NOON + timedelta(seconds=number // 2) for number in range(20)]
    store.duty.sample(
        [Sample(at=at, kind="k", object="o", metric="m", value=1.0) for at in moments]
    )
    assert store.duty.expire(NOON + timedelta(seconds=8)) == 16
    assert len(store.duty.samples("k", "o", "m", NOON)) == 4


def test_each_socket_keeps_its_last_due_time(store: Store) -> None:
    fires = [(fire(n), outgoing(f"f{n}")) for n in range(3)]
    store.duty.fire([*fires, (fire(0, "shop.other.x"), outgoing("x"))], term=None)
    assert store.duty.expire(LATER) == 2
    assert store.duty.last_fire("shop.parse.tick") == NOON + timedelta(seconds=2)
    assert store.duty.last_fire("shop.other.x") == NOON


def event(name: str, kind: str = "processor", at: datetime = NOON, network: str = "shop") -> Event:
    return Event(id=0, at=at, kind=kind, object=name, action="seen", note="", network=network)


def test_events_come_in_order(store: Store) -> None:
    store.events.add([event(name) for name in "abcde"])
    assert [e.object for e in store.events.list()] == list("abcde")
    assert [e.object for e in store.events.list(limit=2)] == ["a", "b"]
    last = store.events.list(limit=2, newest=True)
    assert [e.object for e in last] == ["d", "e"]
    assert [e.object for e in store.events.list(since_id=last[0].id)] == ["e"]


def test_events_are_chosen(store: Store) -> None:
    store.events.add([event("a"), event("a", "call"), event("b", "agent", network="")])
    assert [e.kind for e in store.events.list(object="a")] == ["processor", "call"]
    assert [e.object for e in store.events.list(kind="agent")] == ["b"]
    assert [e.object for e in store.events.list(kind="call")] == ["a"]
    assert len(store.events.list(network="shop")) == 2
    assert store.events.list(network="stock") == []


def test_old_events_expire(store: Store) -> None:
    store.events.add([event("old"), event("new", at=NOON + timedelta(seconds=1))])
    assert store.events.expire(NOON + timedelta(seconds=1)) == 1
    assert [e.object for e in store.events.list()] == ["new"]


def test_who_follows_misses_none(store: Store, state_url: str) -> None:
    """Ids are given before a commit, so a later commit may bring an earlier id."""
    from flowctl.state.drivers import Mode

    other = open_store(state_url)
    inside, seen = threading.Event(), threading.Event()

    def slow() -> None:
        other.events.add([event("slow")])
        inside.set()
        assert seen.wait(10)

    def work() -> None:
        other._database.run(slow, Mode.WRITE)

    if state_url.startswith("sqlite"):
        seen.set()
    thread = threading.Thread(target=work)
    other.revision()
    thread.start()
    assert inside.wait(10)
    store.events.add([event("quick")])
    first = store.events.list()
    seen.set()
    thread.join(10)
    other.close()
    rest = store.events.list(since_id=first[-1].id if first else 0)
    assert sorted(e.object for e in [*first, *rest]) == ["quick", "slow"]
