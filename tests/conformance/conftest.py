"""Every test of this folder runs on every broker: `broker` connects, `name` makes queue names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowctl.broker.base import Broker, QueueSpec
from flowctl.broker.connect import open_broker
from flowctl.model.ids import new_id


@pytest.fixture(params=["embedded", pytest.param("rabbit", marks=pytest.mark.rabbit)])
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "embedded":
        return f"embedded:///{tmp_path / 'broker.db'}"
    return str(request.getfixturevalue("rabbit_url"))


@pytest.fixture
def connect(broker_url: str) -> Iterator[Callable[[], Broker]]:
    """Makes connections of their own, as other processes would; closes them in the end."""
    brokers: list[Broker] = []

    def make() -> Broker:
        brokers.append(open_broker(broker_url, name=f"test-{len(brokers)}"))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def broker(connect: Callable[[], Broker]) -> Broker:
    return connect()


@pytest.fixture
def name() -> Callable[[str], str]:
    """Makes names that no other test uses: RabbitMQ is shared."""
    prefix = new_id()[:8]
    return lambda suffix: f"{prefix}.{suffix}"


@pytest.fixture
def queue(broker: Broker, name: Callable[[str], str]) -> str:
    """A plain queue."""
    spec = QueueSpec(name=name("plain"))
    broker.declare([spec])
    return spec.name
