"""Taking changes back, and carrying them out again: only what they touched, never what came later."""

from __future__ import annotations

from msgspec.structs import replace

from flowctl.errors import Conflict, NotFound, Refused
from flowctl.model.flow import NetworkSpec
from flowctl.model.journal import Entry, Shift, Standing
from flowctl.model.states import Desired
from flowctl.recipe.diff import diff
from flowctl.recipe.reverse import refuse_stale, taken_back
from flowctl.services import journal, queues, recipes, trash
from flowctl.services.control import Control
from flowctl.services.networks import refuse_while_waiting
from flowctl.views.history import described
from flowctl.views.text import plural

_RECENT = 500


def undo(control: Control, number: int = 0, *, force: bool = False) -> list[Entry]:
    """Take back one change, or all changes of one's latest command; return what was taken back.

    Raises:
        Conflict: something that it changed is not as it left it.
        Refused: it cannot be taken back, or messages wait in queues that would go.
    """
    control.may_write()
    chosen = [journal.find(control, number)] if number else _latest(control)
    # What stands on queues comes last: a network must be back before its messages can be.
    ordered = sorted(chosen, key=lambda each: (each.shift is not None, -each.id))
    for each in ordered:
        _refuse_undo(each)
        _carry(control, each, again=False, force=force)
    return ordered


def redo(control: Control, number: int = 0, *, force: bool = False) -> list[Entry]:
    """Carry out again what was taken back: one change, or what one's latest undo took back.

    Raises:
        Conflict: something that it changed is not as it was before.
        Refused: it was not taken back.
    """
    control.may_write()
    chosen = [journal.find(control, number)] if number else _latest_undone(control)
    for each in sorted(chosen, key=lambda each: each.id):
        if not each.undone_by:
            raise Refused(f"change {each.id} was not undone", remedy="flowctl history")
        _carry(control, each, again=True, force=force)
    return chosen


def _latest(control: Control) -> list[Entry]:
    mine = journal.history(control, who=_me(control), limit=_RECENT)
    newest = next((each for each in mine if each.can_be_undone), None)
    if newest is None:
        raise NotFound("change", "to undo", remedy="flowctl history")
    return [each for each in _batch(control, newest) if each.can_be_undone]


def _latest_undone(control: Control) -> list[Entry]:
    mine = journal.history(control, who=_me(control), limit=_RECENT)
    undone = {each.undone_by for each in mine if each.undone_by}
    newest = next((each for each in mine if each.id in undone), None)
    if newest is None:
        raise NotFound("change", "to redo", remedy="flowctl history")
    numbers = {each.id for each in _batch(control, newest)}
    return [each for each in mine if each.undone_by in numbers]


def _batch(control: Control, entry: Entry) -> list[Entry]:
    return control.store.journal.entries(batch=entry.batch, limit=_RECENT)


def _me(control: Control) -> str:
    return control.author.who if control.author else ""


def _refuse_undo(entry: Entry) -> None:
    if entry.undone_by:
        raise Refused(
            f"change {entry.id} is undone already, by {entry.undone_by}",
            remedy=f"flowctl redo {entry.id}",
        )
    if entry.undoes:
        raise Refused(
            f"change {entry.id} is an {entry.action} of {entry.undoes}",
            remedy=f"flowctl {'redo' if entry.action == 'undo' else 'undo'} {entry.undoes}",
        )
    if not entry.can_be_undone:
        raise Refused(f"change {entry.id} ({entry.action}) cannot be taken back")


def _carry(control: Control, entry: Entry, *, again: bool, force: bool) -> None:
    if entry.shift is not None:
        _shift(control, entry, entry.shift, again=again)
    elif any(each.kind == "serving" for each in entry.differences):
        _agent(control, entry, again=again)
    else:
        _network(control, entry, again=again, force=force)


def _shift(control: Control, entry: Entry, shift: Shift, *, again: bool) -> None:
    if again:
        _shift_again(control, entry, shift)
        return
    if trash.is_trash(shift.target):
        queues.ensure(control, [shift.source])
        count = trash.bring_back(control, entry, shift)
    else:
        count = _move_back(control, entry, shift)
    control.store.journal.add(
        _written(control, entry, f"{plural(count, 'message')} back to {shift.source}", again=False)
    )


def _shift_again(control: Control, entry: Entry, shift: Shift) -> None:
    """Do it once more with what waits there now: that is a change of its own, with its own undo."""
    if entry.action == "purge":
        queues.purge(control, shift.source)
    elif trash.is_trash(shift.target):
        raise Refused(f"change {entry.id} took single messages", remedy="flowctl queue rm")
    else:
        queues.move(control, shift.source, shift.target, shift.ids)
    control.store.journal.redone(entry.id)


def _move_back(control: Control, entry: Entry, shift: Shift) -> int:
    there = {message.id for message in queues.everything(control, shift.target)}
    missing = [each for each in shift.ids if each not in there]
    if missing:
        raise Conflict(
            f"{plural(len(missing), 'message')} of change {entry.id} left {shift.target} since then"
        )
    queues.ensure(control, [shift.source])
    return control.broker.move(shift.target, shift.source, ids=shift.ids)


def _agent(control: Control, entry: Entry, *, again: bool) -> None:
    (change,) = entry.differences
    expected, wanted = (change.before, change.after) if again else (change.after, change.before)

    def work() -> tuple[None, Entry]:
        fleet = control.store.fleet
        if str(fleet.agent(change.name).requested_status) != expected:
            refuse_stale([f"agent {change.name}"])
        fleet.request_agent(change.name, Desired(wanted))
        return None, _written(control, entry, f"agent {change.name} {wanted}", again=again)

    control.store.journal.keep(work)


def _network(control: Control, entry: Entry, *, again: bool, force: bool) -> None:
    store, name = control.store.journal, entry.network
    present = store.standing(name)
    target = taken_back(present, entry.differences, again=again)
    _check(control, entry, present, target, force=force)

    def work() -> tuple[None, Entry]:
        _still(control, entry)
        present = store.standing(name)
        become(control, name, present, taken_back(present, entry.differences, again=again))
        return None, _written(control, entry, _said(entry, again=again), again=again)

    store.keep(work)


def _still(control: Control, entry: Entry) -> None:
    if control.store.journal.entry(entry.id).undone_by != entry.undone_by:
        raise Conflict(f"somebody took change {entry.id} back meanwhile")


def _check(
    control: Control,
    entry: Entry,
    present: Standing | None,
    target: Standing | None,
    *,
    force: bool,
) -> None:
    """Refuse what would be no valid network, or would leave messages that nobody reads."""
    from flowctl.recipe.dump import dump
    from flowctl.recipe.parse import parse

    spec = NetworkSpec(name=entry.network) if target is None else target.spec
    if target is not None:
        parse(dump(spec), source=f"network {entry.network} without change {entry.id}")
    changes = diff(present.spec if present else None, spec).changes
    gone = [name for change in changes for name in recipes.abandoned(entry.network, change)]
    if gone and not force:
        refuse_while_waiting(queues.waiting(control, gone), entry.network)


def become(control: Control, name: str, present: Standing | None, target: Standing | None) -> None:
    """Make a network stand as `target`, inside of the journal's transaction."""
    flows = control.store.flows
    if target is None:
        flows.delete_network(name)
        return
    flows.apply(diff(present.spec if present else None, target.spec), expect=None)
    before = present or Standing(spec=NetworkSpec(name=name), requested={})
    control.store.journal.restore(name, target, before)


def _written(control: Control, entry: Entry, said: str, *, again: bool) -> Entry:
    action = "redo" if again else "undo"
    made = journal.entry_of(control, action, f"flowctl {action} {entry.id}", entry.network)
    return replace(made, objects=entry.objects, result=said, undoes=entry.id)


def _said(entry: Entry, *, again: bool) -> str:
    turned = [replace(each, before=each.after, after=each.before) for each in entry.differences]
    return described(entry.differences if again else turned) or "done"
