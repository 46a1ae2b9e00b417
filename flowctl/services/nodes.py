"""Gates and data: what a person does with the processors that have a type."""

from __future__ import annotations

from collections.abc import Sequence

from flowctl.errors import InvalidInput, NotFound
from flowctl.model.flow import Processor, Socket, SocketSpec, SourceKind
from flowctl.model.ids import CallId
from flowctl.model.nodes import Inline, ProcessorType
from flowctl.services import calls, edits, processors, queues
from flowctl.services.control import Control
from flowctl.views.kinds import nearest
from flowctl.views.nodes import DataRow, GateRow

NULL = calls.Payload(body=b"null")


def set_gate(control: Control, address: str, *, closed: bool) -> Processor:
    """Close a gate, so that what comes waits on its queues, or open it.

    Raises:
        Refused: the processor is no gate.
    """
    control.may_write()
    found = processors.find(control, address)
    return control.store.flows.set_gate(found.network, found.name, closed=closed)


def gates(control: Control, network: str = "") -> list[GateRow]:
    """Return the gates of a network, or of all, with what waits before each."""
    found = [p for p in processors.listed(control, network) if p.spec.type is ProcessorType.GATE]
    entries = {gate.id: _entries(control, gate) for gate in found}
    held = queues.waiting(control, [name for names in entries.values() for name in names])
    return [
        GateRow(
            name=gate.name,
            network=gate.network,
            gate="closed" if gate.closed else "open",
            waiting=sum(held.get(name, 0) for name in entries[gate.id]),
            status=gate.status,
        )
        for gate in found
    ]


def _entries(control: Control, gate: Processor) -> list[str]:
    flows, prefix = control.store.flows, f"{gate.name}."
    direct = [socket.queue for socket in flows.sockets(gate.network, gate.name)]
    plugs = flows.plugs(gate.network)
    return direct + [plug.queue for plug in plugs if plug.spec.target.startswith(prefix)]


def emit(control: Control, address: str, name: str = "") -> list[CallId]:
    """Have a data processor send one of its objects, or all; return the ids of the calls.

    Raises:
        InvalidInput: the processor is no data.
        NotFound: it has no socket of that name.
    """
    found = _data(control, address)
    sockets = control.store.flows.sockets(found.network, found.name)
    chosen = [socket for socket in sockets if name in ("", socket.spec.name, socket.name)]
    if not chosen:
        known = [socket.spec.name for socket in sockets]
        raise NotFound("socket", name, near=nearest(name, known))
    return [call for socket in chosen for call in calls.send(control, socket, [NULL])]


def objects(control: Control, address: str) -> list[DataRow]:
    """Return the objects of a data processor, and those of its module that have no socket yet."""
    found = _data(control, address)
    sockets = control.store.flows.sockets(found.network, found.name)
    taken = {socket.spec.task for socket in sockets}
    rows = [DataRow(_object_of(socket), socket.name) for socket in sockets]
    return rows + [DataRow(name, "") for name in _assigned(found) if name not in taken]


def _object_of(socket: Socket) -> str:
    return str(socket.spec.inline.kind) if socket.spec.inline else socket.spec.task


def _assigned(found: Processor) -> Sequence[str]:
    from flowctl.recipe.functions import SyntaxProblem, assigned
    from flowctl.recipe.tasks import text_of
    from flowctl.services.recipes import source_text

    text = text_of(found.spec.source, source_text)
    if text is None or found.spec.source.kind is SourceKind.COMMAND:
        return ()
    try:
        return assigned(text[0])
    except SyntaxProblem:
        return ()


def add_object(
    control: Control, address: str, name: str, *, task: str = "", inline: Inline | None = None
) -> str:
    """Give a data processor another object to send, and return the name of its socket.

    Raises:
        InvalidInput: the processor is no data.
        RecipeError: its module has no such object.
    """
    found = _data(control, address)
    spec = SocketSpec(name=name, task="" if inline else task or name, inline=inline)
    change = edits.with_socket(found.name, spec)
    edits.carry_out(control, edits.edit(control, found.network, change))
    return f"{found.name}.{name}"


def _data(control: Control, address: str) -> Processor:
    found = processors.find(control, address)
    if found.spec.type is not ProcessorType.DATA:
        raise InvalidInput(
            f"{found.name} is a {found.spec.type}, not data", remedy="`type: data` in its recipe"
        )
    return found
