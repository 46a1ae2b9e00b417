"""What follows from an outcome: records, outputs, retries, errors and dead letters."""

import msgspec
import pytest

from agentd.worker.routing import ABSENT, Output, reject, settle, skip
from flowctl.model.flow import PlugKind, Retry, Track
from flowctl.model.ids import child_call_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Failure, Gather
from tests.flows import NOW, message, outcome, plug, route

SAVE = plug("parse.rows", "store.save")
COUNT = plug("parse.rows", "count.up")
ALARM = plug("parse.rows", "alarm.send", kind=PlugKind.ERROR)
BOOM = Failure(type="ValueError", message="boom")


def test_a_result_goes_to_every_result_plug_and_to_no_error_plug() -> None:
    done = settle(route(SAVE, COUNT, ALARM), message(), outcome(b"[1]"), NOW, 0.5)
    assert [(o.queue, o.message.body) for o in done.outgoing] == [
        (SAVE.queue, b"[1]"),
        (COUNT.queue, b"[1]"),
    ]
    assert (done.call.status, done.call.outputs) == (CallStatus.FINISHED, 2)
    assert done.result == b"[1]"


def test_outputs_have_ids_that_a_repeat_makes_again() -> None:
    first, second = (settle(route(SAVE), message(), outcome(), NOW, luck) for luck in (0.1, 0.9))
    assert [o.message.id for o in first.outgoing] == [o.message.id for o in second.outgoing]
    assert first.outgoing[0].message.id == child_call_id(message().id, SAVE.name, 0)


def test_a_failure_goes_only_to_error_plugs_as_a_document() -> None:
    done = settle(route(SAVE, ALARM), message(body=b'{"a": 1}'), outcome(failure=BOOM), NOW, 0.5)
    assert [o.queue for o in done.outgoing] == [ALARM.queue]
    document = msgspec.json.decode(done.outgoing[0].message.body)
    assert (document["type"], document["input"], document["socket"]) == (
        "ValueError",
        {"a": 1},
        "parse.rows",
    )
    assert done.call.status is CallStatus.FAILED


def test_a_failure_without_an_error_plug_goes_to_the_dead_letters_with_its_reason() -> None:
    done = settle(route(SAVE), message(), outcome(failure=BOOM), NOW, 0.5)
    (dead,) = done.outgoing
    assert (dead.queue, dead.message.reason, dead.message.origin, dead.message.body) == (
        "shop.parse.rows.dead",
        "ValueError: boom",
        "shop.parse.rows",
        b"1",
    )
    assert done.call.outputs == 0, "a dead letter is no output: its run is over"


def test_a_retry_goes_back_to_the_queue_it_came_from_with_its_next_attempt() -> None:
    through = route(SAVE, inbound=plug("read.file", "parse.rows"), retry=Retry(max=2, backoff=4))
    done = settle(through, message(attempt=2), outcome(failure=BOOM), NOW, 0.5)
    (again,) = done.outgoing
    assert (again.queue, again.message.id, again.message.attempt) == (through.queue, "c1", 3)
    assert again.delay == pytest.approx(4.0), "4 s doubled once, halved by luck"
    assert done.call.status is CallStatus.RETRYING


@pytest.mark.parametrize(
    ("rule", "kind", "attempt", "status"),
    [
        (Retry(max=2), "ValueError", 3, CallStatus.FAILED),
        (Retry(max=2, on=("KeyError",)), "ValueError", 1, CallStatus.FAILED),
        (Retry(max=2, on=("ValueError",)), "ValueError", 1, CallStatus.RETRYING),
        (Retry(), "killed", 1, CallStatus.RETRYING),
        (Retry(), "killed", 3, CallStatus.FAILED),
        (Retry(max=9), "cancelled", 1, CallStatus.CANCELLED),
    ],
)
def test_who_gets_another_attempt(rule: Retry, kind: str, attempt: int, status: CallStatus) -> None:
    failure = Failure(type=kind, message="")
    done = settle(route(retry=rule), message(attempt=attempt), outcome(failure=failure), NOW, 0.5)
    assert done.call.status is status


def test_a_generator_scatters_and_each_output_knows_its_place() -> None:
    made = outcome(outputs=[Output(b"1"), Output(b"2")], scatter=True)
    done = settle(route(SAVE), message(), made, NOW, 0.5)
    assert [o.message.gathers for o in done.outgoing] == [
        (Gather("parse.rows", "c1", 0, 2),),
        (Gather("parse.rows", "c1", 1, 2),),
    ]


def test_a_generator_that_yields_nothing_tells_the_gathers_so() -> None:
    done = settle(route(SAVE), message(), outcome(outputs=[], scatter=True), NOW, 0.5)
    (only,) = done.outgoing
    assert (only.message.content_type, only.message.gathers) == (
        ABSENT,
        (Gather("parse.rows", "c1", 0, 0),),
    )


def test_named_outputs_go_to_their_plug_only() -> None:
    made = outcome(outputs=[Output(b"7", plug="store.save")])
    done = settle(route(SAVE, COUNT), message(), made, NOW, 0.5)
    assert [(o.queue, o.message.body) for o in done.outgoing] == [(SAVE.queue, b"7")]


def test_routes_choose_the_plugs_of_the_result() -> None:
    done = settle(route(SAVE, COUNT), message(), outcome(routes=["count"]), NOW, 0.5)
    assert [o.queue for o in done.outgoing] == [COUNT.queue]


def test_a_failure_inside_a_scatter_still_completes_the_gather() -> None:
    inside = message(gathers=(Gather("read.file", "p", 3, 9),))
    done = settle(route(SAVE, ALARM), inside, outcome(failure=BOOM), NOW, 0.5)
    kinds = {o.queue: o.message.content_type for o in done.outgoing}
    assert kinds == {ALARM.queue: "application/json", SAVE.queue: ABSENT}


def test_what_a_person_cancelled_leaves_no_dead_letter_and_rings_no_alarm() -> None:
    ended = Failure(type="cancelled", message="a person cancelled it")
    done = settle(route(ALARM, retry=Retry(max=9)), message(), outcome(failure=ended), NOW, 0.5)
    assert (done.call.status, done.outgoing) == (CallStatus.CANCELLED, ())
    assert done.call.failure is not None
    assert [event.action for event in done.events] == ["cancelled"]
    inside = message(gathers=(Gather("read.file", "p", 3, 9),))
    done = settle(route(SAVE, ALARM), inside, outcome(failure=ended), NOW, 0.5)
    assert [(o.queue, o.message.content_type) for o in done.outgoing] == [(SAVE.queue, ABSENT)]


def test_an_absent_value_is_passed_on_without_running() -> None:
    done = skip(route(SAVE), message(gathers=(Gather("read.file", "p", 3, 9),)), NOW)
    assert [o.message.content_type for o in done.outgoing] == [ABSENT]
    assert done.call.status is CallStatus.CANCELLED


def test_what_is_refused_never_ran() -> None:
    done = reject(route(), message(), Failure(type="poison", message="21 times"), NOW)
    assert (done.call.status, done.call.duration) == (CallStatus.FAILED, 0.0)
    assert done.outgoing[0].queue == "shop.parse.rows.dead"


@pytest.mark.parametrize(
    ("track", "failure", "record"),
    [
        (Track.ALL, None, True),
        (Track.ERRORS, None, False),
        (Track.ERRORS, BOOM, True),
        (Track.NONE, BOOM, False),
    ],
)
def test_track_says_what_is_recorded(track: Track, failure: Failure | None, record: bool) -> None:
    done = settle(route(track=track), message(), outcome(failure=failure), NOW, 0.5)
    assert done.record is record
