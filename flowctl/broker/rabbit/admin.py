"""What is done to queues rather than through them, as scripts for a channel of their own.

RabbitMQ has no browsing: messages that are looked at are fetched, held and given back; meanwhile no
consumer sees them, and afterwards they are flagged `redelivered` and their delivery count is one
higher. Nothing of ours decides by those two alone. A quorum queue keeps what was given back in a
line of its own before the rest, and each given back again goes to the end of that line (seen on
3.10): so the order is kept only if that line is fetched to its end, which is where the first message
comes that is not flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker

from flowctl.broker.base import Depth
from flowctl.broker.rabbit.link import is_missing
from flowctl.broker.rabbit.read import shown
from flowctl.broker.rabbit.talk import Script, Step, haul, passive, pause
from flowctl.broker.rabbit.terms import refusal
from flowctl.errors import NotFound, PublishFailed
from flowctl.model.traffic import Message

CHUNK = 200
"""Messages that are fetched at first, when nobody knows how large they are."""
MOST_MOVED, MOVED_BYTES = 2000, 16_000_000
"""Messages, and about how many bytes of them, that are moved between two confirms."""
IN_ORDER = 32
"""Messages that a quorum queue gives back in their order by one word; more come back in none."""
WORDS = 16
"""Words that a channel passes on one by one; of more the broker makes one, and the order is lost."""
BACK_TRIES, BACK_PAUSE = 50, 0.02
"""How often, and after how many seconds, to look whether given-back messages are back."""
MOST_AT_ONCE = 5000
"""Messages that one consumer may fetch."""


class Raw(NamedTuple):
    """A fetched message, as it is."""

    number: int
    """Its delivery number on the channel that holds it."""
    consumer: str
    """The tag of the consumer that fetched it."""
    again: bool
    """Whether it was given back before."""
    properties: BasicProperties
    body: bytes

    @property
    def name(self) -> str:
        """Its id; one without gets a name for as long as it is held."""
        return self.properties.message_id or f"#{self.number}"


Forward = Callable[[Sequence[Raw]], Future[None]]
"""Publishes fetched messages somewhere else; the future ends when all are confirmed."""


def depths(queues: Iterable[str]) -> Script[dict[str, Depth]]:
    """Ask how much is ready in these queues and who consumes them."""
    found: dict[str, Depth] = {}
    for queue in queues:
        try:
            (frame,) = yield passive(queue)
        except ChannelClosedByBroker as error:
            if not is_missing(error):
                raise refusal(queue, error.reply_code, error.reply_text) from error
        else:
            ok = frame.method
            found[queue] = Depth(ready=int(ok.message_count), consumers=int(ok.consumer_count))
    return found


def peek(queue: str, limit: int, offset: int) -> Script[list[Message]]:
    """Look at ready messages and give them back."""
    ready = yield from _ready(queue)
    if not ready or limit <= 0:
        return []
    held = yield from _fetch(queue, min(limit + offset, ready))
    yield from _give_back(queue, held)
    return [shown(raw.properties, raw.body) for raw in held[offset : offset + limit]]


def purge(queue: str) -> Script[int]:
    """Remove all ready messages."""
    (frame,) = yield from _on(
        queue, lambda channel, callback: channel.queue_purge(queue, callback=callback)
    )
    return int(frame.method.message_count)


def delete(queue: str) -> Script[bool]:
    """Delete a queue, whatever it holds; False if it is not there."""
    try:
        yield from _ready(queue)
    except NotFound:
        return False
    yield lambda channel, callback: channel.queue_delete(queue, callback=callback)
    return True


def delete_if_empty(queue: str) -> Script[bool]:
    """Delete a queue that holds nothing ready; False if it does or is not there.

    Quorum queues cannot be told `if-empty` (the broker would end the connection), so it is asked
    first; a message that arrives in the instant between is lost with the queue.
    """
    try:
        if (yield from _ready(queue)):
            return False
    except NotFound:
        return False
    return (yield from delete(queue))


def remove(queue: str, message_id: str) -> Script[bool]:
    """Remove the first ready message with that id; those before it are held and given back."""
    ready = yield from _ready(queue)
    held: list[Raw] = []
    found = None
    while found is None and len(held) < ready:
        fresh = yield from _fetch(queue, min(CHUNK, ready - len(held)))
        held += fresh
        found = next((raw for raw in fresh if raw.name == message_id), None)
        if not fresh:
            break
    if found is not None:
        yield _acknowledge([found])
        held.remove(found)
        held += yield from _touch(queue)
    yield from _give_back(queue, held, last=found)
    return found is not None


def move(source: str, forward: Forward, ids: Collection[str] | None, limit: int) -> Script[int]:
    """Forward ready messages and take each away only when it is confirmed there."""
    ready = yield from _ready(source)
    wanted = min(ready if ids is None else len(ids), limit or ready)
    moved = looked_at = 0
    chunk = CHUNK
    held: list[Raw] = []
    failure: Exception | None = None
    while moved < wanted and looked_at < ready and failure is None:
        most = wanted - moved if ids is None else ready - looked_at
        fresh = yield from _fetch(source, min(chunk, most))
        if not fresh:
            break
        chunk = chunk_after(sum(len(raw.body) for raw in fresh) / len(fresh))
        looked_at += len(fresh)
        chosen = [raw for raw in fresh if ids is None or raw.name in ids][: wanted - moved]
        gone, failure = yield from _hand_over(chosen, forward)
        held += [raw for raw in fresh if raw.number not in gone]
        moved += len(gone)
    held += yield from _touch(source)
    yield from _give_back(source, held)
    if failure is not None:
        raise failure
    return moved


def chunk_after(size: float) -> int:
    """Return how many messages of this mean size are moved between two confirms.

    >>> chunk_after(100), chunk_after(100_000), chunk_after(50_000_000)
    (2000, 160, 1)
    """
    return max(1, min(MOST_MOVED, int(MOVED_BYTES / max(1.0, size))))


def _hand_over(
    chosen: Sequence[Raw], forward: Forward
) -> Script[tuple[set[int], PublishFailed | None]]:
    """Forward messages and take away those that were confirmed; say which, and what was refused."""
    if not chosen:
        return set(), None
    sent = forward(chosen)
    yield _until(sent)
    error = sent.exception()
    if error is not None and not isinstance(error, PublishFailed):
        raise error
    refused = error.reasons if error is not None else {}
    gone = [raw for raw in chosen if raw.name not in refused]
    yield _acknowledge(gone)
    return {raw.number for raw in gone}, error


def _touch(queue: str) -> Script[list[Raw]]:
    """Wait until the queue has heard our acks: those under way when a channel closes may be lost."""
    return (yield from _fetch(queue, 0))


def _ready(queue: str) -> Script[int]:
    (frame,) = yield from _on(queue, passive(queue))
    return int(frame.method.message_count)


def _on(queue: str, step: Step) -> Script[Any]:
    """Take a step that fails with `NotFound` where the queue is not there."""
    try:
        return (yield step)
    except ChannelClosedByBroker as error:
        if is_missing(error):
            raise NotFound("queue", queue) from error
        raise refusal(queue, error.reply_code, error.reply_text) from error


def _fetch(queue: str, count: int) -> Script[list[Raw]]:
    """Fetch from the front of a queue; fewer than `count` if somebody else was faster."""
    held: list[Raw] = []
    while True:
        (fresh,) = yield from _on(queue, haul(queue, min(MOST_AT_ONCE, count - len(held))))
        held += [
            Raw(int(m.delivery_tag), m.consumer_tag, bool(m.redelivered), properties, body)
            for m, properties, body in fresh
        ]
        if not fresh or len(held) >= count:
            return held


def _give_back(queue: str, held: Sequence[Raw], last: Raw | None = None) -> Script[None]:
    """Give back all that this channel holds, in its place, and wait until it is back.

    `last` is the last one that was fetched, if it is not among the held any more.
    """
    if not held:
        return
    line, step = list(held), 1
    last = last if last and last.number > held[-1].number else held[-1]
    while last.again and (ready := (yield from _ready(queue))):
        more = yield from _fetch(queue, min(step, ready))
        if not more:
            break
        line += more
        last, step = more[-1], min(step * 2, MOST_AT_ONCE)
    present, runs, tries = (yield from _ready(queue)), runs_of(line), 0
    for begin in range(0, len(runs), WORDS):
        several = runs[begin : begin + WORDS]
        present += sum(map(len, several))
        yield _return(run[-1].number for run in several)
        # Consumers may take them at once, so this is no certainty to wait for.
        while (yield from _ready(queue)) < present and tries < BACK_TRIES:
            tries += 1
            yield pause(BACK_PAUSE)


def runs_of(line: Sequence[Raw]) -> list[list[Raw]]:
    """Return the runs of one consumer each, none longer than `IN_ORDER`: what one word gives back.

    The broker gives back in the order of arrival within a consumer only.
    """
    runs: list[list[Raw]] = []
    for raw in line:
        if runs and runs[-1][0].consumer == raw.consumer and len(runs[-1]) < IN_ORDER:
            runs[-1].append(raw)
        else:
            runs.append([raw])
    return runs


def _return(ends: Iterable[int]) -> Step:
    def act(channel: Any) -> None:
        for number in ends:
            channel.basic_nack(number, multiple=True, requeue=True)

    return lambda channel, callback: _say(callback, lambda: act(channel))


def _acknowledge(done: Sequence[Raw]) -> Step:
    def act(channel: Any) -> None:
        for raw in done:
            channel.basic_ack(raw.number)

    return lambda channel, callback: _say(callback, lambda: act(channel))


def _say(callback: Callable[..., None], act: Callable[[], object]) -> None:
    """Take a step that the broker does not answer."""
    act()
    callback()


def _until(future: Future[None]) -> Step:
    """Wait until `future` has ended and go on in the loop's thread."""

    def step(channel: Any, callback: Callable[..., None]) -> None:
        io = channel.connection.ioloop
        future.add_done_callback(lambda _: io.add_callback_threadsafe(callback))

    return step
