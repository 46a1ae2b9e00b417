"""A whole embedded flowctl without processes, for tests of the scheduler's parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowctl.model.fleet import Agent, Resources
from flowctl.model.flow import NetworkSpec, ProcessorSpec, SocketSpec
from flowctl.model.states import AgentStatus
from flowctl.model.work import AgentBeat
from flowctl.recipe.diff import diff
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests.fleets import SOURCE


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 10, 12, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def control(tmp_path: Path, clock: HandClock) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(tmp_path)})
    settings.paths.make()
    with open_control(settings, name="test", clock=clock) as opened:
        opened.store.migrate()
        yield opened


@pytest.fixture
def declare(control: Control) -> Callable[..., None]:
    """Declare the network `shop`: processors by name, each the fields of its spec."""

    def apply(**processors: dict[str, object]) -> None:
        specs = []
        for name, fields in sorted(processors.items()):
            sockets = fields.pop("sockets", (SocketSpec(name="rows", task="rows"),))
            specs.append(ProcessorSpec(name=name, source=SOURCE, sockets=sockets, **fields))
        known = [each.name for each in control.store.flows.networks()]
        old = control.store.flows.spec("shop") if "shop" in known else None
        revision = control.store.flows.network("shop").revision if old else None
        wanted = NetworkSpec(name="shop", processors=tuple(specs))
        control.store.flows.apply(diff(old, wanted), expect=revision)

    return apply


@pytest.fixture
def beat(control: Control) -> Callable[..., Agent]:
    """Let an agent beat."""

    def send(name: str = "h1", cpus: int = 4, status: AgentStatus = AgentStatus.RUNNING) -> Agent:
        return control.store.fleet.beat(
            AgentBeat(
                name=name,
                hostname=name,
                boot_id="b",
                pid=1,
                version="0",
                cpus=cpus,
                labels={},
                port=0,
                sentence="",
                resources=Resources(cpus=cpus),
                status=status,
            )
        )

    return send


@pytest.fixture
def term(control: Control) -> int:
    """Lead, for a long time."""
    lease = control.store.duty.acquire("test", 1e6)
    assert lease is not None
    return lease.term
