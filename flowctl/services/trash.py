"""The trash: purged messages lie in a queue of their own for a day, and come back in their order.

The record of a trash queue is written before its first message goes, and removed after its last one
is back, so whatever is cut off in between can be finished. A message is confirmed at its target
before it leaves its source; what is cut off may be in both, never in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flowctl.broker.base import QueueSpec
from flowctl.errors import BrokerUnavailable, Conflict, NotFound
from flowctl.failpoints import reach
from flowctl.model.ids import new_id
from flowctl.model.journal import Entry, Shift, Trash
from flowctl.services import journal
from flowctl.services.control import Control
from flowctl.services.hauls import Told, move_all, unheard
from flowctl.services.names import scope
from flowctl.views.flow import QueueRow
from flowctl.views.text import plural

TRASH = ".trash."
"""What stands between the name of a queue and the number of its trash."""


def is_trash(queue: str) -> bool:
    """Tell whether a queue holds what was purged.

    >>> is_trash("shop.parse.rows.trash.1f0c"), is_trash("shop.parse.trash")
    (True, False)
    """
    return TRASH in queue


def throw(
    control: Control,
    queue: str,
    command: str,
    ids: Sequence[str] | None = None,
    told: Told = unheard,
) -> int:
    """Move what waits in a queue, or the messages with these ids, to its trash; return how many."""
    target = f"{queue}{TRASH}{new_id()[:8]}"
    who = control.author.who if control.author else ""
    trash = Trash(queue=target, origin=queue, at=control.clock.now(), who=who, entry=0)
    shift = Shift(source=queue, target=target)
    action = "purge" if ids is None else "remove"
    number = journal.begin(control, action, command, shift, trash)
    reach("trash.recorded")
    control.broker.declare([QueueSpec(name=target)])
    if ids is None:
        count = move_all(control, queue, target, told)
    else:
        count = control.broker.move(queue, target, ids=ids)
    reach("trash.moved")
    if not count:
        _forget(control, target)
    said = f"{plural(count, 'message')} to the trash"
    control.store.journal.settle(number, said, final=not count)
    return count


def bring_back(control: Control, entry: Entry, shift: Shift) -> int:
    """Give the messages of a purge back to their queue, in their order; return how many.

    Raises:
        Conflict: its trash was emptied, or its queue is no more.
    """
    if shift.target not in {each.queue for each in control.store.journal.trash()}:
        raise Conflict(f"the messages of change {entry.id} are gone: its trash was emptied")
    if not entry.result:  # it was cut off, maybe before its first message went
        control.broker.declare([QueueSpec(name=shift.target)])
    try:
        count = move_all(control, shift.target, shift.source)
    except NotFound as error:
        if error.name == shift.target:
            raise Conflict(f"the messages of change {entry.id} are gone") from error
        raise Conflict(
            f"queue {shift.source} is no more",
            remedy=f"flowctl queue move {shift.target} OTHER",
        ) from error
    reach("trash.returned")
    _forget(control, shift.target)
    return count


def _forget(control: Control, queue: str) -> None:
    if control.broker.delete(queue, if_empty=True) or not control.broker.depth([queue]):
        control.store.journal.forget_trash([queue])


def listed(control: Control, network: str = "") -> list[QueueRow]:
    """Return the queues of purged messages, oldest first, with what they hold."""
    found = control.store.journal.trash()
    chosen = scope(control, network)
    found = [each for each in found if not chosen or each.origin.startswith(f"{chosen}.")]
    depths = control.broker.depth([each.queue for each in found])
    return [
        QueueRow(
            each.queue,
            each.origin.partition(".")[0],
            "trash",
            each.origin,
            depth.ready if (depth := depths.get(each.queue)) else 0,
            depth.unacked if depth else 0,
        )
        for each in found
    ]


def empty(control: Control) -> int:
    """Delete all trash for good and return how many queues it was."""
    control.may_write()
    count = expire(control, None)
    journal.note(
        control, "empty", "flowctl queue trash --empty", (), f"{plural(count, 'queue')} of trash"
    )
    return count


def expire(control: Control, before: datetime | None) -> int:
    """Delete the trash that is older than a moment and return how many queues it was."""
    gone: list[str] = []
    for each in control.store.journal.trash(before):
        try:
            control.broker.delete(each.queue, if_empty=False)
        except BrokerUnavailable:
            break
        gone.append(each.queue)
    control.store.journal.forget_trash(gone)
    return len(gone)
