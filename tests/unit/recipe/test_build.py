"""Defaults that depend on others."""

from __future__ import annotations

import pytest

from flowctl.model.flow import Scale
from flowctl.recipe.build import build, default_cpus, default_module, default_task
from flowctl.recipe.notes import Notes


@pytest.mark.parametrize(
    ("scale", "pinned", "cpus"),
    [
        (None, 0, 1),
        (None, 3, 3),
        (Scale(min=2, max=4), 0, 2),
        (Scale(min=0, max=4), 9, 4),
        (Scale(min=0, max=1), 0, 1),
    ],
)
def test_cpus_follow_scale_and_placements(scale: Scale | None, pinned: int, cpus: int) -> None:
    assert default_cpus(scale, pinned) == cpus


def test_modules_and_tasks_are_called_like_what_holds_them() -> None:
    assert default_module("my-code") == "my_code"
    assert default_task("my-task") == "my_task"


def test_plugs_remember_where_they_stood_when_others_could_not_be_read() -> None:
    plugs = (None, {"from": "a.x"}, {"from": "a.x", "to": "b.y"})
    built = build({"network": "n", "plugs": plugs}, "", Notes())
    assert built.plug_paths == ("plugs[2]",)


def test_a_payload_without_a_time_is_told() -> None:
    notes = Notes()
    source = {"command": ("cat",)}
    sockets = {"x": {"payload": "1", "catchup": "all"}}
    build({"network": "n", "processors": {"a": {"source": source, "sockets": sockets}}}, "", notes)
    assert [p.path for p in notes.problems] == [
        "processors.a.sockets.x.payload",
        "processors.a.sockets.x.catchup",
    ]
