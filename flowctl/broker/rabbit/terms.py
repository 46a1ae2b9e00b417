"""What flowctl says to RabbitMQ and how it reads the answers: names, arguments, delays, reasons.

Pure. Topology: every queue is a durable quorum queue, reached through the default exchange. Delayed
messages wait in one queue a level (`flowctl.delay.<ms>`) and then go through `flowctl.due`, to which
every queue is bound under its own name; what is due for a queue that is gone ends in `flowctl.lost`,
so that it can never hold up the messages behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from flowctl.broker.base import QueueSpec
from flowctl.errors import BrokerUnavailable, FlowError, QueueMismatch

DUE = "flowctl.due"
"""The exchange that takes a delayed message to its queue."""
LOST = "flowctl.lost"
"""The exchange and queue of delayed messages whose queue was deleted while they waited."""
DELAY = "flowctl.delay."
"""The beginning of the exchanges and queues in which delayed messages wait."""
LEAST_DELAY = 100
"""Milliseconds; a shorter wait is made this long."""
LONGEST_DELAY = 2**32 - 1
"""Milliseconds that RabbitMQ can count."""
_DELIVERY_LIMIT = 1_000_000
"""RabbitMQ 4 drops a message that came back 20 times; counting attempts is ours to do."""

_SAFE_DEAD_LETTERS = {
    "x-dead-letter-strategy": "at-least-once",
    # The broker demands it for at-least-once; without a length it refuses nothing.
    "x-overflow": "reject-publish",
}
_MISMATCH = re.compile(
    r"inequivalent arg '(?P<name>[^']+)'.*?received (?P<wanted>.+?) but current is (?P<found>.+)$",
    re.DOTALL,
)
_VALUE = re.compile(r"^the value '(?P<value>[^']*)'.*$", re.DOTALL)
_SIZE = re.compile(r"message size \d+ is larger than .*?(\d+)")


def queue_arguments(spec: QueueSpec) -> dict[str, Any]:
    """Return the arguments with which a queue is declared."""
    arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": _DELIVERY_LIMIT}
    if spec.max_length:
        arguments |= {"x-max-length": spec.max_length, "x-overflow": "reject-publish"}
    if spec.ttl:
        arguments["x-message-ttl"] = max(1, round(spec.ttl * 1000))
    if spec.dead_letter:
        arguments |= _SAFE_DEAD_LETTERS | {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": spec.dead_letter,
        }
    return arguments


def level_arguments(level: int) -> dict[str, Any]:
    """Return the arguments of the queue in which messages wait `level` milliseconds."""
    return _SAFE_DEAD_LETTERS | {
        "x-queue-type": "quorum",
        "x-message-ttl": level,
        "x-dead-letter-exchange": DUE,
    }


def delay_level(seconds: float) -> int:
    """Return the milliseconds of the level that waits at least `seconds`, 25 % longer at most.

    >>> delay_level(0.01), delay_level(1), delay_level(1.1), delay_level(60)
    (112, 1024, 1280, 65536)
    """
    wanted = max(LEAST_DELAY, -int(-seconds * 1000 // 1))
    step = 1 << max(0, wanted.bit_length() - 3)
    return -(-wanted // step) * step


def reconnect_ceiling(failures: int, outage: float) -> float:
    """Return the longest pause before the next attempt, in seconds; the pause itself is random.

    In the first minute of an outage it stays short, so that a restarted broker is found at once.
    """
    ceiling = 3.0 if outage < 60 else 10.0
    return min(ceiling, 0.1 * (1 << min(failures, 10)))


class Loss(msgspec.Struct, frozen=True):
    """Why there is no connection; `denied` where trying again soon would not help."""

    reason: str
    denied: bool = False

    def error(self, place: str) -> BrokerUnavailable:
        """Return it as the error that the caller sees; `place` is the redacted URL."""
        remedy = "check that RabbitMQ runs and that the address is right"
        if self.denied:
            remedy = "check the user, the password and the virtual host in the broker's URL"
        return BrokerUnavailable(f"{place}: {self.reason}", remedy=remedy)


def mismatch(queue: str, text: str) -> QueueMismatch:
    """Return the error for a queue that exists with other arguments, from the broker's words."""
    found = _MISMATCH.search(text)
    detail = text
    if found:
        wanted, current = (_value(found[name]) for name in ("wanted", "found"))
        detail = f"{found['name']} is {current}, wanted {wanted}"
    return QueueMismatch(
        f'queue "{queue}" exists with other arguments: {detail}',
        remedy="stop the processor that reads it for a moment: the scheduler then replaces it; "
        f"or move its messages away (flowctl queue move {queue} OTHER) and delete it",
    )


def size_limit(text: str) -> int | None:
    """Return the broker's limit, if its words say that a message was too large.

    >>> size_limit("PRECONDITION_FAILED - message size 30 is larger than configured max size 20")
    20
    """
    found = _SIZE.search(text)
    return int(found[1]) if found else None


def refusal(queue: str, code: int, text: str) -> FlowError:
    """Return the error for an act on a queue that the broker refused for an unforeseen reason."""
    return BrokerUnavailable(f'queue "{queue}": the broker said {code}: {text}')


def version_of(server: Mapping[str, Any]) -> tuple[int, int]:
    """Return the major and minor version from the server's properties; (0, 0) if it tells none.

    >>> version_of({"version": "3.10.8"})
    (3, 10)
    """
    found = re.match(r"(\d+)\.(\d+)", word(server, "version"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def word(server: Mapping[str, Any], key: str) -> str:
    """Return one of the server's properties as text."""
    value = server.get(key, "")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def plain_numbers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers with numbers of exactly the type `int`; the client makes its own."""
    return {
        name: int(value) if isinstance(value, int) and type(value) is not bool else value
        for name, value in headers.items()
    }


def expired_from(headers: Mapping[str, Any]) -> str:
    """Return the queue in which a message expired, or nothing; a delay does not count."""
    queue = headers.get("x-first-death-queue", "")
    expired = headers.get("x-first-death-reason") == "expired"
    return queue if expired and not queue.startswith(DELAY) else ""


def _value(text: str) -> str:
    found = _VALUE.match(text.strip())
    return f'"{found["value"]}"' if found else text.strip()
