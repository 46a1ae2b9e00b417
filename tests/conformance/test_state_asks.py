"""Questions to the agents and their answers, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from flowctl.model.asks import Ask
from flowctl.state.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=30)
ASK = Ask(id="q1", body='{"names": ["ü"]}', asker="here", expires_at=LATER)

pytestmark = pytest.mark.process


def test_a_question_lives_as_long_as_its_lease(store: Store) -> None:
    before = store.revision()
    store.asks.put(ASK, NOON)
    assert store.revision() > before, "nobody would hear of it"
    assert store.asks.live(NOON) == [ASK]
    assert store.asks.live(LATER + timedelta(seconds=1)) == []
    longer = LATER + timedelta(seconds=60)
    assert store.asks.renew("q1", longer)
    assert store.asks.live(longer) == [msgspec.structs.replace(ASK, expires_at=longer)]


def test_answers_come_in_order_and_once(store: Store) -> None:
    store.asks.put(ASK, NOON)
    assert store.asks.tell("q1", ["a", "b"])
    assert store.asks.tell("q1", ["c"])
    assert store.asks.take("q1", 2) == ["a", "b"]
    assert store.asks.take("q1") == ["c"]
    assert store.asks.take("q1") == []


def test_what_nobody_asks_any_more_is_forgotten_with_its_answers(store: Store) -> None:
    store.asks.put(ASK, NOON)
    store.asks.tell("q1", ["a"])
    other = msgspec.structs.replace(ASK, id="q2", expires_at=LATER + timedelta(hours=1))
    store.asks.put(other, LATER + timedelta(seconds=1))
    assert store.asks.live(NOON) == [other]
    assert store.asks.take("q1") == []
    assert not store.asks.tell("q1", ["b"])
    assert not store.asks.renew("q1", LATER)


def test_the_end_of_a_question_is_heard_of(store: Store) -> None:
    store.asks.put(ASK, NOON)
    store.asks.tell("q1", ["a"])
    before = store.revision()
    store.asks.end("q1")
    assert store.revision() > before
    assert store.asks.live(NOON) == []
    assert store.asks.take("q1") == []
    store.asks.end("q1")
