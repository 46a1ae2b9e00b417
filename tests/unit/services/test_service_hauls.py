from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded.broker import EmbeddedBroker
from flowctl.model.traffic import Outgoing
from flowctl.services import hauls
from flowctl.services.control import Control
from tests.stores import message


def test_all_is_moved_in_slices_and_told_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hauls, "SLICE", 4)
    broker = EmbeddedBroker(tmp_path / "broker.db")
    broker.declare([QueueSpec(name="a"), QueueSpec(name="b")])
    sent = [message(str(number), body=str(number).encode()) for number in range(10)]
    broker.publish([Outgoing(queue="a", message=each) for each in sent])
    control = cast("Control", SimpleNamespace(broker=broker))
    heard: list[Any] = []
    assert hauls.move_all(control, "a", "b", lambda *words: heard.append(words)) == 10
    assert hauls.move_all(control, "a", "b") == 0
    assert [each.body for each in broker.peek("b")] == [each.body for each in sent]
    assert heard == [(4, 10), (8, 10)]
    broker.close()
