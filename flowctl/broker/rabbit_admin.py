"""What is done to queues rather than through them, as scripts for a channel of their own.

RabbitMQ has no browsing: messages that are looked at are fetched, held and given back. They keep
their place (verified on 3.10: given-back messages go to the front in their order), but other
consumers do not see them meanwhile, and afterwards they are flagged `redelivered` and their delivery
count is one higher. Nothing of ours decides by those two alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, cast

from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker

from flowctl.broker.base import Depth
from flowctl.broker.rabbit_link import is_missing
from flowctl.broker.rabbit_read import shown
from flowctl.broker.rabbit_talk import Script, Step, get, passive
from flowctl.broker.rabbit_terms import refusal
from flowctl.errors import NotFound, PublishFailed
from flowctl.model.traffic import Message

CHUNK = 100
"""Messages that are moved between two confirms."""

Raw = tuple[int, BasicProperties, bytes]
"""Delivery number, properties and body of a fetched message."""
Forward = Callable[[Sequence[Raw]], Future[None]]
"""Publishes fetched messages somewhere else; the future ends when all are confirmed."""


def name_of(raw: Raw) -> str:
    """Return the id of a fetched message; one without gets a name for the time of its move."""
    return raw[1].message_id or f"#{raw[0]}"


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
    fetched: list[Raw] = []
    while len(fetched) < min(limit + offset, ready):
        one = yield from _fetch(queue)
        if one is None:
            break
        fetched.append(one)
    if fetched:
        yield from _give_back(queue)
    return [shown(properties, body) for _, properties, body in fetched[offset:]]


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
    found = False
    for _ in range(ready):
        one = yield from _fetch(queue)
        if one is None:
            break
        if one[1].message_id == message_id:
            yield _acknowledge([one[0]])
            found = True
            break
    yield from _give_back(queue)
    return found


def move(source: str, forward: Forward, ids: Collection[str] | None, limit: int) -> Script[int]:
    """Forward ready messages and take each away only when it is confirmed there."""
    ready = yield from _ready(source)
    wanted = limit or (ready if ids is None else len(ids))
    moved = 0
    chosen: list[Raw] = []
    for _ in range(ready):
        one = yield from _fetch(source)
        if one is None:
            break
        if ids is None or one[1].message_id in ids:
            chosen.append(one)
        full = moved + len(chosen) >= wanted
        if full or len(chosen) == CHUNK:
            moved += yield from _hand_over(chosen, forward)
            chosen = []
        if full:
            break
    moved += yield from _hand_over(chosen, forward)
    yield from _give_back(source)
    return moved


def _hand_over(chosen: Sequence[Raw], forward: Forward) -> Script[int]:
    """Forward messages and take away those that were confirmed, also if others were refused."""
    if not chosen:
        return 0
    sent = forward(chosen)
    yield _until(sent)
    error = sent.exception()
    refused = error.reasons if isinstance(error, PublishFailed) else {}
    if error is None or refused:
        yield _acknowledge([raw[0] for raw in chosen if name_of(raw) not in refused])
    if error is not None:
        raise error
    return len(chosen)


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


def _fetch(queue: str) -> Script[Raw | None]:
    answer = yield from _on(queue, get(queue))
    if len(answer) == 1:
        return None
    _, method, properties, body = answer
    return cast("Raw", (int(method.delivery_tag), properties, body))


def _give_back(queue: str) -> Script[None]:
    """Give back everything that this channel holds, and wait until it is back."""
    yield lambda channel, callback: _say(
        callback, lambda: channel.basic_nack(0, multiple=True, requeue=True)
    )
    yield from _ready(queue)


def _acknowledge(numbers: Iterable[int]) -> Step:
    def act(channel: Any) -> None:
        for number in numbers:
            channel.basic_ack(number)

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
