"""Processors: find, start, stop, pause, resume, restart, scale, change."""

from __future__ import annotations

import msgspec

from flowctl.errors import InvalidInput
from flowctl.model.flow import Processor, ProcessorSpec
from flowctl.model.states import Desired
from flowctl.services import journal
from flowctl.services.control import Control
from flowctl.services.names import scope, split

MOST_CPUS = 100_000
"""A request above this is a slip of the finger."""


def find(control: Control, address: str) -> Processor:
    """Return the processor with this address.

    Raises:
        NotFound: there is none; the message offers the nearest name.
        InvalidInput: several networks have one of this name.
    """
    network, name = split(control, address)
    return control.store.flows.processor(name, network)


def listed(control: Control, network: str = "") -> list[Processor]:
    """Return the processors of a network, or of all."""
    return list(control.store.flows.processors(scope(control, network)))


def request(control: Control, address: str, wanted: Desired) -> Processor:
    """Ask that a processor and its deployments be running, paused, stopped or removed.

    Raises:
        Refused: it may not go there from where it is.
    """
    control.may_write()
    found = find(control, address)
    verb = _VERBS[wanted]
    return journal.on_network(
        control,
        found.network,
        verb,
        f"flowctl {verb} {found.network}/{found.name}",
        lambda: control.store.flows.request(found.network, found.name, wanted),
    )


def restart(control: Control, address: str) -> Processor:
    """Ask for new workers; what runs is finished first."""
    control.may_write()
    found = find(control, address)
    return journal.on_network(
        control,
        found.network,
        "restart",
        f"flowctl restart {found.network}/{found.name}",
        lambda: control.store.flows.restart(found.network, found.name),
        always=f"processor/{found.name}",
    )


def scale(control: Control, address: str, amount: str) -> Processor:
    """Change the cpus of a processor to `N`, or by `+N` or `-N`.

    Raises:
        InvalidInput: the amount is no number, or the result is below zero.
    """
    control.may_write()
    found = find(control, address)
    cpus = target_cpus(found.spec.cpus, amount)
    spec = msgspec.structs.replace(found.spec, cpus=cpus)
    return _rewritten(control, found, spec, f"flowctl scale {found.network}/{found.name}={cpus}")


def target_cpus(present: int, amount: str) -> int:
    """Return the number that `N`, `+N` or `-N` means where there are `present`.

    >>> target_cpus(4, "6"), target_cpus(4, "+2"), target_cpus(4, "-1")
    (6, 6, 3)

    Raises:
        InvalidInput: it is no number, or the result makes no sense.
    """
    try:
        number = int(amount)
    except ValueError as error:
        raise InvalidInput(
            f'"{amount}" is not a number of cpus', remedy="write 4, +2 or -1"
        ) from error
    wanted = present + number if amount.strip()[0] in "+-" else number
    if not 0 <= wanted <= MOST_CPUS:
        raise InvalidInput(f"{wanted} cpus cannot be", remedy=f"ask for 0 to {MOST_CPUS}")
    return wanted


def rewrite(control: Control, found: Processor, spec: ProcessorSpec) -> Processor:
    """Replace the spec of a processor that was read before.

    Raises:
        Conflict: somebody changed it since it was read.
    """
    control.may_write()
    return _rewritten(control, found, spec, f"flowctl update processor {found.name}")


def _rewritten(control: Control, found: Processor, spec: ProcessorSpec, command: str) -> Processor:
    return journal.on_network(
        control,
        found.network,
        command.split()[1],
        command,
        lambda: control.store.flows.rewrite(found.network, found.name, spec, receipt=found.receipt),
    )


_VERBS = {
    Desired.RUNNING: "start",
    Desired.PAUSED: "pause",
    Desired.STOPPED: "stop",
    Desired.REMOVED: "delete",
}
