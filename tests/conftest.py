"""Real servers for tests: private, one a test process, ended with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from flowctl.state.store import Store, open_store
from tests import stores
from tests.servers import postgres, rabbitmq

# No test may depend on how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# A shell that starts something in the background makes it deaf to Ctrl-C, and all that it starts:
# what tests start must hear it all the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
        with pytest.MonkeyPatch.context() as patch:
            # Nobody crashes this one, so new queues need not wait.
            patch.setattr("flowctl.broker.rabbit.topology.REGISTERED_AFTER", 0.0)
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
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("flowctl.broker.rabbit.topology.REGISTERED_AFTER", 1.5)
            yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[postgres.PostgresServer]:
    """A Postgres that all tests of this process share; it must stay as it is."""
    _need(postgres.installed(), "Postgres")
    server = postgres.PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres_url(shared_postgres: postgres.PostgresServer) -> str:
    """The URL of a Postgres database that all tests of this process share."""
    return shared_postgres.database()


@pytest.fixture
def postgres_empty_url(shared_postgres: postgres.PostgresServer) -> str:
    """The URL of a Postgres database that was made for this test."""
    return shared_postgres.database()


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A Postgres of this test module's own, which it may stop and kill."""
    _need(postgres.installed(), "Postgres")
    server = postgres.PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def state_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a migrated database of this module's, once for each kind of database."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}"
    owner = open_store(url)
    owner.migrate()
    yield url
    owner.drop()
    owner.close()


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    """A store over an empty, migrated database, once for each kind of database."""
    opened = open_store(state_url)
    stores.empty(opened)
    yield opened
    opened.close()
