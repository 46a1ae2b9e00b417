"""What many calls came to is read in one look, on both databases."""

from flowctl.model.inputs import MOST_INPUT, Input, keep
from flowctl.model.states import CallStatus
from flowctl.state.store import Store
from tests.stores import call, finished, ids


def test_those_that_ended_come_with_what_they_returned(store: Store) -> None:
    store.traffic.commit(
        [
            finished("c1", result=b"[1]"),
            finished("c2", result=None, status=CallStatus.FAILED),
            finished("c3", result=None, status=CallStatus.RETRYING),
            finished("c4", result=b"4"),
        ]
    )
    found = {call.id: result for call, result in store.traffic.outcomes(["c1", "c2", "c3", "no"])}
    assert sorted(found) == ["c1", "c2"]
    assert found["c2"] is None
    assert found["c1"] == store.traffic.result("c1")
    assert store.traffic.outcomes([]) == []


def test_what_a_call_was_given_is_kept_with_it(store: Store) -> None:
    made = finished("c1")
    made.given = keep("application/json", b'{"a": "\\u0000 \xc3\xa9"}')
    odd = finished("c2", replays="c1")
    odd.given = keep("application/octet-stream", b"\x00\xff")
    large = finished("c3")
    large.given = keep("text/plain", b"x" * (MOST_INPUT + 1))
    store.traffic.commit([made, odd, large])
    assert store.traffic.input("c1") == Input(
        content_type="application/json", body=b'{"a": "\\u0000 \xc3\xa9"}'
    )
    assert store.traffic.input("c2") == Input(
        content_type="application/octet-stream", body=b"\x00\xff"
    )
    assert store.traffic.input("c3") is None
    assert store.traffic.input("nobody") is None
    assert ids(store.traffic.replays(["c1", "c3"])) == ["c2"]
    assert store.traffic.call("c2").replays == "c1"


def test_what_runs_has_no_input_yet_and_gets_it_with_its_outcome(store: Store) -> None:
    store.traffic.begun([call("c1", status=CallStatus.RUNNING, finished_at=None)])
    assert store.traffic.input("c1") is None
    made = finished("c1")
    made.given = keep("application/json", b"7")
    store.traffic.commit([made])
    assert store.traffic.input("c1") == Input(content_type="application/json", body=b"7")
