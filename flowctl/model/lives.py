"""What is told of the life of calls: packed by workers, one event a commit; unpacked for whoever listens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from flowctl.errors import InvalidInput
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Call

BATCH = "batch"
"""The kind of the event that tells the lives of the calls of one commit."""
MOST_DATA = 64 * 1024
"""Bytes of JSON of one value that user code emits."""


class Mark(NamedTuple):
    """A place in the stream of events; what is after it was not told before it."""

    writer: int = 0
    """The transaction, where the database can tell; 0 elsewhere."""
    id: int = 0
    nth: int = 0
    """Of the documents of one event, the last one that was told; 0 means all of them."""

    def __str__(self) -> str:
        """Return the words that `parse_mark` reads."""
        return ".".join(map(str, self))


def parse_mark(text: str) -> Mark:
    """Return the place that these words mean.

    >>> parse_mark(str(Mark(7, 12, 3)))
    Mark(writer=7, id=12, nth=3)

    Raises:
        InvalidInput: they mean none.
    """
    parts = text.split(".")
    if len(parts) != len(Mark._fields) or not all(part.isdecimal() for part in parts):
        raise InvalidInput(f'"{text}" is no id of an event', remedy="such as 0.1204.3")
    return Mark(*map(int, parts))


class Life(Struct, frozen=True, array_like=True):
    """What one commit tells of one attempt at a call. Moments are microseconds since 1970."""

    call: str
    run: str
    socket: str
    status: str
    attempt: int
    parent: str
    plug: str
    replays: str
    received: int
    started: int
    finished: int
    """0 while it runs."""
    duration: float
    outputs: int
    size: int
    error: str
    is_told: bool
    """Whether its beginning was told before."""


class Lives(Struct, frozen=True, array_like=True):
    """What one commit tells."""

    worker: str
    agent: str
    lives: list[Life]


_decode = msgspec.json.Decoder(Lives).decode


def lives_of(told: Iterable[tuple[Call, bool]]) -> dict[tuple[str, str, str, str], list[Life]]:
    """Return what is told of executed calls, by network, processor, worker and agent."""
    found: dict[tuple[str, str, str, str], list[Life]] = {}
    for call, is_told in told:
        if call.started_at is not None:
            key = (call.network, call.socket.partition(".")[0], call.worker, call.agent)
            found.setdefault(key, []).append(_life(call, is_told=is_told))
    return found


def _life(call: Call, *, is_told: bool) -> Life:
    failure = call.failure
    started = round(call.started_at.timestamp() * 1e6) if call.started_at else 0
    return Life(
        call.id,
        call.run_id,
        call.socket,
        call.status.value,
        call.attempt,
        call.parent,
        call.plug,
        call.replays,
        round(call.received_at.timestamp() * 1e6) if call.received_at else started,
        started,
        0
        if call.status is CallStatus.RUNNING or call.finished_at is None
        else round(call.finished_at.timestamp() * 1e6),
        call.duration or 0.0,
        call.outputs,
        call.size,
        f"{failure.type}: {failure.message}"[:500] if failure else "",
        is_told,
    )


def unpacked(note: str) -> Lives:
    """Return what an event of kind `batch` tells."""
    return _decode(note)


def packed(worker: str, agent: str, lives: Sequence[Life]) -> Lives:
    """Return what an event of kind `batch` holds."""
    return Lives(worker, agent, list(lives))
