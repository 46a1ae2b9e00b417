"""What many calls came to is read in one look, on both databases."""

from flowctl.model.states import CallStatus
from flowctl.state.store import Store
from tests.stores import finished


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
