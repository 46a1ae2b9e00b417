"""What is on record as to be sent, but was not: messages of crashed senders, claims that ran out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from flowctl.broker.base import QueueSpec
from flowctl.errors import PublishFailed
from flowctl.model.traffic import Outgoing
from flowctl.services.control import Control
from schedulerd.model import Shelf

log = logging.getLogger(__name__)

BATCH = 500
PATIENCE = 10.0
"""Seconds to wait for the broker's confirmations."""
PARK = ".unroutable"
"""The ending of the queue, one a network, for messages whose queue the model no longer has."""
SETTLE = 20.0
"""Seconds in which a worker would have prolonged a claim that looks expired."""


def publish(control: Control, messages: Sequence[Outgoing]) -> dict[str, str]:
    """Publish messages that are in the outbox and take them out of it.

    What the broker does not take stays there for the next sweep; returned are ids and reasons.
    """
    refused: dict[str, str] = {}
    try:
        control.broker.publish(messages, timeout=PATIENCE)
    except PublishFailed as error:
        refused = error.reasons
    _forget(control, [each for each in messages if each.message.id not in refused])
    return refused


def sweep(control: Control, shelf: Shelf, now: datetime, age: float) -> int:
    """Publish what has been in the outbox for more than `age` seconds; return how many went.

    Raises:
        PublishFailed: the broker does not take some, and they stay.
    """
    total = 0
    before = now - timedelta(seconds=age)
    while messages := control.store.traffic.unsent(before, BATCH):
        refused = publish(control, [_again(each) for each in messages])
        left = [each for each in messages if each.message.id in refused]
        total += len(messages) - len(left)
        parked = _park(control, shelf, left, refused) if left else set()
        if kept := {name: why for name, why in refused.items() if name not in parked}:
            raise PublishFailed(kept)
        if len(messages) < BATCH:
            break
    return total


class Claims:
    """Long calls that are held by a lease instead of a delivery, in one term.

    Their expiry was written by the clock of another host. So a claim counts as expired only when it
    also stays as it is for a while here; one that is nobody's is free at once.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._seen: dict[tuple[str, datetime], float] = {}

    def reissue(self, now: datetime) -> int:
        """Give calls whose worker went silent to the outbox again; return how many."""
        moment = self._control.clock.monotonic()
        claims = self._control.store.traffic.expired_claims(now, BATCH)
        self._seen = {
            key: self._seen.get(key, moment)
            for key in ((each.call_id, each.expires_at) for each in claims)
        }
        silent = [
            each
            for each in claims
            if not each.worker or moment - self._seen[each.call_id, each.expires_at] >= SETTLE
        ]
        if silent:
            self._control.store.traffic.reissue(silent)
            log.info("%d long calls go to another worker", len(silent))
        return len(silent)


def _park(
    control: Control, shelf: Shelf, messages: Sequence[Outgoing], refused: Mapping[str, str]
) -> set[str]:
    """Keep messages aside whose queue the model no longer has; return their ids."""
    model = shelf.fresh()
    known = {each.queue for each in model.sockets} | {each.queue for each in model.plugs}
    lost = [
        each
        for each in messages
        if refused[each.message.id] == "unroutable" and each.queue not in known
    ]
    if not lost:
        return set()
    moved = [_parked(each) for each in lost]
    control.broker.declare([QueueSpec(name=name) for name in {each.queue for each in moved}])
    control.broker.publish(moved, timeout=PATIENCE)
    _forget(control, lost)
    log.warning("%d messages have no queue any more; they are in %s", len(lost), moved[0].queue)
    return {each.message.id for each in lost}


def _parked(outgoing: Outgoing) -> Outgoing:
    message = msgspec.structs.replace(
        outgoing.message, reason="unroutable", origin=outgoing.queue, again=True
    )
    return Outgoing(queue=outgoing.queue.partition(".")[0] + PARK, message=message)


def _again(outgoing: Outgoing) -> Outgoing:
    """Mark a message as a repeat: whoever gets it looks first whether it was done."""
    message = msgspec.structs.replace(outgoing.message, again=True)
    return msgspec.structs.replace(outgoing, message=message)


def _forget(control: Control, messages: Sequence[Outgoing]) -> None:
    if messages:
        control.store.traffic.sent(messages)
