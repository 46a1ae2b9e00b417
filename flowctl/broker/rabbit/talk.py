"""A conversation with the broker on a channel of its own, written down as a generator.

A script yields steps and gets the broker's answers. RabbitMQ answers an error by closing the
channel: the script then gets the exception where it waits, and goes on with a fresh channel.
So a failed question never hurts anybody else's channel.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

from pika.exceptions import AMQPError, ChannelClosedByBroker

from flowctl.broker.rabbit.link import Link
from flowctl.broker.rabbit.loop import Loop, wait_for
from flowctl.broker.rabbit.terms import version_of
from flowctl.errors import BrokerUnavailable

T = TypeVar("T")
SILENCE = 0.5
"""Seconds without a message after which a queue counts as exhausted."""
Step = Callable[[Any, Callable[..., None]], None]
"""Asks something of a channel and has the answer given to a callback."""
Script = Generator[Step, Any, T]


class Talk:
    """Runs one script; only in the loop's thread. `done` gets its result or its exception."""

    def __init__(
        self, connection: Any, script: Script[Any], done: Callable[[Any, Exception | None], None]
    ) -> None:
        self._connection, self._script, self._done = connection, script, done
        self._channel: Any = None
        self._waiting = False
        self._ended = False
        self._go(lambda: next(script))

    def _go(self, resume: Callable[[], Step]) -> None:
        self._waiting = False
        try:
            self._ask(resume())
        except StopIteration as end:
            self._end(end.value, None)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            self._end(None, error)

    def _ask(self, step: Step) -> None:
        self._waiting = True
        if self._channel is not None and self._channel.is_open:
            step(self._channel, self._answered)
            return
        self._channel = self._connection.channel(
            on_open_callback=lambda channel: self._opened(channel, step)
        )
        self._channel.add_on_close_callback(self._closed)

    def _opened(self, channel: Any, step: Step) -> None:
        try:
            step(channel, self._answered)
        except AMQPError as error:
            self._throw(error)

    def _answered(self, *answer: Any) -> None:
        if self._waiting:
            self._go(lambda: self._script.send(answer))

    def _closed(self, channel: Any, error: Exception) -> None:
        if channel is self._channel and self._waiting:
            self._channel = None
            self._throw(error)

    def _throw(self, error: Exception) -> None:
        if isinstance(error, ChannelClosedByBroker) and self._connection.is_open:
            self._go(lambda: self._script.throw(error))
        else:
            self._script.close()
            self._end(None, BrokerUnavailable(f"the connection was lost: {error}"))

    def _end(self, value: Any, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended = True
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
        self._done(value, error)


def run(loop: Loop, link: Link, script: Script[T], timeout: float) -> T:
    """Run a script to its end, from any thread but the loop's.

    Raises:
        BrokerUnavailable: there is no connection, or no answer within `timeout`.
    """
    link.wait(timeout)
    answer: Future[T] = Future()

    def done(value: T, error: Exception | None) -> None:
        if error is not None:
            answer.set_exception(in_our_words(error))
        else:
            answer.set_result(value)

    def begin() -> None:
        if link.connection is None:
            answer.set_exception(link.error())
        else:
            Talk(link.connection, script, done)

    loop.call(begin)
    return wait_for(answer, timeout)


def in_our_words(error: Exception) -> Exception:
    """Return an error as callers may see it: pika's own stay in here."""
    if not isinstance(error, AMQPError):
        return error
    told = BrokerUnavailable(f"the broker did not do it: {error}")
    told.__cause__ = error
    return told


def haul(queue: str, count: int) -> Step:
    """Take up to `count` ready messages: a list of (method, properties, body), not acknowledged.

    By a consumer rather than one by one, which is ten times as fast. With a `count` of 0 it begins
    and ends at once, which the queue answers only after everything that it was told before; it may
    still bring one message.
    """
    return lambda channel, callback: _Haul(channel, queue, count, callback).begin()


class _Haul:
    """One consumer that lives until it has enough or the queue is silent."""

    def __init__(self, channel: Any, queue: str, count: int, callback: Callable[..., None]) -> None:
        self._channel, self._queue, self._count = channel, queue, count
        self._callback = callback
        self._got: list[tuple[Any, Any, bytes]] = []
        self._tag = ""
        self._seen = -1
        self._ended = False

    def begin(self) -> None:
        self._channel.basic_qos(prefetch_count=max(1, self._count))
        self._tag = self._channel.basic_consume(self._queue, self._take, callback=self._begun)

    def _begun(self, _frame: Any) -> None:
        if self._count:
            self._watch()
        else:
            self._end()

    def _take(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._got.append((method, properties, body))
        if len(self._got) == self._count:
            self._end()

    def _watch(self) -> None:
        """Somebody else may have taken what we wait for: end after a silence."""
        if self._ended or not self._channel.is_open:
            return
        if self._seen == len(self._got):
            self._end()
            return
        self._seen = len(self._got)
        self._channel.connection.ioloop.call_later(SILENCE, self._watch)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._channel.basic_cancel(self._tag, callback=lambda _: self._callback(self._got))


def passive(queue: str) -> Step:
    """Ask for a queue's counts; the channel is closed with 404 if it is not there."""
    return lambda channel, callback: channel.queue_declare(queue, passive=True, callback=callback)


def declare_queue(queue: str, arguments: dict[str, Any]) -> Step:
    """Declare a durable queue: (frame, the broker's version).

    The channel is closed with 406 if the queue exists with other arguments.
    """

    def step(channel: Any, callback: Callable[..., None]) -> None:
        version = version_of(channel.connection.server_properties)
        channel.queue_declare(
            queue,
            durable=True,
            arguments=arguments,
            callback=lambda frame: callback(frame, version),
        )

    return step


def pause(seconds: float) -> Step:
    """Let time pass."""
    return lambda channel, callback: channel.connection.ioloop.call_later(seconds, callback)


def declare_exchange(name: str, kind: str, arguments: dict[str, Any] | None = None) -> Step:
    """Declare a durable exchange."""
    return lambda channel, callback: channel.exchange_declare(
        name, kind, durable=True, arguments=arguments, callback=callback
    )


def bind(queue: str, exchange: str, routing_key: str) -> Step:
    """Bind a queue to an exchange; the channel is closed with 404 if either is not there."""
    return lambda channel, callback: channel.queue_bind(
        queue, exchange, routing_key=routing_key, callback=callback
    )
