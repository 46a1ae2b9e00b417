"""The line in which messages wait in place of queues, and what becomes of each.

Delays are not waited for: time is a number here, and what is due later comes after what is due now.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from agentd.local.hands import Hand
from agentd.worker.items import Item
from agentd.worker.joins import arrival, complete
from agentd.worker.routing import skip
from agentd.worker.steps import bind, reject, settle
from flowctl.broker.base import Delivery
from flowctl.errors import Malformed
from flowctl.model.local import Ending, Order
from flowctl.model.naming import dead_queue
from flowctl.model.traffic import Failure, Finished, Outgoing
from flowctl.services.control import Control

BATCH = 64
"""Calls that are committed together."""


class Line:
    """Takes messages one after the other until none is left."""

    def __init__(self, control: Control, hands: Iterable[Hand], order: Order) -> None:
        self._control = control
        self._hands = {queue: hand for hand in hands for queue in hand.intake.queues()}
        self._dead = {
            dead_queue(socket.queue)
            for hand in self._hands.values()
            for socket in hand.assignment.sockets
        }
        self._waiting: deque[Outgoing] = deque(order.begin)
        self._later: list[tuple[float, int, Outgoing]] = []
        self._numbers = count(1)
        self._now = 0.0
        self._buried = 0

    def run(self) -> None:
        """Run everything that waits, and everything that comes of it."""
        while self._waiting or self._later:
            batch: list[Finished] = []
            while self._waiting and len(batch) < BATCH:
                batch += self._deliver(self._waiting.popleft())
            self._commit(batch)
            if not self._waiting and self._later:
                self._now, _, outgoing = heapq.heappop(self._later)
                self._waiting.append(outgoing)

    def ending(self) -> Ending:
        """Return what is to be said of it all."""
        return Ending(dead=self._buried, waited=self._now)

    def _deliver(self, outgoing: Outgoing) -> Iterator[Finished]:
        hand = self._hands.get(outgoing.queue)
        if hand is None:
            self._buried += outgoing.queue in self._dead
            return
        tag = (0, next(self._numbers))
        delivery = Delivery(
            tag=tag, queue=outgoing.queue, message=outgoing.message, redelivered=False, deliveries=0
        )
        found = hand.intake.sort([delivery], {})
        at = self._control.clock.now()
        yield from (skip(item.route, item.message, at) for item in found.absent)
        yield from (reject(item.route, item.message, why, at) for item, why in found.refused)
        for item in found.arrive:
            yield from self._arrive(hand, item)
        for item in (*found.look, *found.run):
            yield self._run(hand, item)

    def _arrive(self, hand: Hand, item: Item) -> Iterator[Finished]:
        try:
            came = arrival(item, hand.arguments(item))
        except Malformed as error:
            failure = Failure(type="gather", message=str(error))
            yield reject(item.route, item.message, failure, self._control.clock.now())
            return
        slots = self._control.store.traffic.arrive([came])[came.call.id]
        if slots is not None:
            complete(item, slots)
            yield self._run(hand, item)

    def _run(self, hand: Hand, item: Item) -> Finished:
        bind(item, hand.arguments(item))
        outcome = hand.run(item)
        outcome.gathers = item.gathers
        luck = random.random()  # jitter, no secret
        finished = settle(item.route, item.message, outcome, item.received_at, luck)
        finished.given = item.given()
        return finished

    def _commit(self, batch: list[Finished]) -> None:
        if not batch:
            return
        more = self._control.store.traffic.conclude(batch)
        outgoing = [each for finished in batch for each in finished.outgoing]
        outgoing += [each for found in more.values() for each in found]
        self._control.store.traffic.sent(outgoing)
        for each in outgoing:
            if each.delay > 0:
                heapq.heappush(self._later, (self._now + each.delay, next(self._numbers), each))
            else:
                self._waiting.append(each)
