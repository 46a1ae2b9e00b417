"""Canvases: checked, sent as one durable thing, ended.

Whoever sends one writes the tree and its first messages in one transaction, so that it goes on
whatever becomes of the sender: what was not published, the scheduler sends from the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs

from flowctl.errors import BrokerUnavailable, InvalidInput, PublishFailed
from flowctl.model.canvas import (
    DEEPEST,
    Canvas,
    Follow,
    Funnel,
    Launch,
    Node,
    Parallel,
    Pipeline,
    Segment,
    Step,
    name_of,
    nodes,
)
from flowctl.model.flow import Socket
from flowctl.model.ids import CallId, RunId, keyed_call_id, new_id
from flowctl.model.inputs import keep
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Call, Finished, Outgoing
from flowctl.recipe import expression
from flowctl.services import calls, names, queues, sockets
from flowctl.services.calls import Payload
from flowctl.services.control import Control

MOST_NODES = 100_000
"""Nodes of one tree; a segment makes more calls of less."""


class Begun(Struct, frozen=True):
    """Canvases that are ready to be sent."""

    items: tuple[Finished, ...]
    sockets: tuple[Socket, ...]
    """What they call."""

    def ids(self) -> list[CallId]:
        """Return the calls that stand for the whole of each."""
        return [each.call.id for each in self.items]


def send(
    control: Control,
    program: Node,
    payloads: Sequence[Payload],
    *,
    network: str = "",
    key: str = "",
) -> list[CallId]:
    """Send each payload through a canvas; returned are the calls that stand for the whole of each.

    They are durable when this returns, whatever becomes of this process. With `key` a repeat of the
    same send is recognised and runs once.

    Raises:
        InvalidInput: the tree cannot be, or it is too large.
        NotFound: there is no such socket.
    """
    begun = prepare(control, program, payloads, network=network, key=key)
    start(control, begun)
    return begun.ids()


def prepare(
    control: Control,
    program: Node,
    payloads: Sequence[Payload],
    *,
    network: str = "",
    key: str = "",
    reply_to: str = "",
) -> Begun:
    """Return a canvas for each payload; what comes of them is told to `reply_to`.

    Raises:
        InvalidInput: the tree cannot be, or it is too large.
        NotFound: there is no such socket.
    """
    program, home, known = resolved(control, whole(program), network)
    now = control.clock.now()
    made = [
        _begun(program, payload, CallId(_id(home, key, index)), home, now, reply_to)
        for index, payload in enumerate(payloads)
    ]
    return Begun(tuple(made), tuple(known))


def start(control: Control, begun: Begun) -> Follow:
    """Send canvases; they are durable when this returns."""
    control.may_write()
    follow = control.store.traffic.conclude(begun.items)
    _publish(control, [each for more in follow.values() for each in more], begun.sockets)
    return follow


def _id(network: str, key: str, index: int) -> str:
    if not key:
        return new_id()
    return keyed_call_id(f"{network}.canvas", f"{key}#{index}" if index else key)


def _begun(
    program: Node, payload: Payload, id_: CallId, network: str, now: datetime, reply_to: str
) -> Finished:
    canvas = Canvas(
        id=id_,
        run_id=id_,
        network=network,
        program=program,
        name=name_of(program),
        reply_to=reply_to,
    )
    root = Call(
        id=id_,
        run_id=RunId(id_),
        parent="",
        network=network,
        socket=name_of(program),
        plug="",
        argument="",
        status=CallStatus.WAITING,
        attempt=1,
        worker="",
        agent="",
        sent_at=now,
        received_at=now,
        started_at=now,
        finished_at=None,
        duration=None,
        outputs=0,
    )
    launch = Launch(canvas=canvas, body=payload.body, content_type=payload.content_type)
    return Finished(call=root, launch=launch, given=keep(payload.content_type, payload.body))


def _publish(control: Control, outgoing: Sequence[Outgoing], known: Sequence[Socket]) -> None:
    """Publish what is on record already; what cannot go now goes from the outbox later."""
    for start in range(0, len(outgoing), calls.BATCH):
        some = outgoing[start : start + calls.BATCH]
        refused = _refused(control, some)
        if "unroutable" in refused.values():
            # Nobody has used the queue yet. It is made only now, as it nearly always is there.
            queues.declare(control, [each for one in known for each in queues.socket_specs(one)])
            refused = _refused(control, some)
        control.store.traffic.sent([each for each in some if each.message.id not in refused])


def _refused(control: Control, outgoing: Sequence[Outgoing]) -> dict[str, str]:
    try:
        control.broker.publish(outgoing, timeout=calls.PATIENCE)
    except PublishFailed as error:
        return error.reasons
    except BrokerUnavailable as error:
        return {each.message.id: str(error) for each in outgoing}
    return {}


def written(text: str) -> Node | None:
    """Return the canvas that a text writes, or None where it is the name of a socket.

    Raises:
        InvalidInput: it is neither; the message says where.
    """
    return expression.read(text) if expression.is_expression(text) else None


def read(text: str) -> Node:
    """Return the canvas that a text writes.

    Raises:
        InvalidInput: it writes none; the message says where.
    """
    return expression.read(text)


def whole(program: Node) -> Node:
    """Return a tree whose root is a pattern: a single step is a pipeline of one."""
    return Pipeline(steps=(program,)) if isinstance(program, Step) else program


def resolved(control: Control, program: Node, network: str = "") -> tuple[Node, str, list[Socket]]:
    """Return a tree whose sockets are there, the network it is at home in, and those sockets.

    Raises:
        InvalidInput: it is too deep or too large, or a segment has no size.
        NotFound: there is no such socket.
    """
    check(program)
    wanted = {node.socket for _, node in nodes(program) if isinstance(node, Step)}
    found = {name: sockets.find(control, _address(name, network)) for name in sorted(wanted)}
    homes = {each.network for each in found.values()}
    home = network or (homes.pop() if len(homes) == 1 else names.the_network(control))
    named = {
        name: each.name if each.network == home else f"{each.network}/{each.name}"
        for name, each in found.items()
    }
    return renamed(program, named), home, list(found.values())


def _address(name: str, network: str) -> str:
    return f"{network}/{name}" if network and "/" not in name else name


def check(program: Node) -> None:
    """Refuse a tree that cannot be.

    Raises:
        InvalidInput: it is too deep or too large, or a segment has no size.
    """
    for count, (depth, node) in enumerate(nodes(program)):
        if depth > DEEPEST:
            raise InvalidInput(f"this canvas is more than {DEEPEST} patterns deep")
        if count >= MOST_NODES:
            raise InvalidInput(
                f"this canvas has more than {MOST_NODES:,} steps",
                remedy="a segment makes many calls of one step",
            )
        if isinstance(node, Segment) and node.size < 1:
            raise InvalidInput(f"a segment of {node.size} cuts nothing", remedy="at least 1")


def renamed(program: Node, names_: dict[str, str]) -> Node:
    """Return the same tree with other names for its sockets."""
    if isinstance(program, Step):
        return structs.replace(program, socket=names_.get(program.socket, program.socket))
    if isinstance(program, Pipeline):
        return structs.replace(program, steps=_renamed(program.steps, names_))
    if isinstance(program, Parallel):
        return structs.replace(program, branches=_renamed(program.branches, names_))
    if isinstance(program, Funnel):
        branches, final = _renamed(program.branches, names_), renamed(program.final, names_)
        return structs.replace(program, branches=branches, final=final)
    return structs.replace(program, step=renamed(program.step, names_))


def _renamed(nodes_: tuple[Node, ...], names_: dict[str, str]) -> tuple[Node, ...]:
    return tuple(renamed(node, names_) for node in nodes_)
