"""What is on record as to be sent, but was not: messages of crashed senders, claims that ran out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from flowctl.errors import PublishFailed
from flowctl.model.traffic import Outgoing
from flowctl.services.control import Control

log = logging.getLogger(__name__)

BATCH = 500
PATIENCE = 10.0
"""Seconds to wait for the broker's confirmations."""


def publish(control: Control, messages: Sequence[Outgoing]) -> int:
    """Publish messages that are in the outbox, take them out of it, and return how many.

    What the broker does not take stays in the outbox for the next sweep.
    """
    refused: dict[str, str] = {}
    try:
        control.broker.publish(messages, timeout=PATIENCE)
    except PublishFailed as error:
        refused = error.reasons
        log.warning("%s", error)
    sent = [each.message.id for each in messages if each.message.id not in refused]
    control.store.traffic.sent(sent)
    return len(sent)


def sweep(control: Control, now: datetime, age: float) -> int:
    """Publish what has been in the outbox for more than `age` seconds; return how many went."""
    total = 0
    while messages := control.store.traffic.unsent(now - timedelta(seconds=age), BATCH):
        sent = publish(control, [_again(each) for each in messages])
        total += sent
        if len(messages) < BATCH or not sent:
            break
    return total


def reissue(control: Control, now: datetime) -> int:
    """Give long calls whose worker went silent to the outbox again; return how many."""
    total = 0
    while claims := control.store.traffic.expired_claims(now, BATCH):
        control.store.traffic.reissue(claims)
        total += len(claims)
        if len(claims) < BATCH:
            break
    return total


def _again(outgoing: Outgoing) -> Outgoing:
    """Mark a message as a repeat: whoever gets it looks first whether it was done."""
    message = msgspec.structs.replace(outgoing.message, again=True)
    return msgspec.structs.replace(outgoing, message=message)
