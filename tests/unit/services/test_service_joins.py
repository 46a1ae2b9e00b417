"""What a person sees of joins that wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from flowctl.errors import NotFound
from flowctl.model.flow import Argument, PlugSpec, Task
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Gather
from flowctl.model.work import Arrival, Slot
from flowctl.services import joins, pages
from flowctl.services.control import Control, Door
from flowctl.settings import load
from flowctl.state.store import open_store
from tests.stores import NOON, apply, call, message, processor, shop

SIGNATURE = (
    Argument(name="left", position=0, kind="POSITIONAL_OR_KEYWORD"),
    Argument(name="right", position=1, kind="POSITIONAL_OR_KEYWORD"),
    Argument(name="scale", position=2, kind="POSITIONAL_OR_KEYWORD", has_default=True),
)


def refuse() -> None:
    raise AssertionError("looking at joins needs no broker")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    settings = load({"FLOWCTL_HOME": str(tmp_path), "HOME": str(tmp_path)})
    settings.paths.make()
    store = open_store(settings.state)
    store.migrate()
    apply(
        store,
        shop(
            processors=(processor("parse", "rows"), processor("store", "all", "save")),
            plugs=(
                PlugSpec(source="parse.rows", target="store.save", argument="left"),
                PlugSpec(source="parse.rows", target="store.all", gather="parse.rows"),
            ),
        ),
    )
    task = Task(name="save", processor="store", module="shop.work", arguments=SIGNATURE)
    store.flows.save_tasks("shop", "store", (task,))
    yield Control(settings, store, Door(refuse))  # type: ignore[arg-type]
    store.close()


def wait(control: Control, id_: str, argument: str, minute: int, **fields: str) -> None:
    """Have a value wait for an argument."""
    value = message(id_, body=f'"{id_}"'.encode())
    slot = Slot(
        socket="shop.store.save", argument=argument, message=value, key=fields.get("key", "")
    )
    at = NOON.replace(minute=minute)
    made = call(id_, socket="store.save", status=CallStatus.WAITING, received_at=at)
    control.store.traffic.arrive(
        [Arrival(slot=slot, call=made, mode="zip", needs=("left", "right"))]
    )


def scatter(control: Control, index: int) -> None:
    """Have one of three values wait for a gather."""
    gathers = (Gather("parse.rows", "mother", index, 3),)
    slot = Slot(
        socket="shop.store.all",
        key="parse.rows-store.all:mother",
        argument=str(index),
        message=structs.replace(message(f"part{index}"), gathers=gathers),
    )
    made = call(f"part{index}", socket="store.all", status=CallStatus.WAITING)
    control.store.traffic.arrive([Arrival(slot=slot, call=made, mode="gather", total=3)])


def test_a_listing_says_what_waits_and_what_is_missing(control: Control) -> None:
    wait(control, "l1", "left", 7)
    wait(control, "l2", "left", 3)
    scatter(control, 0)
    scatter(control, 2)
    gather, zipped = joins.listed(control)
    assert (zipped.name, zipped.rule) == ("store.save", "zip")
    assert (zipped.waiting, zipped.missing) == ({"left": 2}, ("right",))
    assert zipped.oldest_at == NOON.replace(minute=3)
    assert gather.name == "store.all@parse.rows-store.all:mother"
    assert (gather.waiting, gather.missing) == ({"values": 2}, ("1 of 3",))


def test_every_key_is_a_join_of_its_own(control: Control) -> None:
    wait(control, "l1", "left", 1, key="run1")
    wait(control, "r1", "right", 2, key="run2")
    first, second = joins.listed(control, "shop")
    assert (first.key, first.missing) == ("run1", ("right",))
    assert (second.key, second.missing) == ("run2", ("left",))
    row, held = joins.find(control, "store.save@run2")
    assert row == second
    assert [slot.message.id for slot in held] == ["r1"]
    with pytest.raises(NotFound) as caught:
        joins.find(control, "store.save@run3")
    assert "store.save@run" in str(caught.value)


def test_a_socket_without_values_says_what_it_waits_for(control: Control) -> None:
    assert joins.listed(control) == []
    sheet = pages.sheet(control, "socket", "store.save")
    (joined,) = sheet.document["joins"]
    assert (joined["waiting"], joined["missing"]) == ({}, ("left", "right"))
    assert "joins" in {title.lower() for title, _ in sheet.tables}
    assert not pages.sheet(control, "socket", "parse.rows").document["joins"]


def test_a_sheet_holds_the_values(control: Control) -> None:
    wait(control, "l1", "left", 1)
    sheet = pages.sheet(control, "join", "store.save")
    assert sheet.document["values"] == [
        {"argument": "left", "call": "l1", "run": "run", "value": "l1"}
    ]
    assert pages.page(control, "join").names == ("store.save",)
