"""A conversation with the broker on a channel of its own, written down as a generator.

A script yields steps and gets the broker's answers. RabbitMQ answers an error by closing the
channel: the script then gets the exception where it waits, and goes on with a fresh channel.
So a failed question never hurts anybody else's channel.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

from pika import spec
from pika.exceptions import AMQPError, ChannelClosedByBroker

from flowctl.broker.rabbit_link import Link
from flowctl.broker.rabbit_loop import Loop, wait_for
from flowctl.errors import BrokerUnavailable

T = TypeVar("T")
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
            answer.set_exception(error)
        else:
            answer.set_result(value)

    def begin() -> None:
        if link.connection is None:
            answer.set_exception(link.error())
        else:
            Talk(link.connection, script, done)

    loop.call(begin)
    return wait_for(answer, timeout)


def get(queue: str) -> Step:
    """Fetch one message: (channel, method, properties, body), or a single frame if there is none."""

    def step(channel: Any, callback: Callable[..., None]) -> None:
        channel.basic_get(queue, callback)
        channel.add_callback(callback, [spec.Basic.GetEmpty])

    return step


def passive(queue: str) -> Step:
    """Ask for a queue's counts; the channel is closed with 404 if it is not there."""
    return lambda channel, callback: channel.queue_declare(queue, passive=True, callback=callback)


def declare_queue(queue: str, arguments: dict[str, Any]) -> Step:
    """Declare a durable queue; the channel is closed with 406 if it exists otherwise."""
    return lambda channel, callback: channel.queue_declare(
        queue, durable=True, arguments=arguments, callback=callback
    )


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
