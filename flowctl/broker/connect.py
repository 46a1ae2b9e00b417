"""Picks the broker that a URL names; neither is imported before it is wanted."""

from __future__ import annotations

from pathlib import Path

from flowctl.broker.base import Broker
from flowctl.errors import Misconfigured
from flowctl.settings import redact

PATIENCE = 15.0
"""Seconds that a question waits for a connection where nobody says otherwise."""


def open_broker(url: str, *, name: str = "", patience: float = PATIENCE) -> Broker:
    """Return the broker at `url`; it connects by itself at its first use.

    `name` is how people see this connection at the broker; a question to a broker that cannot be
    reached fails after `patience` seconds.

    Raises:
        Misconfigured: the URL names no broker that flowctl knows.
    """
    scheme = url.partition(":")[0]
    if scheme in {"amqp", "amqps"}:
        return _open_rabbit(url, name, patience)
    if scheme == "embedded":
        return _open_embedded(url, name)
    raise Misconfigured(
        f'broker "{redact(url)}" is not a URL that flowctl knows',
        remedy="begin it with embedded://, amqp:// or amqps://",
    )


def embedded_path(url: str) -> Path:
    """Return the database file of an `embedded:` URL.

    >>> embedded_path("embedded:////var/lib/flowctl/broker.db")
    PosixPath('/var/lib/flowctl/broker.db')

    Raises:
        Misconfigured: it names no file.
    """
    path = url.removeprefix("embedded://")
    if not path.startswith("/") or not path.strip("/"):
        raise Misconfigured(
            f'broker "{redact(url)}" names no file', remedy="write embedded:////absolute/path.db"
        )
    return Path("/" + path.strip("/"))


def _open_embedded(url: str, name: str) -> Broker:
    from flowctl.broker.embedded.broker import EmbeddedBroker

    return EmbeddedBroker(embedded_path(url), name=name)


def _open_rabbit(url: str, name: str, patience: float) -> Broker:
    from flowctl.broker.rabbit.broker import RabbitBroker

    return RabbitBroker(url, name=name, patience=patience)
