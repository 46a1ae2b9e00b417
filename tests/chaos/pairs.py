"""The two pairs of broker and database that chaos runs on, with what may be done to their servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster import Cluster
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer

PAIRS = ("embedded", "servers")

Outages = list[Callable[[], None]]


@contextmanager
def pair(
    name: str, home: Path, env: dict[str, str] | None = None
) -> Iterator[tuple[Cluster, Outages]]:
    """Start a cluster on the named pair and stop everything at the end."""
    with ExitStack() as stack:
        outages: Outages = []
        urls: dict[str, str] = {}
        if name == "servers":
            rabbit, postgres = RabbitServer(), PostgresServer()
            stack.callback(rabbit.close)
            stack.callback(postgres.close)
            rabbit.start()
            postgres.start()
            urls = {"broker": rabbit.url, "state": postgres.url}
            outages = [broker_killed(rabbit), database_killed(postgres)]
        cluster = Cluster(home, agents=2, cpus=6, schedulers=2, **urls, env=env)
        stack.callback(cluster.stop)
        yield cluster.start(), outages


def broker_killed(server: RabbitServer) -> Callable[[], None]:
    """Return the act of killing the broker and starting it again."""

    def broker() -> None:
        server.kill()
        server.start()

    return broker


def database_killed(server: PostgresServer) -> Callable[[], None]:
    """Return the act of killing the database and starting it again."""

    def database() -> None:
        server.kill()
        server.start()

    return database
