"""A connection to RabbitMQ that is made at its first use and made anew for ever.

Only its loop's thread touches it, except for `wait`. A broker that hangs closes no socket, so
silence is watched: RabbitMQ says something at least every half heartbeat, even while an alarm
keeps it from reading.
"""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Callable
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pika
from pika.exceptions import (
    AMQPHeartbeatTimeout,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ConnectionClosedByClient,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from flowctl.broker.rabbit.loop import Loop
from flowctl.broker.rabbit.terms import Loss, reconnect_ceiling
from flowctl.broker.rabbit.wire import Connection
from flowctl.clock import Clock, SystemClock
from flowctl.errors import BrokerUnavailable, Misconfigured
from flowctl.settings import redact

HEARTBEAT = 15
SILENCE = 20.0
"""Seconds without a byte after which a connection counts as dead."""
DENIED_PAUSE = 30.0
"""Seconds between attempts with a password that was refused, so that nothing gets locked out."""
WELL_AFTER = 30.0
"""Seconds after which a connection is well and its failures are forgotten."""
_TICK = 5.0
_REFUSED = 403
_NO_VHOST = (402, 530)

_log = logging.getLogger(__name__)


class Link:
    """One connection; `on_up` and `on_down` are told in the loop's thread."""

    def __init__(self, loop: Loop, parameters: pika.ConnectionParameters, place: str) -> None:
        self.connection: Any = None
        """The open connection, or None."""
        self.blocked = ""
        """Why the broker takes no publishes now, in its own words; empty while it does."""
        self.on_up: list[Callable[[Any], None]] = []
        self.on_down: list[Callable[[str], None]] = []
        self.on_blocked: list[Callable[[], None]] = []
        self._loop, self._parameters, self._place = loop, parameters, place
        self._clock: Clock = SystemClock()
        self._attempt: Any = None
        self._timer: Any = None
        self._wanted = False
        self._loss = Loss("not connected yet")
        self._failures = 0
        self._since = self._clock.monotonic()
        self._heard = (0, 0.0)
        self._decided = Event()
        loop.on_crash.append(self.drop)

    def wait(self, timeout: float) -> None:
        """Return when connected; from any thread but the loop's.

        Raises:
            BrokerUnavailable: it does not come about, and why.
        """
        if self.connection is not None:
            return
        self._loop.call(self.open)
        self._decided.wait(timeout)
        if self.connection is None:
            raise self.error()

    @property
    def denied(self) -> bool:
        """Whether the broker refused us, so that waiting does not help."""
        return self.connection is None and self._loss.denied

    def error(self) -> BrokerUnavailable:
        """Return why there is no connection, as it is told to callers."""
        return self._loss.error(self._place)

    def open(self) -> None:
        """Begin to connect, and never stop trying."""
        if not self._wanted:
            self._wanted = True
            self._since = self._clock.monotonic()
            self._connect()
            self._loop.later(_TICK, self._tick)

    def drop(self, why: str) -> None:
        """Give the present connection up at once and make a new one."""
        if self.connection is not None:
            self.connection.abort(why)

    def close(self, done: Callable[[], None]) -> None:
        """Close for good; `done` is called when nothing is left."""
        self._wanted = False
        self._loss = Loss("this connection was closed")
        self._loop.forget(self._timer)
        doomed = self.connection or self._attempt
        if doomed is None or doomed.is_closed:
            done()
            return
        self._loop.later(3.0, lambda: doomed.abort("closing took too long"))
        self.on_down.append(lambda _why: done())
        if not doomed.is_closing:
            doomed.close()

    def _connect(self) -> None:
        self._timer = None
        if self._wanted:
            self._attempt = Connection(
                self._parameters,
                on_open_callback=self._opened,
                on_open_error_callback=self._failed,
                on_close_callback=self._closed,
                custom_ioloop=self._loop.io,
            )

    def _opened(self, connection: Any) -> None:
        self._attempt, self.connection, self.blocked = None, connection, ""
        self._since = self._clock.monotonic()
        self._heard = (-1, self._since)
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        if self._failures:
            _log.info("connected to %s again", self._place)
        self._decided.set()
        for listener in self.on_up:
            listener(connection)

    def _failed(self, connection: Any, error: BaseException) -> None:
        if connection is self._attempt:
            self._attempt = None
            self._lost(read_loss(error))

    def _closed(self, connection: Any, error: BaseException) -> None:
        if connection is not self.connection:
            return
        self.connection, self.blocked = None, ""
        self._decided.clear()
        if self._clock.monotonic() - self._since > WELL_AFTER:
            self._failures = 0
        self._since = self._clock.monotonic()
        self._lost(read_loss(error))

    def _lost(self, loss: Loss) -> None:
        if self._wanted:
            self._loss = loss
            self._try_again()
        # Where waiting would not help, everybody is to know now.
        if loss.denied:
            self._decided.set()
        else:
            self._decided.clear()
        for listener in list(self.on_down):
            listener(loss.reason)

    def _try_again(self) -> None:
        outage = self._clock.monotonic() - self._since
        pause = random.uniform(0.1, max(0.1, reconnect_ceiling(self._failures, outage)))
        if self._loss.denied:
            pause = DENIED_PAUSE
        level = logging.DEBUG if self._failures else logging.WARNING
        _log.log(level, "%s: %s; trying again in %.1f s", self._place, self._loss.reason, pause)
        self._failures += 1
        self._timer = self._loop.later(pause, self._connect)

    def _tick(self) -> None:
        if not self._wanted:
            return
        self._loop.later(_TICK, self._tick)
        if self.connection is None:
            return
        heard, now = self.connection.bytes_received, self._clock.monotonic()
        if heard != self._heard[0]:
            self._heard = (heard, now)
        elif now - self._heard[1] >= SILENCE:
            self.drop(f"the broker said nothing for {SILENCE:g} s")

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked = str(frame.method.reason) or "an alarm"
        _log.warning("%s takes no messages: %s", self._place, self.blocked)
        self._tell_blocked()

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.blocked = ""
        _log.info("%s takes messages again", self._place)
        self._tell_blocked()

    def _tell_blocked(self) -> None:
        for listener in self.on_blocked:
            listener()


def parameters_of(url: str, name: str) -> pika.ConnectionParameters:
    """Return how to connect to `url`, for one attempt, under a name that people see.

    Raises:
        Misconfigured: the URL cannot be used.
    """
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError):
        # Not chained: the library's words repeat the URL with its password.
        raise Misconfigured(f'broker "{_shown(url)}" is not a URL that can be used') from None
    parameters.connection_attempts, parameters.retry_delay = 1, 0
    parameters.socket_timeout, parameters.stack_timeout = 5, 10
    parameters.heartbeat = HEARTBEAT
    # Publishes have their own deadline; this ends a connection whose "unblocked" got lost.
    parameters.blocked_connection_timeout = 300
    parameters.client_properties = {"connection_name": name, "product": "flowctl"}
    parameters.tcp_options = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
    if parameters.ssl_options is not None and parameters.ssl_options.server_hostname is None:
        parameters.ssl_options.server_hostname = parameters.host
    return parameters


def read_loss(error: BaseException) -> Loss:
    """Return in our words why a connection failed or ended."""
    if isinstance(error, ConnectionClosedByBroker):
        return _closed_by_broker(error)
    if isinstance(error, ProbableAuthenticationError | ProbableAccessDeniedError):
        return _while_opening(error)
    if isinstance(error, ConnectionClosedByClient):
        return Loss("this connection was closed")
    if isinstance(error, AMQPHeartbeatTimeout | StreamLostError):
        return Loss(f"the connection was lost: {_first_words(error)}")
    return Loss(f"no connection: {_first_words(error)}")


def is_missing(error: BaseException) -> bool:
    """Whether the broker closed a channel because the object is not there."""
    return isinstance(error, ChannelClosedByBroker) and error.reply_code == 404


def is_other(error: BaseException) -> bool:
    """Whether the broker closed a channel because the object is there with other arguments."""
    return isinstance(error, ChannelClosedByBroker) and error.reply_code == 406


def _closed_by_broker(error: ConnectionClosedByBroker) -> Loss:
    denied = error.reply_code in (_REFUSED, *_NO_VHOST)
    return Loss(f"the broker said {error.reply_code}: {error.reply_text}", denied=denied)


def _while_opening(error: ProbableAuthenticationError | ProbableAccessDeniedError) -> Loss:
    """Tell a refusal from a loss: pika guesses one from every end at that moment."""
    text = str(error)
    if "ConnectionClosedByBroker" not in text:
        return Loss(f"the connection was lost while opening: {text[:200]}")
    if isinstance(error, ProbableAuthenticationError):
        return Loss("the broker refused the user or the password", denied=True)
    missing = "vhost" in text and "not found" in text
    return Loss(
        "there is no such virtual host" if missing else "the user may not use the virtual host",
        denied=True,
    )


def _first_words(error: BaseException) -> str:
    """Return the cause at the bottom, without the towers of wrapping around it."""
    seen: BaseException = error
    while inner := _inside(seen):
        seen = inner
    if isinstance(seen, socket.gaierror | OSError) and seen.strerror:
        return seen.strerror.lower()
    words = str(seen).strip().splitlines()
    return (words[0] if words else type(seen).__name__)[:200]


def _inside(error: BaseException) -> BaseException | None:
    nested = list(getattr(error, "exceptions", ()))
    nested += [getattr(error, "exception", None), *error.args]
    return next((e for e in reversed(nested) if isinstance(e, BaseException)), None)


def _shown(url: str) -> str:
    try:
        urlsplit(url).port  # noqa: B018 - asked for its complaint
        return redact(url)
    except ValueError:
        return url.partition("://")[0] + "://***"
