"""Queues: what they must be, how much they hold, and what a person may do to what waits there.

The queues of a network follow from its sockets and plugs and from nothing else; `specs_of` is the
one place that says how each is declared, for faces, workers and the scheduler alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowctl.broker.base import QueueSpec
from flowctl.errors import BrokerUnavailable, InvalidInput, NotFound, QueueMismatch
from flowctl.model.flow import Plug, QueueLimits, Socket, Topology
from flowctl.model.journal import Shift
from flowctl.model.naming import DEAD, dead_queue, socket_queue
from flowctl.model.traffic import Message
from flowctl.services import journal, trash
from flowctl.services.control import Control
from flowctl.services.hauls import Told, move_all, unheard
from flowctl.services.names import scope
from flowctl.views.flow import QueueRow
from flowctl.views.kinds import nearest
from flowctl.views.text import plural

MOST_KNOWN = 2_000
"""Messages that a move remembers by their ids, so that it can be taken back."""

LEFT = "left"
"""The role of a queue whose socket or plug is gone; what waits there can still be moved."""


def socket_specs(socket: Socket) -> list[QueueSpec]:
    """Return how the queue of a socket and its dead letters are declared."""
    dead = dead_queue(socket.queue)
    return [_spec(socket.queue, socket.spec.queue, dead), QueueSpec(name=dead)]


def plug_spec(plug: Plug) -> QueueSpec:
    """Return how the queue of a plug is declared; what expires goes to the target's dead letters."""
    processor, _, socket = plug.spec.target.partition(".")
    dead = dead_queue(socket_queue(plug.network, processor, socket))
    return _spec(plug.queue, plug.spec.queue, dead)


def specs_of(sockets: Iterable[Socket], plugs: Iterable[Plug]) -> list[QueueSpec]:
    """Return how all queues of these sockets and plugs are declared."""
    found = [spec for socket in sockets for spec in socket_specs(socket)]
    return found + [plug_spec(plug) for plug in plugs]


def _spec(name: str, limits: QueueLimits, dead: str) -> QueueSpec:
    return QueueSpec(
        name=name,
        ttl=limits.ttl,
        max_length=limits.max_length,
        dead_letter=dead if limits.ttl else "",
    )


def of_topology(topology: Topology) -> list[str]:
    """Return the names of all queues of a network."""
    return [spec.name for spec in specs_of(topology.sockets, topology.plugs)]


def listed(control: Control, network: str = "") -> list[QueueRow]:
    """Return all queues with what they hold; the numbers are None while the broker is away.

    Queues that nobody reads any more are among them while something waits there.
    """
    chosen = scope(control, network)
    rows = rows_of(control, chosen)
    left = _left_behind(control, chosen, rows)
    try:
        depths = control.broker.depth([row.name for row in [*rows, *left]])
    except BrokerUnavailable:
        return rows
    filled = [_filled(row, depths.get(row.name)) for row in [*rows, *left]]
    shown = [row for row in filled if row.role != LEFT or row.ready or row.unacked]
    return sorted(shown, key=lambda row: row.name)


def _left_behind(control: Control, network: str, rows: Sequence[QueueRow]) -> list[QueueRow]:
    """Return the queues of sockets and plugs that were removed lately, as the events tell."""
    known = {row.name for row in rows}
    found: dict[str, QueueRow] = {}
    for kind in ("socket", "plug"):
        for event in control.store.events.list(kind=kind, network=network, limit=500, newest=True):
            name = f"{event.network}.{event.object}"
            if event.action == "removed" and name not in known:
                dead = [dead_queue(name)] if kind == "socket" else []
                for each in (name, *dead):
                    found[each] = QueueRow(each, event.network, LEFT, event.object)
    return list(found.values())


def rows_of(control: Control, network: str = "") -> list[QueueRow]:
    """Return the queues that the model has, without asking the broker."""
    flows = control.store.flows
    sockets, plugs = flows.sockets(network), flows.plugs(network)
    direct = [QueueRow(item.queue, item.network, "socket", item.name) for item in sockets]
    carried = [QueueRow(item.queue, item.network, "plug", item.name) for item in plugs]
    dead = [QueueRow(dead_queue(row.name), row.network, "dead", row.owner) for row in direct]
    return sorted([*direct, *carried, *dead], key=lambda row: row.name)


def _filled(row: QueueRow, depth: object) -> QueueRow:
    from flowctl.broker.base import Depth

    held = depth if isinstance(depth, Depth) else Depth()
    return QueueRow(
        row.name, row.network, row.role, row.owner, held.ready, held.unacked, held.consumers
    )


def waiting(control: Control, names: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait in those of these queues that hold any."""
    depths = control.broker.depth(names)
    return {
        name: depth.ready + depth.unacked
        for name, depth in sorted(depths.items())
        if depth.ready + depth.unacked
    }


def find(control: Control, word: str, *, dead: bool = False) -> str:
    """Return the queue that a word means: its full name, a socket, or a plug.

    With `dead`, or where the word ends so, the dead letters of the socket are meant.

    Raises:
        NotFound: it means none.
        InvalidInput: it means several, in different networks.
    """
    rows = rows_of(control, "")
    network, _, name = word.rpartition("/")
    network = network or control.settings.network
    dead = dead or name.endswith(DEAD)
    role, owner = "dead" if dead else "", name.removesuffix(DEAD)
    exact = [row.name for row in rows if row.name == name and _is_role(row, role)]
    owned = [
        row.name
        for row in rows
        if row.owner == owner and (not network or row.network == network) and _is_role(row, role)
    ]
    if not (exact or owned) and "." in word and control.broker.depth([word]):
        return word  # its socket or plug is gone, but it is there, and so is what waits in it
    return _only(exact or owned, word, [row.name for row in rows])


def _is_role(row: QueueRow, role: str) -> bool:
    return row.role == role if role else row.role != "dead"


def _only(found: Sequence[str], word: str, known: Sequence[str]) -> str:
    if not found:
        raise NotFound("queue", word, near=nearest(word, known), remedy="flowctl ls queues")
    if len(set(found)) > 1:
        raise InvalidInput(f'"{word}" is {", ".join(sorted(found))}', remedy="write the full name")
    return found[0]


def peek(control: Control, queue: str, *, limit: int = 50, offset: int = 0) -> list[Message]:
    """Return what waits in a queue, oldest first, and leave it there.

    A queue that nobody has used yet holds nothing.
    """
    try:
        return control.broker.peek(queue, limit=limit, offset=offset)
    except NotFound:
        return []


def declare(control: Control, specs: Sequence[QueueSpec]) -> str:
    """Make sure that queues are there; return what is other than wanted.

    A queue whose limits changed serves as it is: the scheduler replaces it, when nobody uses it.
    """
    try:
        control.broker.declare(specs)
    except QueueMismatch as error:
        return error.message
    return ""


def ensure(control: Control, names: Iterable[str]) -> None:
    """Make sure that those of these queues that the model has are there."""
    flows, wanted = control.store.flows, set(names)
    specs = specs_of(flows.sockets(), flows.plugs())
    declare(control, [spec for spec in specs if spec.name in wanted])


def purge(control: Control, queue: str, *, for_good: bool = False, told: Told = unheard) -> int:
    """Move everything that waits in a queue to the trash and return how much it was.

    `for_good` deletes it at once. Where much waits, `told` hears how far it is.
    """
    control.may_write()
    ensure(control, [queue])
    command = f"flowctl queue purge {queue}"
    if not for_good:
        return trash.throw(control, queue, command, told=told)
    count = control.broker.purge(queue)
    said = f"{plural(count, 'message')} deleted for good"
    journal.note(control, "purge", f"{command} --for-good", (f"queue/{queue}",), said)
    return count


def remove(control: Control, queue: str, ids: Sequence[str], *, for_good: bool = False) -> int:
    """Move single messages, by id or its beginning, to the trash; return how many were there.

    `for_good` deletes them at once.
    """
    control.may_write()
    named = full_ids(control, queue, ids)
    command = f"flowctl queue rm {queue} {' '.join(ids)}"
    if not for_good:
        return trash.throw(control, queue, command, named)
    count = sum(control.broker.remove(queue, name) for name in named)
    said = f"{plural(count, 'message')} deleted for good"
    journal.note(control, "remove", f"{command} --for-good", (f"queue/{queue}",), said)
    return count


def retry(control: Control, queue: str, ids: Sequence[str], *, limit: int = 0) -> dict[str, int]:
    """Send dead letters back to the queues they came from; return how many went to each.

    All go, or the first `limit`, or those with these ids.
    """
    control.may_write()
    wanted = set(full_ids(control, queue, ids))
    origins: dict[str, list[str]] = {}
    for message in everything(control, queue, limit):
        if not wanted or message.id in wanted:
            home = message.origin or queue.removesuffix(DEAD)
            origins.setdefault(home, []).append(message.id)
    ensure(control, origins)
    sent = {home: send_again(control, queue, home, found) for home, found in origins.items()}
    said = f"{plural(sum(sent.values()), 'message')} back to {', '.join(sent) or 'nowhere'}"
    command = " ".join(["flowctl queue retry", queue, *ids])
    journal.note(control, "retry", command, (f"queue/{queue}",), said)
    return sent


def move(control: Control, source: str, target: str, ids: Sequence[str], *, limit: int = 0) -> int:
    """Move messages from one queue to another and return how many.

    What moves from one living queue to another can be undone while it is there, up to `MOST_KNOWN`.
    """
    control.may_write()
    if source == target:
        raise InvalidInput("source and target are the same queue")
    named = full_ids(control, source, ids) or None
    ensure(control, [source, target])
    command = " ".join(["flowctl queue move", source, target, *ids])
    known = named or _few(control, source, limit)
    if source.endswith(DEAD) or not known:
        count = _moved(control, source, target, named, limit)
        what = tuple(f"queue/{name}" for name in (source, target))
        journal.note(control, "move", command, what, f"{plural(count, 'message')} moved")
        return count
    shift = Shift(source=source, target=target, ids=tuple(known))
    number = journal.begin(control, "move", command, shift) if control.author else 0
    count = control.broker.move(source, target, ids=known)
    control.store.journal.settle(number, f"{plural(count, 'message')} moved to {target}")
    return count


def _few(control: Control, queue: str, limit: int) -> list[str]:
    """Return the ids of what would move, where a person asks and it is little enough to remember."""
    waits = control.broker.depth([queue])
    ready = waits[queue].ready if queue in waits else 0
    if control.author is None or min(ready, limit or ready) > MOST_KNOWN:
        return []
    return [message.id for message in everything(control, queue, limit)]


def _moved(control: Control, source: str, target: str, named: list[str] | None, limit: int) -> int:
    if source.endswith(DEAD):
        chosen = named or [message.id for message in everything(control, source, limit)]
        return send_again(control, source, target, chosen)
    if named is None and not limit:
        return move_all(control, source, target)
    return control.broker.move(source, target, ids=named, limit=limit)


def send_again(control: Control, dead: str, target: str, ids: Sequence[str]) -> int:
    """Send dead letters to a queue and return how many."""
    # First the record, then the message: the outcome of a call that has failed would not count.
    control.store.traffic.reopen(ids)
    return control.broker.move(dead, target, ids=ids)


def everything(control: Control, queue: str, limit: int = 0) -> list[Message]:
    """Return all that waits in a queue, oldest first, or the first `limit`."""
    found: list[Message] = []
    while page := peek(control, queue, limit=500, offset=len(found)):
        found += page
        if limit and len(found) >= limit:
            return found[:limit]
    return found


def full_ids(control: Control, queue: str, ids: Sequence[str]) -> list[str]:
    """Return the whole ids of the messages in a queue that begin with these.

    Raises:
        NotFound: no message there begins so.
    """
    if not ids:
        return []
    present = [message.id for message in everything(control, queue, 0)]
    found: list[str] = []
    for wanted in ids:
        matches = [name for name in present if name.startswith(wanted)]
        if not matches:
            raise NotFound("message", wanted, remedy=f"flowctl queue peek {queue}")
        if len(matches) > 1:
            raise InvalidInput(f"{len(matches)} messages begin with {wanted}")
        found += matches
    return found


def delete_all(control: Control, names: Iterable[str]) -> int:
    """Delete queues and return how many there were; what waits in them goes to the trash."""
    control.may_write()
    names = list(names)
    for name in waiting(control, names):
        trash.throw(control, name, f"flowctl queue purge {name}")
    return sum(control.broker.delete(name, if_empty=False) for name in names)
