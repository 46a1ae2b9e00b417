"""The actions that change something, each one call of a service and one exact command.

Only these keys change anything: A B C D K M P Q R S X + - (ux.md 5.1). What is staged with + and -
changes nothing before Enter.
"""

from __future__ import annotations

from collections.abc import Callable

from flowctl.model.states import Desired
from flowctl.services import calls, edits, fleet, networks, plugs, processors, queues, sockets
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Danger, Deed, Group
from flowctl.tui.targets import Target, line
from flowctl.views.text import plural

Act = Callable[[Control, Target, str], str]


def _request(wanted: Desired, done: str) -> Act:
    def act(control: Control, target: Target, _argument: str) -> str:
        processors.request(control, target.address, wanted)
        return f"{target.address} {done}"

    return act


def _restart(control: Control, target: Target, _argument: str) -> str:
    processors.restart(control, target.address)
    return f"{target.address} is asked to restart"


def _scale(control: Control, target: Target, argument: str) -> str:
    found = processors.scale(control, target.address, argument)
    return f"{target.address} scaled to {plural(found.spec.cpus, 'cpu')}"


def _queue(control: Control, target: Target) -> str:
    """Return the queue that is meant: itself, or that of a plug or socket."""
    return target.name if target.kind == "queue" else queues.find(control, target.address)


def _purge(control: Control, target: Target, _argument: str) -> str:
    count = queues.purge(control, _queue(control, target))
    return f"{target.name}: {plural(count, 'message')} removed"


def _requeue(control: Control, target: Target, _argument: str) -> str:
    word = target.name if target.kind == "queue" else target.address
    name = queues.find(control, word, dead=True)
    moved = queues.retry(control, name, [])
    return f"{name}: {plural(sum(moved.values()), 'message')} sent back"


def _move(control: Control, target: Target, argument: str) -> str:
    goal = queues.find(control, argument)
    count = queues.move(control, _queue(control, target), goal, [])
    return f"{target.name}: {plural(count, 'message')} moved to {goal}"


def _agent(wanted: Desired, done: str) -> Act:
    def act(control: Control, target: Target, _argument: str) -> str:
        fleet.request_agent(control, target.name, wanted)
        return f"agent {target.name} {done}"

    return act


def _forget(control: Control, target: Target, _argument: str) -> str:
    fleet.remove_agent(control, target.name)
    return f"agent {target.name} forgotten"


def _delete_network(control: Control, target: Target, _argument: str) -> str:
    networks.delete(control, target.name)
    return f"network {target.name} deleted"


def _delete(edit_of: Callable[[Control, Target], tuple[str, edits.Edit]]) -> Act:
    def act(control: Control, target: Target, _argument: str) -> str:
        network, edit = edit_of(control, target)
        edits.carry_out(control, edits.edit(control, network, edit))
        return f"{target.kind} {target.address} deleted"

    return act


def _processor(control: Control, target: Target) -> tuple[str, edits.Edit]:
    found = processors.find(control, target.address)
    return found.network, edits.without_processor(found.name)


def _socket(control: Control, target: Target) -> tuple[str, edits.Edit]:
    found = sockets.find(control, target.address)
    return found.network, edits.without_socket(found.name)


def _plug(control: Control, target: Target) -> tuple[str, edits.Edit]:
    found = plugs.find(control, target.address)
    return found.network, edits.without_plug(found.name)


def _cancel(control: Control, target: Target, _argument: str) -> str:
    calls.cancel(control, target.name)
    return f"call {target.name} is asked to end"


def _verb(*words: str) -> Callable[[Target, str], str]:
    """Return the command `flowctl WORDS ADDRESS`."""
    return lambda target, _argument: line("flowctl", *words, target.address)


def _verb_yes(*words: str) -> Callable[[Target, str], str]:
    """Return the command `flowctl WORDS ADDRESS -y`, for what asks on a terminal."""
    return lambda target, _argument: line("flowctl", *words, target.address, "-y")


def _deletion(target: Target, _argument: str) -> str:
    scope = ["-n", target.network] if target.address != target.name else []
    return line("flowctl", "delete", target.kind, target.name, *scope, "-y")


def _wanted(*wanted: str) -> Callable[[Target], bool]:
    return lambda target: str(target.document.get("requested_status", "")) in wanted


def _held(target: Target) -> str:
    ready = target.document.get("ready")
    return "" if ready is None else f"{plural(int(ready), 'message')} wait there"


_PROCESSOR, _AGENT = frozenset({"processor"}), frozenset({"agent"})
_QUEUE = frozenset({"queue", "plug", "socket"})
"""What has a queue: what waits there is meant."""

CHANGES = (
    Action(
        "stage.more", ("+",), "stage one cpu more; Enter applies", Group.CHANGE, "object",
        _PROCESSOR, does="do_stage:1",
    ),
    Action(
        "stage.less", ("-",), "stage one cpu less; Enter applies", Group.CHANGE, "object",
        _PROCESSOR, does="do_stage:-1",
    ),
    Action(
        "processor.scale", ("S",), "scale to a number of cpus", Group.CHANGE, "object",
        _PROCESSOR, Danger.MILD,
        deed=Deed(
            lambda target, amount: line("flowctl", "scale", f"{target.address}={amount}"),
            _scale, "scale", argument="cpus (4, +2, -1)",
        ),
    ),
    Action(
        "processor.pause", ("P",), "pause: keep the workers, take no calls", Group.CHANGE, "object",
        _PROCESSOR, Danger.MILD, when=_wanted("running"),
        deed=Deed(
            _verb("pause"), _request(Desired.PAUSED, "paused"), "pause",
            inverse="processor.resume",
        ),
    ),
    Action(
        "processor.resume", ("P",), "resume: take calls again", Group.CHANGE, "object",
        _PROCESSOR, Danger.MILD, when=_wanted("paused", "stopped"),
        deed=Deed(
            _verb("resume"), _request(Desired.RUNNING, "resumed"), "resume",
            inverse="processor.pause",
        ),
    ),
    Action(
        "processor.restart", ("R",), "restart: new workers, what runs is finished", Group.CHANGE,
        "object", _PROCESSOR, Danger.MODERATE,
        deed=Deed(_verb("restart"), _restart, "restart"),
    ),
    Action(
        "processor.stop", ("K",), "stop: end the workers, queues keep what arrives", Group.CHANGE,
        "object", _PROCESSOR, Danger.MODERATE,
        deed=Deed(
            _verb("stop"), _request(Desired.STOPPED, "stopped"), "stop",
            inverse="processor.resume",
        ),
    ),
    Action(
        "processor.delete", ("D",), "delete, with its sockets and plugs", Group.CHANGE, "object",
        _PROCESSOR, Danger.SEVERE, deed=Deed(_deletion, _delete(_processor), "delete"),
    ),
    Action(
        "socket.delete", ("D",), "delete, with the plugs at it", Group.CHANGE, "object",
        frozenset({"socket"}), Danger.SEVERE, deed=Deed(_deletion, _delete(_socket), "delete"),
    ),
    Action(
        "plug.delete", ("D",), "delete the plug", Group.CHANGE, "object",
        frozenset({"plug"}), Danger.MODERATE, deed=Deed(_deletion, _delete(_plug), "delete"),
    ),
    Action(
        "network.delete", ("D",), "delete, with everything in it", Group.CHANGE, "object",
        frozenset({"network"}), Danger.SEVERE, deed=Deed(_deletion, _delete_network, "delete"),
    ),
    Action(
        "queue.purge", ("X",), "purge: what waits goes to the trash", Group.CHANGE, "object",
        _QUEUE, Danger.MODERATE,
        deed=Deed(_verb_yes("queue", "purge"), _purge, "purge", warning=_held),
    ),
    Action(
        "queue.requeue", ("Q",), "send its dead letters back", Group.CHANGE, "object",
        frozenset({"queue", "socket"}), Danger.MODERATE,
        deed=Deed(_verb("queue", "retry"), _requeue, "requeue", warning=_held),
    ),
    Action(
        "queue.move", ("M",), "move what waits to another queue", Group.CHANGE, "object",
        _QUEUE, Danger.MODERATE,
        deed=Deed(
            lambda target, goal: line("flowctl", "queue", "move", target.address, goal),
            _move, "move", argument="to queue", warning=_held,
        ),
    ),
    Action(
        "agent.drain", ("C",), "drain: keep what it has, take nothing new", Group.CHANGE, "object",
        _AGENT, Danger.MILD, when=_wanted("running"),
        deed=Deed(
            _verb("agent", "drain"), _agent(Desired.PAUSED, "takes nothing new"), "drain",
            inverse="agent.resume",
        ),
    ),
    Action(
        "agent.resume", ("C",), "resume: take work again", Group.CHANGE, "object",
        _AGENT, Danger.MILD, when=_wanted("paused", "stopped"),
        deed=Deed(
            _verb("agent", "resume"), _agent(Desired.RUNNING, "takes work again"), "resume",
            inverse="agent.drain",
        ),
    ),
    Action(
        "agent.stop", ("K",), "stop: end it and its workers", Group.CHANGE, "object",
        _AGENT, Danger.SEVERE,
        deed=Deed(
            _verb("agent", "stop"), _agent(Desired.STOPPED, "is asked to end"), "stop",
            inverse="agent.resume",
        ),
    ),
    Action(
        "agent.forget", ("D",), "forget an agent that is gone", Group.CHANGE, "object",
        _AGENT, Danger.SEVERE, deed=Deed(_verb_yes("agent", "rm"), _forget, "forget"),
    ),
    Action(
        "call.cancel", ("K",), "end the call", Group.CHANGE, "object",
        frozenset({"call"}), Danger.MODERATE, deed=Deed(_verb("cancel"), _cancel, "cancel"),
    ),
)  # fmt: skip
