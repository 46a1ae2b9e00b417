"""The journal: every change that a person makes goes through here, and can be read by everybody.

A service names its change and hands over what to do; both are one transaction. What it did is seen
by comparing the network before and after, so no service describes its own inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from flowctl.model.ids import new_id
from flowctl.model.journal import Difference, Entry, Shift, Trash
from flowctl.recipe.reverse import differences
from flowctl.services.control import Control
from flowctl.services.names import scope
from flowctl.views.history import described

T = TypeVar("T")


def on_network(
    control: Control,
    network: str,
    action: str,
    command: str,
    act: Callable[[], T],
    *,
    always: str = "",
) -> T:
    """Change a network by `act`, which only writes to the state and may be called more than once.

    What changed nothing leaves no entry, unless `always` says what it was done to.
    """
    if control.author is None:
        return act()
    journal = control.store.journal

    def work() -> tuple[T, Entry | None]:
        before = journal.standing(network)
        value = act()
        changed = differences(before, journal.standing(network))
        if not changed and not always:
            return value, None
        entry = entry_of(control, action, command, network, changed)
        return value, replace(entry, objects=entry.objects or (always,))

    return journal.keep(work)


def on_agent(control: Control, name: str, action: str, command: str, act: Callable[[], T]) -> T:
    """Change what is wanted of an agent."""
    if control.author is None:
        return act()

    def wanted() -> str:
        return str(control.store.fleet.agent(name).requested_status)

    def work() -> tuple[T, Entry | None]:
        before = wanted()
        value = act()
        changed = Difference(kind="serving", name=name, before=before, after=wanted())
        if changed.before == changed.after:
            return value, None
        return value, entry_of(control, action, command, "", (changed,))

    return control.store.journal.keep(work)


def note(
    control: Control, action: str, command: str, objects: tuple[str, ...], result: str
) -> None:
    """Record a change that cannot be taken back."""
    if control.author is not None:
        entry = entry_of(control, action, command, control.settings.network)
        control.store.journal.add(replace(entry, objects=objects, result=result))


def begin(
    control: Control, action: str, command: str, shift: Shift, trash: Trash | None = None
) -> int:
    """Record that messages are about to go, before the first of them does; return its number."""
    objects = tuple(f"queue/{name}" for name in (shift.source, shift.target))
    entry = entry_of(control, action, command, shift.source.partition(".")[0])
    return control.store.journal.add(
        replace(entry, objects=objects[: 1 if trash else 2], shift=shift), trash
    )


def entry_of(
    control: Control,
    action: str,
    command: str,
    network: str,
    changed: tuple[Difference, ...] = (),
) -> Entry:
    """Return the entry of a change that happens now."""
    author = control.author
    return Entry(
        at=control.clock.now(),
        who=author.who if author else "",
        face=author.face if author else "",
        command=(author.command if author else "") or command,
        batch=(author.batch if author else "") or new_id(),
        action=action,
        network=network,
        objects=tuple(
            dict.fromkeys(f"{_KINDS.get(each.kind, each.kind)}/{each.name}" for each in changed)
        ),
        result=described(changed),
        differences=changed,
    )


_KINDS = {"requested": "processor", "serving": "agent", "code": "task"}


def history(
    control: Control, network: str = "", *, who: str = "", before: int = 0, limit: int = 50
) -> list[Entry]:
    """Return the newest changes first."""
    return control.store.journal.entries(
        network=scope(control, network), who=who, before=before, limit=limit
    )


def find(control: Control, number: int) -> Entry:
    """Return one change.

    Raises:
        NotFound: there is none of this number.
    """
    return control.store.journal.entry(number)
