"""Whatever a person does, undo gives back exactly what was there, and redo what had become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from flowctl.errors import Conflict, FlowError, Refused
from flowctl.model.flow import DeploymentSpec, NetworkSpec, PlugSpec
from flowctl.model.journal import Standing
from flowctl.model.states import Desired
from flowctl.services import edits, journal, networks, processors, recipes, undo
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests.stores import apply, beat, empty, processor, shop

Act = tuple[str, str]

NAMES = ("parse", "store", "extra")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    home = str(tmp_path_factory.mktemp("home"))
    chosen = load({"FLOWCTL_HOME": home, "HOME": home})
    chosen.paths.make()
    with open_control(chosen) as control:
        control.store.migrate()
        yield control


def begin(base: Control) -> None:
    empty(base.store)
    apply(base.store, shop())
    beat(base.store, "h1")


def me(base: Control) -> Control:
    """A command of its own, as each is."""
    return base.acting("cli", "flowctl test")


def do(control: Control, act: Act) -> None:
    """Carry one act out; what cannot be in the present state changes nothing."""
    what, name = act
    try:
        _DOING[what](control, name)
    except FlowError:
        return


def _edit(control: Control, change: edits.Edit) -> None:
    edits.carry_out(control, edits.edit(control, "shop", change), force=True)


def _variant(control: Control, name: str) -> None:
    present = control.store.flows.spec("shop")
    spec = replace(
        present,
        strategy="EFFICIENT",
        processors=tuple(
            replace(each, cpus=each.cpus + 1, enabled=each.name != name, timeout=7.0)
            for each in present.processors
        ),
    )
    recipes.apply(control, recipes.plan(control, recipes.from_spec(spec)))


def _serve(control: Control, name: str) -> None:
    from flowctl.services import fleet

    wanted = {"parse": Desired.PAUSED, "store": Desired.RUNNING, "extra": Desired.STOPPED}[name]
    fleet.request_agent(control, "h1", wanted)


_PLUG = PlugSpec(source="parse.tick", target="store.save")
_DOING: dict[str, Callable[[Control, str], object]] = {
    "scale": lambda control, name: processors.scale(control, name, "+3"),
    "pause": lambda control, name: processors.request(control, name, Desired.PAUSED),
    "start": lambda control, name: processors.request(control, name, Desired.RUNNING),
    "stop": lambda control, name: processors.request(control, name, Desired.STOPPED),
    "restart": processors.restart,
    "drop": lambda control, name: _edit(control, edits.without_processor(name)),
    "add": lambda control, name: _edit(control, edits.with_processor(processor(name, "run"))),
    "unplug": lambda control, _: _edit(control, edits.without_plug("parse.rows-store.save")),
    "plug": lambda control, _: _edit(control, edits.with_plug(_PLUG)),
    "apply": _variant,
    "socket": lambda control, name: _edit(control, edits.without_socket(f"{name}.tick")),
    "pin": lambda control, name: _edit(
        control,
        edits.with_deployment(DeploymentSpec(name=f"{name}-1", processor=name, agent="h1", cpus=1)),
    ),
    "unpin": lambda control, name: _edit(control, edits.without_deployment(f"{name}-1")),
    "delete": lambda control, _: networks.delete(control, "shop", force=True),
    "agent": _serve,
}
ACTS = st.lists(st.tuples(st.sampled_from(sorted(_DOING)), st.sampled_from(NAMES)), max_size=7)


def seen(control: Control) -> tuple[Standing | None, str, str]:
    """Everything that acts can change: the network, its recipe as text, the agent."""
    standing = control.store.journal.standing("shop")
    text = recipes.export(control, "shop") if standing else ""
    return standing, text, control.store.fleet.agent("h1").requested_status


@settings(max_examples=15, deadline=None)
@given(acts=ACTS)
def test_all_that_was_done_is_undone_and_done_again(base: Control, acts: Sequence[Act]) -> None:
    begin(base)
    states = [seen(base)]
    numbers = [0]
    for act in acts:
        do(me(base), act)
        newest = journal.history(base, limit=1)
        if newest and newest[0].id != numbers[-1] and newest[0].can_be_undone:
            states.append(seen(base))
            numbers.append(newest[0].id)
        else:
            assert seen(base) == states[-1]
    for number, before in zip(numbers[:0:-1], states[-2::-1], strict=True):
        undo.undo(me(base), number, force=True)
        assert seen(base) == before
    for number, after in zip(numbers[1:], states[1:], strict=True):
        undo.redo(me(base), number, force=True)
        assert seen(base) == after


@settings(max_examples=15, deadline=None)
@given(acts=ACTS, chosen=st.integers(0, 20))
def test_an_undo_out_of_turn_is_refused_or_takes_back_just_its_own(
    base: Control, acts: Sequence[Act], chosen: int
) -> None:
    begin(base)
    for act in acts:
        do(me(base), act)
    done = [each for each in journal.history(base) if each.can_be_undone]
    if not done:
        return
    entry, before = done[chosen % len(done)], seen(base)
    try:
        undo.undo(me(base), entry.id, force=True)
    except FlowError:
        assert seen(base) == before
        assert not journal.find(base, entry.id).undone_by
        return
    undo.redo(me(base), entry.id, force=True)
    assert seen(base) == before


def test_a_stale_undo_is_refused_in_a_sentence(base: Control) -> None:
    begin(base)
    processors.scale(me(base), "parse", "4")
    processors.scale(me(base), "parse", "6")
    first = journal.history(base)[-1]
    with pytest.raises(Conflict, match="processor parse changed since then") as caught:
        undo.undo(me(base), first.id)
    assert "flowctl history" in caught.value.remedy
    assert base.store.flows.processor("parse").spec.cpus == 6


def test_one_command_is_undone_as_one(base: Control) -> None:
    begin(base)
    before, control = seen(base), me(base)
    processors.request(control, "parse", Desired.PAUSED)
    processors.request(control, "store", Desired.STOPPED)
    assert len(undo.undo(me(base))) == 2
    assert seen(base) == before
    assert len(undo.redo(me(base))) == 2
    assert base.store.flows.processor("store").requested_status is Desired.STOPPED


def test_nothing_is_undone_twice(base: Control) -> None:
    begin(base)
    processors.scale(me(base), "parse", "4")
    (entry,) = undo.undo(me(base))
    with pytest.raises(Refused, match="is undone already"):
        undo.undo(me(base), entry.id)
    with pytest.raises(Refused, match="is an undo of"):
        undo.undo(me(base), journal.history(base)[0].id)
    with pytest.raises(FlowError):
        undo.undo(me(base))


def test_code_that_was_replaced_comes_back(base: Control) -> None:
    from flowctl.model.flow import Task
    from flowctl.services import sockets

    begin(base)
    task = Task(name="rows", processor="parse", module="shop.work")
    base.store.flows.save_tasks("shop", "parse", (task,))
    sockets.override(me(base), "parse.rows", "def rows(): return 1")
    sockets.override(me(base), "parse.rows", "def rows(): return 2")
    _edit(me(base), edits.without_processor("parse"))
    undo.undo(me(base), force=True)
    assert sockets.task(base, "parse.rows")[0].code.endswith("2")
    undo.undo(me(base))
    assert sockets.task(base, "parse.rows")[0].code.endswith("1")
    undo.undo(me(base))
    assert not sockets.task(base, "parse.rows")[0].code


def test_the_journal_says_who_and_by_which_command(base: Control) -> None:
    begin(base)
    control = base.acting("tui", "flowctl add processor x --git https://me:secret@host/x.git")
    processors.scale(control, "parse", "4")
    (entry,) = journal.history(base)
    assert entry.who.count("@") == 1
    assert entry.face == "tui"
    assert entry.command == "flowctl add processor x --git https://me:***@host/x.git"
    assert entry.result == "processor parse cpus 1 > 4"
    processors.scale(base.acting("python"), "parse", "5")
    assert journal.history(base)[0].command == "flowctl scale shop/parse=5"
    processors.scale(base, "parse", "6")
    assert len(journal.history(base)) == 2, "daemons write no journal"


def test_a_network_that_was_made_anew_is_not_overwritten(base: Control) -> None:
    begin(base)
    networks.delete(me(base), "shop", force=True)
    apply(base.store, NetworkSpec(name="shop"))
    with pytest.raises(Conflict, match="network shop"):
        undo.undo(me(base))
