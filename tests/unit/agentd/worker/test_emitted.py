"""What calls tell on channels: kept in order, bounded, and counted where there is no room."""

from __future__ import annotations

import json

from agentd.worker.emitted import MOST_HELD, Emitted, emission
from flowctl.model.lives import MOST_DATA, Mark
from flowctl.views.stream import documents
from tests.flows import NOW, message

PLACE = ("shop", "parse.rows")


def test_a_value_becomes_a_document_of_its_channel() -> None:
    event = emission(message(attempt=2), PLACE, "data", b'{"rows": 7}', NOW)
    ((_, told),) = documents(Mark(0, 9), event)
    assert (told["channel"], told["id"]) == ("parse.data", "0.9.1")
    assert (told["name"], told["run"], told["attempt"]) == ("c1", "r1", 2)
    assert told["data"] == {"rows": 7}


def test_too_large_a_value_is_told_as_such() -> None:
    event = emission(message(), PLACE, "log", b"1" * (MOST_DATA + 1), NOW)
    assert json.loads(event.note)["data"] == {"too_large": MOST_DATA + 1}


def test_what_there_is_no_room_for_is_counted() -> None:
    emitted = Emitted()
    for number in range(MOST_HELD + 3):
        emitted.take(emission(message(), PLACE, "data", str(number).encode(), NOW))
    held = [json.loads(event.note) for event in emitted.give()]
    assert [each["data"] for each in held] == list(range(MOST_HELD))
    assert held[-1]["dropped"] == 3
    assert emitted.give() == []
