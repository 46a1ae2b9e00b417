from __future__ import annotations

import pytest
from pika import exceptions

from flowctl.broker.rabbit.link import parameters_of, read_loss
from flowctl.errors import Misconfigured

CLOSED = "ConnectionClosedByBroker:"
SECRET = "hunter2-canary"


def test_a_url_becomes_parameters_with_bounded_waits() -> None:
    parameters = parameters_of(f"amqp://me:{SECRET}@host:5673/flows", "agent publish")
    assert (parameters.host, parameters.port) == ("host", 5673)
    assert parameters.virtual_host == "flows"
    assert parameters.heartbeat == 15
    assert parameters.stack_timeout == 10
    assert parameters.connection_attempts == 1
    assert parameters.client_properties["connection_name"] == "agent publish"


def test_a_url_over_tls_checks_the_name_of_the_host() -> None:
    parameters = parameters_of("amqps://me:x@broker.example/", "n")
    assert parameters.ssl_options is not None
    assert parameters.ssl_options.server_hostname == "broker.example"
    assert parameters.ssl_options.context.check_hostname


@pytest.mark.parametrize(
    "url", [f"amqp://me:{SECRET}@host:port/", f"amqp://me:{SECRET}@host/?heartbeat=x"]
)
def test_an_unusable_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parameters_of(url, "n")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "words", "denied"),
    [
        (exceptions.ProbableAuthenticationError(f"{CLOSED} (403)"), "password", True),
        (
            exceptions.ProbableAccessDeniedError(f"{CLOSED} vhost x not found"),
            "no such virtual host",
            True,
        ),
        (exceptions.ProbableAccessDeniedError(f"{CLOSED} refused"), "may not use", True),
        (exceptions.ProbableAuthenticationError("StreamLostError: EOF"), "while opening", False),
        (exceptions.ProbableAccessDeniedError("StreamLostError: EOF"), "while opening", False),
        (exceptions.ConnectionClosedByBroker(403, "ACCESS_REFUSED"), "403", True),
        (exceptions.ConnectionClosedByBroker(320, "CONNECTION_FORCED"), "320", False),
        (exceptions.StreamLostError("reset by peer"), "lost: reset by peer", False),
        (exceptions.AMQPHeartbeatTimeout("late"), "lost", False),
        (exceptions.ConnectionClosedByClient(200, "bye"), "closed", False),
        (
            exceptions.AMQPConnectionError(ConnectionRefusedError(111, "Connection refused")),
            "connection refused",
            False,
        ),
        (exceptions.AMQPConnectionError(), "AMQPConnectionError", False),
    ],
)
def test_losses_are_told_in_our_words(error: Exception, words: str, denied: bool) -> None:
    loss = read_loss(error)
    assert words in loss.reason
    assert loss.denied is denied
