"""Real servers for tests: private, one a test process, ended with it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.servers import rabbitmq


def _need(present: bool, what: str) -> None:
    """Skip where a server program is missing; in CI that is a failure."""
    if not present and os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must run these tests")
    if not present:
        pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def rabbit_url() -> Iterator[str]:
    """The URL of a RabbitMQ that all tests of this process share; use queue names of your own."""
    _need(rabbitmq.installed(), "RabbitMQ")
    server = rabbitmq.RabbitServer()
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@pytest.fixture(scope="module")
def rabbit_server() -> Iterator[rabbitmq.RabbitServer]:
    """A RabbitMQ of this test module's own, which it may stop, kill and pause."""
    _need(rabbitmq.installed(), "RabbitMQ")
    server = rabbitmq.RabbitServer()
    try:
        server.start()
        yield server
    finally:
        server.close()
