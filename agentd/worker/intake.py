"""What each delivery is: something to run, to look up first, to join, to skip or to refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from agentd.worker.identity import Identity
from agentd.worker.items import Item, item_of
from agentd.worker.joins import is_join
from agentd.worker.nodes import extras
from agentd.worker.routing import ABSENT, MOST_HOPS, Route
from flowctl.broker.base import Broken, Delivery
from flowctl.clock import Clock
from flowctl.model.flow import Plug, Socket
from flowctl.model.ids import CallId, RunId, derived_id
from flowctl.model.traffic import Failure, Message
from flowctl.model.work import Assignment

MOST_DELIVERIES = 20
"""A second net below our own count of attempts: a message that comes back this often is given up."""

Key = tuple[CallId, int]


def key_of(message: Message) -> Key:
    """Return what one execution is known by: a retry is another one, and may come very early."""
    return message.id, message.attempt


@dataclass(slots=True)
class Sorted:
    """A batch of deliveries, sorted by what happens to each."""

    run: list[Item] = field(default_factory=list)
    look: list[Item] = field(default_factory=list)
    """Seen before, perhaps: the record must be read first."""
    arrive: list[Item] = field(default_factory=list)
    absent: list[Item] = field(default_factory=list)
    refused: list[tuple[Item, Failure]] = field(default_factory=list)

    def all(self) -> Iterator[Item]:
        """Go through every item of the batch."""
        refused = (item for item, _ in self.refused)
        return chain(self.run, self.look, self.arrive, self.absent, refused)


class Intake:
    """Knows which queue belongs to which socket, as of the last assignment."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._routes: dict[str, Route] = {}
        self.consumed: set[str] = set()

    def assign(self, assignment: Assignment) -> None:
        """Take over the sockets and plugs of the assignment."""
        sockets = {socket.name: socket for socket in assignment.sockets}
        routes = {s.queue: self._route(assignment, s, s.queue, None) for s in sockets.values()}
        for plug in assignment.inbound:
            if target := sockets.get(plug.spec.target):
                routes[plug.queue] = self._route(assignment, target, plug.queue, plug)
        self._routes = routes

    def queues(self) -> set[str]:
        """Return the queues that are to be consumed."""
        return set(self._routes)

    def sort(self, batch: Sequence[Delivery | Broken], flight: Mapping[Key, Item]) -> Sorted:
        """Sort a batch; a delivery of what is in flight here only adds its tag."""
        found = Sorted()
        placed: dict[Key, Item] = {}
        for delivery in batch:
            if isinstance(delivery, Broken):
                found.refused.append(self._broken(delivery))
                continue
            key = key_of(delivery.message)
            if (held := flight.get(key) or placed.get(key)) is not None:
                held.meet(delivery.tag)
            elif (route := self._routes.get(delivery.queue)) is not None:
                # Else it is just unbound: it comes back when the subscription drops the queue.
                placed[key] = item = item_of(delivery, route, self._clock.now())
                self._place(item, delivery, found)
        return found

    def _place(self, item: Item, delivery: Delivery, found: Sorted) -> None:
        message = delivery.message
        if failure := _refusal(delivery):
            found.refused.append((item, failure))
        elif is_join(item):
            found.arrive.append(item)
        elif message.content_type == ABSENT:
            found.absent.append(item)
        elif message.again or delivery.redelivered:
            found.look.append(item)
        else:
            found.run.append(item)

    def _broken(self, broken: Broken) -> tuple[Item, Failure]:
        # The same bytes from the same queue get the same id, so that a redelivery is no second call.
        call_id = CallId(derived_id("broken", broken.queue, broken.body.hex()))
        message = Message(id=call_id, run_id=RunId(call_id), body=broken.body)
        route = self._routes[broken.queue]
        item = Item([broken.tag], message, route, self._clock.now())
        return item, Failure(type="malformed", message=broken.reason)

    def _route(
        self, assignment: Assignment, socket: Socket, queue: str, inbound: Plug | None
    ) -> Route:
        outbound = tuple(p for p in assignment.outbound if p.spec.source == socket.name)
        return Route(
            network=self._identity.network,
            worker=self._identity.worker,
            agent=self._identity.agent,
            processor=assignment.processor,
            socket=socket,
            queue=queue,
            outbound=outbound,
            gathering=assignment.gathering,
            inbound=inbound,
            waits=_waits(assignment, socket),
            extras=extras(assignment.processor.spec, socket, outbound),
        )


def _waits(assignment: Assignment, socket: Socket) -> tuple[str, ...]:
    if not socket.spec.wait_all:
        return ()
    return tuple(plug.name for plug in assignment.inbound if plug.spec.target == socket.name)


def _refusal(delivery: Delivery) -> Failure | None:
    if delivery.message.hops > MOST_HOPS:
        return Failure(type="cycle", message=f"it went over more than {MOST_HOPS} plugs")
    if delivery.deliveries > MOST_DELIVERIES:
        return Failure(type="poison", message=f"it was handed out {delivery.deliveries} times")
    return None
