"""Pictures of networks: what is drawn, and what it measures now.

Depths come from the broker, what got through from the calls on record, and how queues changed from
the samples that the scheduler keeps. What nobody measured stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from flowctl.broker.base import Depth
from flowctl.errors import BrokerUnavailable, InvalidInput, NotFound
from flowctl.graph.build import Grain, Graph, around, build
from flowctl.graph.live import Overlay, PlugLive, ProcessorLive
from flowctl.graph.physics import Flow, Limit, Stage, limiting
from flowctl.model.fleet import Worker
from flowctl.model.flow import Plug, Processor, Socket, Topology, Track
from flowctl.model.states import CallStatus, Desired
from flowctl.model.work import Pace, Trend
from flowctl.planning.wanted import wanted_cpus
from flowctl.services.control import Control
from flowctl.views.kinds import nearest

SPAN = 20.0
"""Seconds that rates are taken over, where that long ago something happened already."""
_STEADY = 0.02
"""A queue that changes by less of what flows through it is steady."""
_DONE = frozenset({CallStatus.FINISHED, CallStatus.FAILED, CallStatus.JOINED})


@dataclass(frozen=True)
class Wanted:
    """What part of a network is drawn, and how fine."""

    grain: Grain = Grain.PROCESSOR
    rows: bool = False
    focus: str = ""
    hops: int = 1


def graph(topology: Topology, wanted: Wanted) -> Graph:
    """Return the graph of a network, or of what is around one vertex of it.

    Raises:
        NotFound: there is no such vertex.
    """
    whole = build(topology, wanted.grain, rows=wanted.rows)
    if not wanted.focus:
        return whole
    if wanted.hops < 0:
        raise InvalidInput("a number of hops is 0 or more")
    names = [vertex.name for vertex in whole.vertices]
    near = [v.name for v in whole.vertices if wanted.focus in (v.name, v.processor)]
    if not near:
        raise NotFound(wanted.grain, wanted.focus, near=nearest(wanted.focus, names))
    return around(whole, near, wanted.hops)


@dataclass(frozen=True)
class Reading:
    """What a network measures at one moment."""

    overlay: Overlay
    limit: Limit | None
    broker: bool
    """Whether the broker answered; without it depths are unknown."""
    sockets: Mapping[str, PlugLive]
    """What the queues of direct calls carry, by socket."""


def measure(control: Control, topology: Topology) -> Reading:
    """Return the numbers of this moment."""
    name, now = topology.network.name, control.clock.now()
    since = now - timedelta(seconds=SPAN)
    meter = _Meter(
        topology=topology,
        paces=control.store.traffic.pace(name, since),
        depths=_depths(control, topology),
        before=_before(control, name, since),
        workers=control.store.fleet.workers(network=name),
        now=now,
    )
    return meter.read()


def _depths(control: Control, topology: Topology) -> Mapping[str, Depth] | None:
    names = [socket.queue for socket in topology.sockets]
    names += [plug.queue for plug in topology.plugs]
    try:
        return control.broker.depth(names) if names else {}
    except BrokerUnavailable:
        return None


def _before(control: Control, network: str, since: datetime) -> dict[str, tuple[datetime, float]]:
    """Return what the queues of a network held at their first sample since a moment, and when."""
    found: dict[str, dict[str, tuple[datetime, float]]] = {}
    for metric in ("ready", "unacked"):
        for sample in control.store.duty.samples("queue", "", metric, since):
            if sample.object.startswith(f"{network}."):
                at = found.setdefault(sample.object, {})
                at.setdefault(metric, (sample.at, sample.value))
    return {
        queue: (max(at for at, _ in parts.values()), sum(value for _, value in parts.values()))
        for queue, parts in found.items()
    }


@dataclass(frozen=True)
class _Meter:
    """Everything that was read, and what it comes to."""

    topology: Topology
    paces: Sequence[Pace]
    depths: Mapping[str, Depth] | None
    before: Mapping[str, tuple[datetime, float]]
    workers: Sequence[Worker]
    now: datetime

    def read(self) -> Reading:
        """Return the overlay and what limits the flow."""
        plugs = {plug.name: self._plug(plug) for plug in self.topology.plugs}
        stages = [self._stage(each, plugs) for each in self.topology.processors]
        limit = limiting(stages, self._flows(plugs))
        processors = {
            stage.name: self._processor(each, stage, limit)
            for each, stage in zip(self.topology.processors, stages, strict=True)
        }
        overlay = Overlay(plugs=plugs, processors=processors)
        sockets = {socket.name: self._socket(socket) for socket in self.topology.sockets}
        return Reading(overlay, limit, self.depths is not None, sockets)

    def _plug(self, plug: Plug) -> PlugLive:
        leaving = self._rate(plug=plug.name) if self._is_counted(plug.spec.target) else None
        return self._live(plug.queue, leaving, plug.spec.queue.max_length)

    def _socket(self, socket: Socket) -> PlugLive:
        leaving = self._rate(plug="", socket=socket.name) if self._is_counted(socket.name) else None
        return self._live(socket.queue, leaving, socket.spec.queue.max_length)

    def _live(self, queue: str, leaving: float | None, limit: int) -> PlugLive:
        depth, change = self._depth(queue), self._change(queue)
        return PlugLive(
            depth=depth,
            in_rate=None if leaving is None else max(0.0, leaving + change),
            out_rate=leaving,
            trend=_trend(change, leaving or 0.0),
            limit=limit,
        )

    @cached_property
    def _span(self) -> float:
        """Return the seconds that were measured: a flow that has just begun did no less before it."""
        begun = [each.first - timedelta(seconds=each.seconds / each.calls) for each in self.paces]
        seconds = (self.now - min(begun)).total_seconds() if begun else SPAN
        return min(SPAN, max(1.0, seconds))

    def _is_counted(self, socket: str) -> bool:
        """Tell whether every call of a socket leaves a record."""
        name = socket.partition(".")[0]
        return any(p.name == name and p.spec.track is Track.ALL for p in self.topology.processors)

    def _rate(self, *, processor: str = "", plug: str | None = None, socket: str = "") -> float:
        calls = sum(
            pace.calls
            for pace in self.paces
            if pace.status in _DONE
            and (not processor or pace.socket.partition(".")[0] == processor)
            and (plug is None or pace.plug == plug)
            and socket in ("", pace.socket)
        )
        return calls / self._span

    def _depth(self, queue: str) -> int | None:
        if self.depths is None:
            return None
        held = self.depths.get(queue, Depth())
        return held.ready + held.unacked

    def _change(self, queue: str) -> float:
        """Return by how much a queue grows in a second; 0 where nobody knows."""
        depth = self._depth(queue)
        at, held = self.before.get(queue, (self.now, 0.0))
        seconds = (self.now - at).total_seconds()
        return (depth - held) / seconds if depth is not None and seconds >= 1 else 0.0

    def _stage(self, processor: Processor, plugs: Mapping[str, PlugLive]) -> Stage:
        name = processor.name
        entries = [socket for socket in self.topology.sockets if socket.processor == name]
        carried = [p for p in self.topology.plugs if p.spec.target.partition(".")[0] == name]
        direct = sum(self._change(socket.queue) for socket in entries)
        waiting = sum(self._depth(socket.queue) or 0 for socket in entries)
        return Stage(
            name=name,
            cpus=processor.running_cpus,
            utilisation=self._utilisation(processor),
            done=self._rate(processor=name),
            direct=max(0.0, direct + self._rate(processor=name, plug="")),
            depth=waiting + sum(plugs[plug.name].depth or 0 for plug in carried),
            serves=processor.spec.enabled and processor.requested_status is Desired.RUNNING,
        )

    def _utilisation(self, processor: Processor) -> float | None:
        """Return the busy part of its cpus: by the time its calls took, or as its workers are."""
        ran = [pace for pace in self.paces if pace.socket.partition(".")[0] == processor.name]
        if processor.running_cpus and sum(pace.calls for pace in ran) >= 10:
            spent = sum(pace.seconds for pace in ran)
            return min(1.0, spent / (self._span * processor.running_cpus))
        mine = [worker for worker in self.workers if worker.processor == processor.name]
        executors = sum(worker.executors for worker in mine)
        return sum(worker.busy for worker in mine) / executors if executors else None

    def _flows(self, plugs: Mapping[str, PlugLive]) -> list[Flow]:
        return [
            Flow(
                source=plug.spec.source.partition(".")[0],
                target=plug.spec.target.partition(".")[0],
                rate=plugs[plug.name].in_rate or 0.0,
            )
            for plug in self.topology.plugs
        ]

    def _processor(self, processor: Processor, stage: Stage, limit: Limit | None) -> ProcessorLive:
        failed = [
            pace.calls
            for pace in self.paces
            if pace.status is CallStatus.FAILED and pace.socket.partition(".")[0] == processor.name
        ]
        return ProcessorLive(
            wanted=wanted_cpus(processor),
            running=processor.running_cpus,
            utilisation=stage.utilisation,
            failures=sum(failed),
            status=str(processor.status),
            limiting=limit.reason if limit and limit.processor == processor.name else "",
        )


def _trend(change: float, leaving: float) -> Trend:
    if abs(change) <= max(_STEADY * leaving, 0.05):
        return Trend.STEADY
    return Trend.GROWING if change > 0 else Trend.SHRINKING
