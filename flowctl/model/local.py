"""What is agreed on between `flowctl run --local` and the process that runs the flow (pure)."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from flowctl.model.traffic import Outgoing

T = TypeVar("T")


class Order(Struct, frozen=True, kw_only=True):
    """A flow to run: a network that the state knows, and the messages it begins with."""

    network: str
    begin: tuple[Outgoing, ...]
    post_mortem: bool = False
    """Open the debugger where a call fails."""


class Ending(Struct, frozen=True, kw_only=True):
    """How it ended, beside what the calls themselves tell."""

    trouble: str = ""
    """Why it could not run."""
    remedy: str = ""
    dead: int = 0
    """Messages that went to dead letters."""
    waited: float = 0.0
    """Seconds of delays, such as those before retries, that nobody waited for."""


def write(value: Order | Ending) -> bytes:
    """Return the text of an order or an ending."""
    return msgspec.json.encode(value)


def read(text: bytes, kind: type[T]) -> T:
    """Return the order or ending in a text that `write` wrote."""
    return msgspec.json.decode(text, type=kind)
