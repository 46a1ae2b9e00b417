"""What a delivery contributes to a join, and what a complete join runs with."""

import msgspec
import pytest

from agentd.worker.joins import arrival, complete, is_join
from agentd.worker.routing import ABSENT
from flowctl.errors import Malformed
from flowctl.model.flow import Argument, Join, JoinMode
from flowctl.model.joining import needs
from flowctl.model.traffic import Gather
from flowctl.model.work import Slot
from tests.flows import item, message, plug, route

LEFT = plug("a.x", "add.pair", argument="left")
GATHER = plug("parse.rows", "sum.up", gather="read.file")
SIGNATURE = [
    Argument(name="left", position=0, kind="POSITIONAL_OR_KEYWORD"),
    Argument(name="right", position=1, kind="POSITIONAL_OR_KEYWORD"),
    Argument(name="scale", position=2, kind="POSITIONAL_OR_KEYWORD", has_default=True),
    Argument(name="rest", position=3, kind="VAR_POSITIONAL"),
    Argument(name="only", position=4, kind="KEYWORD_ONLY"),
]


def slot(argument: str, body: bytes, content_type: str = "application/json") -> Slot:
    return Slot(
        socket="shop.sum.up", key="k", argument=argument, message=message(body=body),
        content_type=content_type,
    )  # fmt: skip


def test_only_plugs_on_arguments_and_gathers_join() -> None:
    assert is_join(item(route(inbound=LEFT)))
    assert is_join(item(route(inbound=GATHER)))
    assert not is_join(item(route(inbound=plug("a.x", "add.pair"))))


def test_defaults_and_variadics_are_not_waited_for() -> None:
    assert needs(SIGNATURE) == ("left", "right")


def test_an_argument_is_one_value_of_a_zip() -> None:
    found = arrival(item(route(inbound=LEFT)), SIGNATURE)
    assert (found.mode, found.slot.socket, found.slot.key, found.slot.argument, found.needs) == (
        "zip",
        "shop.add.pair",
        "",
        "left",
        ("left", "right"),
    )


def test_by_run_only_values_of_the_same_run_meet() -> None:
    through = route(inbound=LEFT, join=Join(mode=JoinMode.LATEST, by_run=True))
    found = arrival(item(through), SIGNATURE)
    assert (found.mode, found.slot.key) == ("latest", "r1")


def test_a_gather_takes_its_place_from_the_scatter() -> None:
    gathers = (Gather("read.file", "p", 4, 9), Gather("other.x", "q", 0, 1))
    found = arrival(item(route(inbound=GATHER), gathers=gathers, plug=GATHER.name), [])
    assert (found.mode, found.slot.argument, found.total) == ("gather", "4", 9)


def test_what_did_not_come_out_of_the_scatter_is_refused() -> None:
    with pytest.raises(Malformed, match=r"read\.file"):
        arrival(item(route(inbound=GATHER)), [])


def test_a_complete_gather_runs_with_the_list_in_order_without_absent_places() -> None:
    outer, inner = Gather("top.all", "o", 1, 2), Gather("read.file", "p", 2, 3)
    made = item(route(inbound=GATHER), gathers=(outer, inner), plug=GATHER.name)
    complete(made, [slot("0", b"1"), slot("1", b"null", ABSENT), slot("2", b"3")])
    assert msgspec.json.decode(made.body) == [1, 3]
    assert made.gathers == (outer,), "the scatter ends here, the outer one goes on"


def test_a_complete_zip_runs_with_named_arguments() -> None:
    made = item(route(inbound=LEFT))
    complete(made, [slot("left", b"[1]"), slot("right", b'"x"')])
    assert (msgspec.json.decode(made.body), made.named) == ({"left": [1], "right": "x"}, True)
