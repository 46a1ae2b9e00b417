"""Calls, results, outbox and claims, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from msgspec import structs

from flowctl.errors import InvalidInput, NotFound, Refused
from flowctl.model.ids import CallId, RunId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Event, Failure, Finished
from flowctl.model.work import CallFilter, Claim, Known
from flowctl.state.store import Store, open_store
from tests.stores import NOON, call, finished, ids, message, outgoing

LATER = NOON + timedelta(days=300)


def event(call_id: str, action: str) -> Event:
    return Event(id=0, at=NOON, kind="call", object=call_id, action=action, note="", network="shop")


def unsent(store: Store) -> list[tuple[str, int]]:
    return sorted(
        (each.message.id, each.message.attempt) for each in store.traffic.unsent(LATER, 99)
    )


def test_a_commit_keeps_everything_of_a_call(store: Store) -> None:
    failure = Failure(type="ValueError", message="bad row", traceback="...", input={"a": [1]})
    kept = call(
        "c1", parent="p", plug="x-y", argument="left", failure=failure, output="hello\n", size=3
    )
    item = Finished(
        call=kept,
        result=b"\x00\xff1",
        content_type="application/octet-stream",
        outgoing=(outgoing("d1", delay=1.5),),
        events=(event("c1", "received"), event("c1", "postrun")),
    )
    assert store.traffic.commit([item]) == {"c1"}
    assert store.traffic.call("c1") == kept
    result = store.traffic.result("c1")
    assert (result.body, result.content_type) == (b"\x00\xff1", "application/octet-stream")
    assert store.traffic.unsent(LATER, 9) == [outgoing("d1", delay=1.5)]
    told = store.events.list(kind="call", object="c1")
    assert [each.action for each in told] == ["received", "postrun"]
    assert store.traffic.call("c1").received_at == NOON


def test_a_count_may_be_bounded(store: Store) -> None:
    store.traffic.commit([finished(f"c{number}") for number in range(7)])
    for most, count in ((None, 7), (3, 4), (6, 7), (7, 7), (9, 7), (0, 1)):
        page, seen = store.traffic.calls(CallFilter(network="shop", limit=2, most=most))
        assert (len(page), seen) == (2, count)


def test_the_first_outcome_stays(store: Store) -> None:
    assert store.traffic.commit([finished("c1", outgoing("d1"), result=b"1")]) == {"c1"}
    later = finished("c1", outgoing("d2"), result=b"2", worker="late", status=CallStatus.FAILED)
    later.events = (event("c1", "failed"),)
    assert store.traffic.commit([later, finished("c2")]) == {"c2"}
    assert store.traffic.result("c1").body == b"1"
    assert store.traffic.call("c1").status is CallStatus.FINISHED
    assert unsent(store) == [("d1", 1)]
    assert store.events.list(object="c1") == []


def test_committing_the_same_batch_again_is_no_loss(store: Store) -> None:
    item = finished("c1", outgoing("d1"))
    item.events = (event("c1", "postrun"),)
    assert store.traffic.commit([item]) == store.traffic.commit([item]) == {"c1"}
    assert unsent(store) == [("d1", 1)]
    assert len(store.events.list(object="c1")) == 1


def test_one_batch_may_hold_a_call_twice(store: Store) -> None:
    won = store.traffic.commit([finished("c1", result=b"1"), finished("c1", result=b"2")])
    assert won == {"c1"}
    assert store.traffic.result("c1").body == b"1"


def test_an_empty_commit_only_forgets_what_was_sent(store: Store) -> None:
    store.traffic.commit([finished("c1", outgoing("d1"), outgoing("d2"), outgoing("d3"))])
    others = [outgoing("d2", attempt=2), outgoing("d3", "elsewhere")]
    assert store.traffic.commit([], sent=[outgoing("d1"), *others]) == set()
    assert unsent(store) == [("d2", 1), ("d3", 1)]
    store.traffic.sent([outgoing("d2"), outgoing("d3"), outgoing("none")])
    assert unsent(store) == []


@pytest.mark.parametrize(
    "status",
    [CallStatus.RECEIVED, CallStatus.RUNNING, CallStatus.RETRYING, CallStatus.WAITING],
)
def test_an_open_call_is_overwritten(store: Store, status: CallStatus) -> None:
    store.traffic.begun([call("c1", status=status, worker="before")])
    assert store.traffic.commit([finished("c1")]) == {"c1"}
    assert store.traffic.call("c1").worker != "before"


@pytest.mark.parametrize(
    "status",
    [CallStatus.FINISHED, CallStatus.FAILED, CallStatus.CANCELLED, CallStatus.JOINED],
)
def test_a_terminal_call_is_not(store: Store, status: CallStatus) -> None:
    store.traffic.commit([finished("c1", status=status, worker="before")])
    store.traffic.begun([call("c1", status=CallStatus.RUNNING)])
    assert store.traffic.commit([finished("c1")]) == set()
    assert store.traffic.call("c1").status is status


def test_a_retry_is_the_message_itself(store: Store) -> None:
    again = outgoing("c1", "shop.parse.rows", delay=2.0, attempt=2)
    retry = finished("c1", again, result=None, status=CallStatus.RETRYING)
    assert store.traffic.commit([retry]) == {"c1"}
    assert store.traffic.unsent(LATER, 9) == [again]
    known = Known(status=CallStatus.RETRYING, attempt=1, outgoing=(again,))
    assert store.traffic.finished(["c1"]) == {"c1": known}
    store.traffic.commit([finished("c1", attempt=2)], sent=[again])
    assert store.traffic.call("c1").attempt == 2
    with pytest.raises(NotFound):
        store.traffic.result("c2")


def test_a_late_retry_does_not_undo_a_later_attempt(store: Store) -> None:
    store.traffic.begun([call("c1", status=CallStatus.RUNNING, attempt=3)])
    late = finished("c1", outgoing("c1", attempt=2), status=CallStatus.RETRYING, attempt=1)
    assert store.traffic.commit([late]) == set()
    assert store.traffic.call("c1").attempt == 3
    assert unsent(store) == []


def test_the_outbox_of_one_attempt_does_not_hide_another(store: Store) -> None:
    store.traffic.commit([finished("p", outgoing("c1"))])
    retry = finished("c1", outgoing("c1", attempt=2), status=CallStatus.RETRYING)
    store.traffic.commit([retry], sent=[])
    store.traffic.commit([], sent=[outgoing("c1")])
    assert unsent(store) == [("c1", 2)]


def test_unrecorded_calls_only_leave_their_messages(store: Store) -> None:
    item = finished("c1", outgoing("d1"))
    item.record = False
    item.events = (event("c1", "postrun"),)
    assert store.traffic.commit([item]) == set()
    assert unsent(store) == [("d1", 1)]
    assert store.traffic.calls(CallFilter()) == ([], 0)
    assert store.events.list() == []


def test_an_unrecorded_call_that_has_a_row_gets_its_outcome(store: Store) -> None:
    store.traffic.begun([call("c1", status=CallStatus.RUNNING)])
    item = finished("c1")
    item.record = False
    store.traffic.commit([item])
    assert store.traffic.call("c1").status is CallStatus.FINISHED


def test_text_that_no_database_takes_is_mended(store: Store) -> None:
    failure = Failure(type="E", message="half \ud800 pair", input={"k\ud800": ["\ud800"]})
    item = finished("c1", failure=failure, output="nul \x00 half \udfff", status=CallStatus.FAILED)
    item.events = (structs.replace(event("c1", "failed"), note="\x00\ud800"),)
    assert store.traffic.commit([item]) == {"c1"}
    found = store.traffic.call("c1")
    assert found.output == "nul \N{REPLACEMENT CHARACTER} half ?"
    assert found.failure is not None
    assert found.failure.message == "half ? pair"
    assert found.failure.input == {"k?": ["?"]}


def test_finished_tells_outcomes_and_what_is_unsent(store: Store) -> None:
    store.traffic.commit([finished("c1", outgoing("d1"), outgoing("d2")), finished("c2")])
    store.traffic.commit([finished("c3", status=CallStatus.JOINED)], sent=[outgoing("d2")])
    store.traffic.begun([call("c4", status=CallStatus.RUNNING)])
    known = store.traffic.finished(["c1", "c2", "c3", "c4", "c5"])
    assert known == {
        "c1": Known(status=CallStatus.FINISHED, attempt=1, outgoing=(outgoing("d1"),)),
        "c2": Known(status=CallStatus.FINISHED, attempt=1, outgoing=()),
        "c3": Known(status=CallStatus.JOINED, attempt=1, outgoing=()),
        "c4": Known(status=CallStatus.RUNNING, attempt=1, outgoing=()),
    }
    assert store.traffic.finished([]) == {}


def test_two_workers_race_and_one_wins(store: Store, state_url: str) -> None:
    names = [f"c{number}" for number in range(30)]
    start = threading.Barrier(3)
    won: list[set[CallId]] = []

    def work(worker: str) -> None:
        mine = open_store(state_url)
        start.wait()
        got: set[CallId] = set()
        for some in (names[:10], names[20:], names[10:20]):
            batch = [finished(n, outgoing(f"{n}.{worker}"), worker=worker) for n in some]
            got |= mine.traffic.commit(batch if worker == "w1" else batch[::-1])
        won.append(got)
        mine.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(id_ for got in won for id_ in got) == sorted(names)
    assert len(unsent(store)) == 30


def test_a_call_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    store.traffic.commit([finished("abc1"), finished("abd2"), finished("ab")])
    assert store.traffic.call("abc").id == "abc1"
    assert store.traffic.call("ab").id == "ab"
    with pytest.raises(InvalidInput, match="several calls"):
        store.traffic.call("a")
    for missing in ("", "zz"):
        with pytest.raises(NotFound):
            store.traffic.call(missing)


def many(store: Store) -> None:
    store.traffic.commit(
        [
            finished(
                f"c{n}",
                received_at=NOON + timedelta(seconds=n),
                socket="parse.rows" if n % 2 else "store.save",
                parent="" if n < 4 else "c1",
                status=CallStatus.FAILED if n == 3 else CallStatus.FINISHED,
                failure=Failure(type="KeyError", message="100%_A") if n == 3 else None,
                run_id=RunId(f"r{n // 3}"),
                output="long",
            )
            for n in range(6)
        ]
    )
    store.traffic.begun([call("open", status=CallStatus.RUNNING, network="stock", run_id="r9")])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(network="shop"), ["c5", "c4", "c3", "c2", "c1", "c0"]),
        (CallFilter(network="shop", ascending=True, limit=2), ["c0", "c1"]),
        (CallFilter(network="shop", limit=2, offset=1), ["c4", "c3"]),
        (CallFilter(processor="store"), ["c4", "c2", "c0"]),
        (CallFilter(socket="parse.rows", network="shop"), ["c5", "c3", "c1"]),
        (CallFilter(status=(CallStatus.FAILED,)), ["c3"]),
        (CallFilter(status=(CallStatus.FAILED, CallStatus.RUNNING)), ["c3", "open"]),
        (CallFilter(status=(CallStatus.FINISHED,), limit=1), ["c5"]),
        (CallFilter(run_id="r1"), ["c5", "c4", "c3"]),
        (CallFilter(parent="c1"), ["c5", "c4"]),
        (CallFilter(since=NOON + timedelta(seconds=4)), ["c5", "c4"]),
        (CallFilter(until=NOON + timedelta(seconds=1), network="shop"), ["c0"]),
        (CallFilter(text="C4"), ["c4"]),
        (CallFilter(text="100%_a"), ["c3"]),
        (CallFilter(text="keyerror"), ["c3"]),
        (CallFilter(text="1000"), []),
    ],
)
def test_listings(store: Store, wanted: CallFilter, found: list[str]) -> None:
    many(store)
    calls, _ = store.traffic.calls(wanted)
    assert ids(calls) == found
    assert {each.output for each in calls} <= {""}


def test_a_listing_counts_all_of_its_pages(store: Store) -> None:
    many(store)
    assert store.traffic.calls(CallFilter(limit=2))[1] == 7
    assert store.traffic.calls(CallFilter(processor="store", limit=1, offset=1))[1] == 3


def test_a_run_is_counted(store: Store) -> None:
    store.traffic.commit(
        [
            finished("a", outgoing("b"), outgoing("c"), outgoing("d")),
            finished("b", status=CallStatus.FAILED),
            finished("c", status=CallStatus.JOINED),
        ]
    )
    store.traffic.begun([call("d", status=CallStatus.RUNNING)])
    count = store.traffic.run_count("run")
    assert (count.calls, count.outputs, count.failed, count.running) == (3, 3, 1, 1)
    assert not count.is_quiet(1)
    store.traffic.commit([finished("d")])
    assert store.traffic.run_count("run").is_quiet(1)
    assert store.traffic.run_count("none").calls == 0
    assert ids(store.traffic.run("run")) == ["a", "b", "c", "d"]


def test_the_pace_of_a_network_is_summed_by_entry(store: Store) -> None:
    over = {"socket": "parse.rows", "plug": "a-b", "duration": 0.5}
    failed = {"status": CallStatus.FAILED, "duration": None}
    store.traffic.commit([finished("c1", **over), finished("c2", **over)])
    store.traffic.commit([finished("c3", **over | failed), finished("c4", network="other")])
    found = {(pace.plug, pace.status): pace for pace in store.traffic.pace("shop", NOON)}
    assert found["a-b", CallStatus.FINISHED].calls == 2
    assert found["a-b", CallStatus.FINISHED].seconds == pytest.approx(1.0)
    assert found["a-b", CallStatus.FAILED].seconds == 0
    assert len(found) == 2
    assert store.traffic.pace("shop", LATER) == []


def test_results_of_sockets_in_a_run(store: Store) -> None:
    store.traffic.commit(
        [finished("a", result=b"1"), finished("b", result=None), finished("c", run_id=RunId("x"))]
    )
    ((found, result),) = store.traffic.results_of("run", ["parse.rows", "none"])
    assert (found.id, result.body, result.call_id) == ("a", b"1", "a")
    assert store.traffic.results_of("run", []) == []


def test_deleting_calls_takes_what_hangs_on_them(store: Store) -> None:
    many(store)
    store.events.add([event("c3", "failed"), event("c4", "postrun")])
    assert store.traffic.delete_calls(CallFilter(status=(CallStatus.FAILED,))) == 1
    assert [each.object for each in store.events.list(kind="call")] == ["c4"]
    assert store.traffic.delete_calls(CallFilter(limit=1)) == 5
    assert ids(store.traffic.calls(CallFilter())[0]) == ["open"]
    assert store.dump()["result"] == []


def test_old_calls_expire_and_open_ones_do_not(store: Store) -> None:
    many(store)
    assert store.traffic.expire(NOON + timedelta(seconds=4), 3) == 3
    assert store.traffic.expire(NOON + timedelta(seconds=4), 99) == 1
    assert ids(store.traffic.calls(CallFilter())[0]) == ["c5", "c4", "open"]


def claim(id_: str, seconds: int, worker: str = "w1") -> Claim:
    until = NOON + timedelta(seconds=seconds)
    return Claim(
        call_id=CallId(id_), queue="q", message=message(id_), worker=worker, expires_at=until
    )


def test_claims_are_held_and_prolonged(store: Store) -> None:
    store.traffic.claim([claim("a", 1), claim("b", 2, "w2")])
    store.traffic.claim([claim("a", 3)])
    assert store.traffic.expired_claims(NOON + timedelta(seconds=9), 9) == [
        claim("b", 2, "w2"),
        claim("a", 3),
    ]
    assert store.traffic.expired_claims(NOON + timedelta(seconds=9), 1) == [claim("b", 2, "w2")]
    assert store.traffic.renew_claims("w2", NOON + timedelta(seconds=20)) == 1
    assert store.traffic.expired_claims(NOON + timedelta(seconds=9), 9) == [claim("a", 3)]
    store.traffic.release_claims(["a"])
    assert store.traffic.expired_claims(LATER, 9) == [claim("b", 20, "w2")]


def test_an_outcome_ends_the_claim(store: Store) -> None:
    store.traffic.claim([claim("a", 1), claim("b", 1)])
    store.traffic.commit([finished("a"), finished("b", status=CallStatus.RETRYING)])
    assert store.traffic.expired_claims(LATER, 9) == []


def test_expired_claims_go_back_once(store: Store) -> None:
    store.traffic.claim([claim("a", 1), claim("b", 1)])
    store.traffic.release_claims(["b"])
    back = store.traffic.reissue([claim("a", 1), claim("b", 1)])
    assert store.traffic.reissue([claim("a", 1)]) == []
    assert back == [outgoing("a", "q", attempt=2, again=True)]
    assert store.traffic.unsent(LATER, 9) == back


def test_a_claim_that_was_prolonged_meanwhile_is_kept(store: Store) -> None:
    store.traffic.claim([claim("a", 1)])
    stale = store.traffic.expired_claims(LATER, 9)
    store.traffic.renew_claims("w1", NOON + timedelta(seconds=50))
    assert store.traffic.reissue(stale) == []
    assert unsent(store) == []


def test_unsent_begins_with_the_oldest_and_obeys_its_limit(store: Store) -> None:
    for number in range(5):
        store.traffic.commit([finished(f"c{number}", outgoing(f"d{number}"))])
    found = [each.message.id for each in store.traffic.unsent(LATER, 3)]
    assert found == ["d0", "d1", "d2"]
    assert store.traffic.unsent(NOON, 3) == []


def test_large_batches(store: Store) -> None:
    batch = [finished(f"c{n:05}", outgoing(f"d{n}"), result=b"x" * 100) for n in range(3000)]
    assert len(store.traffic.commit(batch)) == 3000
    assert store.traffic.commit([], sent=[outgoing(f"d{n}") for n in range(3000)]) == set()
    assert unsent(store) == []


def test_a_running_call_can_be_asked_to_end(store: Store) -> None:
    store.traffic.begun([call("c1", status=CallStatus.RUNNING, worker="w1")])
    revision = store.revision()
    store.traffic.cancel(CallId("c1"))
    store.traffic.cancel(CallId("c1"))
    assert store.revision() > revision
    assert store.traffic.cancels("w1") == ["c1"]
    assert store.traffic.cancels("w2") == []
    store.traffic.commit([finished("c1", status=CallStatus.CANCELLED)])
    assert store.traffic.cancels("w1") == store.dump()["cancel"] == []
    with pytest.raises(Refused, match="is cancelled"):
        store.traffic.cancel(CallId("c1"))
    with pytest.raises(NotFound):
        store.traffic.cancel(CallId("none"))


def test_claims_of_a_dead_worker_are_nobodys(store: Store) -> None:
    store.traffic.claim([claim("a", 50), claim("b", 50, "w2")])
    assert store.traffic.orphan_claims("w1", NOON) == 1
    (found,) = store.traffic.expired_claims(NOON + timedelta(seconds=1), 9)
    assert (found.call_id, found.worker) == ("a", "")
    assert store.traffic.renew_claims("w1", LATER) == 0
