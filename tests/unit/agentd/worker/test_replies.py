"""Who is told what a call came to."""

from __future__ import annotations

from msgspec.structs import replace

from agentd.worker.items import Item
from agentd.worker.replies import answers_of, hints_of
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure
from flowctl.services.answers import is_whole
from tests.flows import message, route
from tests.stores import NOON, finished


def item(reply_to: str = "here") -> Item:
    return Item([(1, 1)], message(reply_to=reply_to), route(), NOON)


def test_who_asked_is_told_what_was_returned() -> None:
    mine = item()
    ((asked, answer),) = answers_of(mine, finished("c1", result=b"[1]"))
    assert asked is mine.message
    assert (answer.id, answer.status, answer.body) == ("c1", CallStatus.FINISHED, b"[1]")
    assert answers_of(item(""), finished("c1")) == []


def test_a_failure_is_told_and_a_retry_is_not() -> None:
    failed = finished("c1", result=None, status=CallStatus.FAILED)
    failed.call = replace(failed.call, failure=Failure(type="E", message="no"))
    ((_, answer),) = answers_of(item(), failed)
    assert answer.failure == failed.call.failure
    assert answer.body is None
    again = finished("c1", result=None, status=CallStatus.RETRYING)
    assert answers_of(item(), again) == []


def test_all_whose_values_met_are_told() -> None:
    mine = item()
    mine.joined = (message("c0", reply_to="there"), message("c9"))
    told = answers_of(mine, finished("c1", result=b"1"))
    assert [asked.id for asked, _ in told] == ["c1", "c0"]


def test_what_was_finished_before_is_hinted_at() -> None:
    ((asked, hint),) = hints_of([item()])
    assert asked.reply_to == "here"
    assert not is_whole(hint)
    assert hints_of([item("")]) == []
