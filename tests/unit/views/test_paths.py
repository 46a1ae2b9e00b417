"""The hops of a run: in the order of time, with what was worked and what waited."""

from datetime import timedelta

from flowctl.model.states import CallStatus
from flowctl.views.paths import hops, whole
from tests import stores


def call(number: int, socket: str, plug: str = "", status: CallStatus = CallStatus.FINISHED):
    at = stores.NOON + timedelta(seconds=number)
    return stores.finished(
        f"{number:032x}", socket=socket, plug=plug, status=status, sent_at=at,
        started_at=at + timedelta(seconds=number), duration=0.5,
    ).call  # fmt: skip


def test_hops_come_in_the_order_of_time_and_add_up():
    made = [call(2, "b.do", "p"), call(0, "a.do"), call(1, "b.do", "p", CallStatus.FAILED)]
    found = hops(made, sockets=False)
    assert [hop.name for hop in found] == ["a", "p", "b"]
    assert found[1].seconds == 2.0
    assert (found[2].calls, found[2].failed, found[2].seconds) == (2, 1, 1.0)
    assert found[2].brief == "2x 1s !"
    assert found[1].words == "2 messages, waited 2s at most"
    assert whole(found) == "3 calls, 1 failed, worked 1.5s"


def test_sockets_are_told_apart_where_they_are_wanted():
    made = [call(0, "a.one"), call(1, "a.two")]
    assert [hop.name for hop in hops(made, sockets=True)] == ["a.one", "a.two"]
