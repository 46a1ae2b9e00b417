"""What a worker that follows its assignment says of state and broker."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentd.worker.follow import Follower
from agentd.worker.identity import Identity
from flowctl.errors import StateUnavailable
from flowctl.model.flow import Task
from flowctl.model.work import Create
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests import stores


class Away:
    """A store that can be taken away."""

    def __init__(self, store: Any) -> None:
        self.store, self.is_away = store, False

    def __getattr__(self, name: str) -> Any:
        if self.is_away:
            raise StateUnavailable("the database is away")
        return getattr(self.store, name)


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(tmp_path)})
    settings.paths.make()
    with open_control(settings, name="test") as opened:
        opened.store.migrate()
        yield opened


def test_trouble_is_told_once_and_taken_back_when_it_is_over(
    control: Control, tmp_path: Path
) -> None:
    store: Any = Away(control.store)
    said: list[str] = []
    identity = Identity(
        worker="h1.shop.parse.worker.1", deployment="parse.deploy1", network="shop", agent="h1",
        python="", paths=(), status=str(tmp_path / "w" / "status.json"),
    )  # fmt: skip
    follower = Follower(
        replace(control, store=store), identity, lambda _: None, lambda _: None, said.append
    )
    follower.tick()
    assert said == []
    store.is_away = True
    follower.tick()
    follower.tick()
    assert said == ["the database is away"]
    store.is_away = False
    follower.tick()
    assert said == ["the database is away", ""]


def test_functions_are_on_record_at_the_next_tick(control: Control, tmp_path: Path) -> None:
    store = control.store
    stores.apply(store, stores.shop())
    stores.beat(store, "h1")
    step = Create(network="shop", processor="parse", agent="h1", deployment="parse.deploy1", cpus=1)
    assert store.fleet.place([step], term=None) == []
    identity = Identity(
        worker="h1.shop.parse.worker.1", deployment="parse.deploy1", network="shop", agent="h1",
        python="", paths=(), status=str(tmp_path / "w" / "status.json"),
    )  # fmt: skip
    told: list[str] = []
    follower = Follower(control, identity, lambda _: None, lambda _: None, told.append)
    follower.tick()
    follower.show_tasks((Task(name="rows", processor="parse", module="m", source="shown"),))
    follower.tick()
    found = [each.task.source for each in store.flows.sockets("shop", "parse") if each.task]
    assert found == ["shown"]
    assert told == []
