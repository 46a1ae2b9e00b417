"""What a failed publish leaves to be done."""

from agentd.worker.keeper import _ROUTED_BY, Batch
from flowctl.errors import BrokerUnavailable, PublishFailed
from flowctl.model.traffic import Outgoing
from tests.flows import message


def batch() -> Batch:
    return Batch([], [Outgoing(queue="q", message=message(i)) for i in ("a", "b", "c")])


def ids(messages: list[Outgoing]) -> list[str]:
    return [each.message.id for each in messages]


def test_after_a_lost_connection_everything_is_published_again() -> None:
    assert ids(batch().refused(BrokerUnavailable("gone"))) == ["a", "b", "c"]


def test_only_what_was_refused_is_published_again() -> None:
    made = batch()
    assert ids(made.refused(PublishFailed({"b": "full"}))) == ["b"]
    assert ids(made.sent) == ["a", "b", "c"], "what is confirmed in the end is marked as sent"


def test_what_nobody_routes_stays_in_the_outbox_after_some_tries() -> None:
    made = batch()
    error = PublishFailed({"a": "unroutable", "b": "full"})
    assert ids(made.refused(error)) == ["a", "b"]
    made.tries = _ROUTED_BY
    assert ids(made.refused(error)) == ["b"]
    assert ids(made.sent) == ["b", "c"], "the outbox keeps what was not sent"
