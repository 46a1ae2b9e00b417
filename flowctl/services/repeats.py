"""Running calls once more: a replay is a new run that names the old one, a retry belongs to the same run.

A failure whose message lies in the dead letters comes back as the same call; one that an ERROR plug
took (or whose dead letter is gone) is run again as a new call of the same run, from the input on
its record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from flowctl.errors import Refused
from flowctl.model.flow import Socket
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.inputs import ARGUMENTS, Input
from flowctl.model.naming import dead_queue
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Call, Event, Message, Outgoing
from flowctl.model.work import CallFilter
from flowctl.services import queues
from flowctl.services.calls import Payload
from flowctl.services.control import Control
from flowctl.services.names import scope

_PAGE = 500


class Repeat(Struct, frozen=True, kw_only=True):
    """A call that runs once more."""

    old: Call
    id: CallId
    """The call that runs now: the old one itself where its dead letter went back."""
    run_id: RunId

    @property
    def is_same(self) -> bool:
        """Whether the old call itself comes again."""
        return self.id == self.old.id


class Choice(Struct, frozen=True, kw_only=True):
    """Which failures are meant; empty means any."""

    names: tuple[str, ...] = ()
    """Ids of calls, or how they begin."""
    processor: str = ""
    socket: str = ""
    type: str = ""
    """The name of the exception."""
    filter: CallFilter = CallFilter()


def failures(control: Control, which: Choice) -> list[Call]:
    """Return the failed calls that are meant, newest first.

    Raises:
        NotFound: a name means no call.
        Refused: a call that was named did not fail.
    """
    if which.names:
        return [_failed(control.store.traffic.call(name)) for name in which.names]
    wanted = structs.replace(
        which.filter,
        network=which.filter.network or scope(control),
        processor=which.processor,
        socket=which.socket,
        status=(CallStatus.FAILED,),
        text=which.type,
    )
    found: list[Call] = []
    while True:
        some = structs.replace(wanted, offset=len(found), limit=_PAGE, most=0)
        page, _ = control.store.traffic.calls(some)
        found += page
        if len(page) < _PAGE or len(found) >= wanted.limit:
            break
    mine = [call for call in found if not which.type or _type(call) == which.type]
    return mine[: wanted.limit]


def _type(call: Call) -> str:
    return call.failure.type if call.failure else ""


def _failed(call: Call) -> Call:
    if call.status is not CallStatus.FAILED:
        raise Refused(
            f"call {call.id} is {call.status}, it did not fail",
            remedy=f"flowctl replay {call.id} runs it again as a new run",
        )
    return call


def given(control: Control, call: Call) -> Input:
    """Return what a call was given.

    Raises:
        Refused: its record does not keep it, and says why.
    """
    found = control.store.traffic.input(call.id)
    if found is not None:
        return found
    if call.status is CallStatus.JOINED:
        raise Refused(f"the value of {call.id} went into another call", remedy="replay that one")
    if call.status not in TERMINAL:
        raise Refused(f"call {call.id} is {call.status}", remedy="wait until it has ended")
    raise Refused(
        f"the input of {call.id} is not on record: it is over 64 KiB, or a join of bytes",
        remedy="give it with --input",
    )


def replay(control: Control, name: str, edited: Payload | None = None) -> Repeat:
    """Run a call again, with the same input or another, as a new run that names the old call.

    Raises:
        NotFound: there is no such call, or its socket is gone.
        Refused: its input is not on record, or it is a canvas that no recipe holds.
    """
    control.may_write()
    old = control.store.traffic.call(name)
    if _is_pattern(old):
        raise _no_tree(old)
    socket = control.store.flows.socket(old.socket, old.network)
    call_id = CallId(new_id())
    message = _afresh(control, old, call_id, RunId(call_id), edited)
    _send(control, socket, message)
    _note(control, old, "replayed", f"as {call_id}")
    return Repeat(old=old, id=call_id, run_id=message.run_id)


def retry(control: Control, calls: Sequence[Call], edited: Payload | None = None) -> list[Repeat]:
    """Run failed calls again, all with the input that is given here, or each with its own.

    Raises:
        Refused: the input of one is neither in the dead letters nor on record; those before it run.
            Or all are canvases that no recipe holds: these go on by a retry of their steps.
    """
    control.may_write()
    if calls and all(_is_pattern(call) for call in calls):
        raise _no_tree(calls[0])
    found: list[Repeat] = []
    for socket, some in _by_socket(control, calls):
        dead = dead_queue(socket.queue)
        letters = _letters(control, dead)
        chosen = {call.id: call for call in some}
        held = [chosen[CallId(name)] for name in letters if name in chosen]
        if edited is None:
            _return_all(control, dead, [letters[call.id] for call in held])
        else:
            for call in held:
                _return_edited(control, socket, call, letters[call.id], edited)
        found += [Repeat(old=call, id=call.id, run_id=call.run_id) for call in held]
        rest = [call for call in reversed(some) if call.id not in letters]
        found += [_once_more(control, socket, call, edited) for call in rest]
    return found


def remove(control: Control, calls: Sequence[Call]) -> int:
    """Forget failed calls, with their dead letters, and return how many."""
    control.may_write()
    for socket, some in _by_socket(control, calls):
        dead = dead_queue(socket.queue)
        letters = _letters(control, dead)
        for call in some:
            if call.id in letters:
                control.broker.remove(dead, call.id)
    return sum(
        control.store.traffic.delete_calls(CallFilter(text=call.id, run_id=call.run_id))
        for call in calls
    )


def of_run(control: Control, calls: Sequence[Call]) -> list[Call]:
    """Return the calls that ran one of these again."""
    return control.store.traffic.replays([call.id for call in calls])


def _is_pattern(call: Call) -> bool:
    """Tell whether a call stands for a pattern of a canvas, and is no call of a socket."""
    return "." not in call.socket


def _no_tree(call: Call) -> Refused:
    return Refused(
        f"call {call.id} is a canvas ({call.socket}) that no recipe holds: what it called goes when it ends",
        remedy="send the canvas again, or replay or retry a step of it: flowctl trace " + call.id,
    )


def _by_socket(control: Control, calls: Iterable[Call]) -> list[tuple[Socket, list[Call]]]:
    grouped: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        if not _is_pattern(call):
            grouped.setdefault((call.network, call.socket), []).append(call)
    flows = control.store.flows
    return [(flows.socket(name, network), some) for (network, name), some in grouped.items()]


def _letters(control: Control, dead: str) -> dict[str, Message]:
    """Return the dead letters of a socket, by id; a socket that never had any has no such queue."""
    found: dict[str, Message] = {}
    offset = 0
    while page := queues.peek(control, dead, limit=_PAGE, offset=offset):
        found |= {message.id: message for message in page}
        offset += len(page)
    return found


def _return_all(control: Control, dead: str, letters: Sequence[Message]) -> None:
    homes: dict[str, list[str]] = {}
    for letter in letters:
        homes.setdefault(letter.origin or dead.removesuffix(".dead"), []).append(letter.id)
    queues.ensure(control, homes)
    for home, ids in homes.items():
        queues.send_again(control, dead, home, ids)


def _return_edited(
    control: Control, socket: Socket, call: Call, letter: Message, edited: Payload
) -> None:
    """Send a dead letter back with another input; whoever gets it twice looks at the record first."""
    message = structs.replace(
        letter,
        body=edited.body,
        content_type=_type_of(control, call, edited),
        argument="",
        reason="",
        origin="",
        again=True,
    )
    control.store.traffic.reopen([call.id])
    _send(control, socket, message)
    control.broker.remove(dead_queue(socket.queue), call.id)


def _once_more(control: Control, socket: Socket, old: Call, edited: Payload | None) -> Repeat:
    call_id = CallId(new_id())
    message = _afresh(control, old, call_id, old.run_id, edited)
    message = structs.replace(message, parent=old.parent, plug=old.plug)
    _send(control, socket, message)
    _note(control, old, "sent again", f"as {call_id}")
    return Repeat(old=old, id=call_id, run_id=old.run_id)


def _afresh(
    control: Control, old: Call, call_id: CallId, run_id: RunId, edited: Payload | None
) -> Message:
    if edited is None:
        found = given(control, old)
        body, content_type = found.body, found.content_type
    else:
        body, content_type = edited.body, _type_of(control, old, edited)
    return Message(
        id=call_id,
        run_id=run_id,
        body=body,
        content_type=content_type,
        replays=old.id,
        sent_at=control.clock.now(),
    )


def _type_of(control: Control, call: Call, edited: Payload) -> str:
    """Return the content type of an edited input: of a join it names arguments, as before."""
    before = control.store.traffic.input(call.id)
    joined = before is not None and before.content_type == ARGUMENTS
    return ARGUMENTS if joined else edited.content_type


def _send(control: Control, socket: Socket, message: Message) -> None:
    queues.declare(control, queues.socket_specs(socket))
    control.broker.publish([Outgoing(queue=socket.queue, message=message)])


def _note(control: Control, call: Call, action: str, note: str) -> None:
    event = Event(
        id=0, at=control.clock.now(), kind="call", object=call.id, action=action, note=note,
        network=call.network, run_id=call.run_id,
    )  # fmt: skip
    control.store.events.add([event])
