"""Autoscaling: measures what waits, and writes the cpus that this is worth."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from flowctl.broker.base import Depth
from flowctl.errors import Conflict, NotFound
from flowctl.model.fleet import Worker
from flowctl.model.flow import Processor
from flowctl.model.states import Desired
from flowctl.planning.autoscale import Demand, Memory, autoscale
from flowctl.services.control import Control
from schedulerd.model import Model, Shelf

log = logging.getLogger(__name__)

Key = tuple[str, str]


class Autoscaler:
    """Every processor with `scale`, in one term."""

    def __init__(self, control: Control, shelf: Shelf) -> None:
        self._control = control
        self._shelf = shelf
        self._memory: dict[Key, Memory] = {}

    def run(self) -> int:
        """Measure and rescale; return how many processors changed."""
        model = self._shelf.fresh()
        scaled = [each for each in model.processors if _is_scaled(each)]
        if not scaled:
            return 0
        queues = queues_of(model, scaled)
        depths = self._control.broker.depth({name for names in queues.values() for name in names})
        busy = _busy(self._control.store.fleet.workers())
        now = self._control.clock.monotonic()
        return sum(
            self._rescale(each, demand_of(queues[_key(each)], depths, busy[_key(each)]), now)
            for each in scaled
        )

    def _rescale(self, processor: Processor, demand: Demand, now: float) -> int:
        key, scale = _key(processor), processor.spec.scale
        if scale is None:
            return 0
        memory = self._memory.get(key)
        cpus, self._memory[key] = autoscale(scale, processor.spec.cpus, demand, memory, now)
        if cpus == processor.spec.cpus:
            return 0
        return self._write(processor, cpus)

    def _write(self, processor: Processor, cpus: int) -> int:
        flows = self._control.store.flows
        try:
            fresh = flows.processor(processor.name, processor.network)
            spec = msgspec.structs.replace(fresh.spec, cpus=cpus)
            flows.rewrite(fresh.network, fresh.name, spec, receipt=fresh.receipt)
        except (Conflict, NotFound) as error:
            log.info("%s was not rescaled: %s", processor.name, error)
            return 0
        log.info("%s: %d -> %d cpus", processor.name, processor.spec.cpus, cpus)
        return 1


def demand_of(queues: Iterable[str], depths: Mapping[str, Depth], busy: int) -> Demand:
    """Return what waits in these queues, and what runs."""
    held = [depths[name] for name in queues if name in depths]
    return Demand(
        ready=sum(each.ready for each in held),
        unacked=sum(each.unacked for each in held),
        busy=busy,
    )


def queues_of(model: Model, processors: Iterable[Processor]) -> dict[Key, list[str]]:
    """Return the queues that each of these processors consumes."""
    found: dict[Key, list[str]] = {_key(each): [] for each in processors}
    for socket in model.sockets:
        key = (socket.network, socket.processor)
        if key in found:
            found[key].append(socket.queue)
    for plug in model.plugs:
        key = (plug.network, plug.spec.target.partition(".")[0])
        if key in found:
            found[key].append(plug.queue)
    return found


def _busy(workers: Iterable[Worker]) -> dict[Key, int]:
    busy: dict[Key, int] = defaultdict(int)
    for worker in workers:
        busy[worker.network, worker.processor] += worker.busy
    return busy


def _is_scaled(processor: Processor) -> bool:
    wanted = processor.spec.enabled and processor.requested_status is Desired.RUNNING
    return processor.spec.scale is not None and wanted


def _key(processor: Processor) -> Key:
    return processor.network, processor.name
